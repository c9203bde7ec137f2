"""The first line in which two logs say something else; times and ids, which always differ, do not count."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import zip_longest

from .fingerprints import NOISE

SPAN = re.compile(r"\b\d+(?:\.\d+)?\s?(?:ms|s|sec|seconds?|milliseconds?)\b")
PID = re.compile(r"\b(pid[\s:=#]+)\d+\b", re.IGNORECASE)
RULES = (*((pattern, 0, word) for pattern, word in NOISE), (SPAN, 0, "<span>"), (PID, 1, "<pid>"))
"""What is found, the group of it that stays, and what stands for the rest."""
ALIKE = str.maketrans("23456789", "1" * 8)
"""No rule tells digits apart but 0, with which an address begins."""
LONGEST_KEPT = 1000


def first_difference(
    before: Iterable[str], after: Iterable[str], own: tuple[Mapping[str, str], Mapping[str, str]], *, cut: bool = False
) -> tuple[str | None, str | None] | None:
    """Return the two lines that differ first, None for one that is not there; None where nothing does.

    ``own`` are words of each side's run with what stands for them, its run id before all. ``cut``: there is more of
    both than was read, so that the end of one says nothing.
    """
    for one, other in zip_longest(before, after):
        if one is None or other is None:
            return None if cut else (one, other)
        if one != other and plain(one, own[0]) != plain(other, own[1]):
            return one, other
    return None


def plain(line: str, own: Mapping[str, str]) -> str:
    """Return a line without times, ids, process numbers and what its run alone is called."""
    for word, stands in own.items():
        line = line.replace(word, stands)
    shape = line.translate(ALIKE)
    parts = _kept(shape) if len(line) <= LONGEST_KEPT else _parts(shape)
    return " ".join("".join([line[start:end] + word for start, end, word in parts]).split())


def _parts(shape: str) -> tuple[tuple[int, int, str], ...]:
    """Return which parts of a line stay, each with what stands behind it.

    By the line's shape, which logs repeat line by line and task by task: the rules take ten times as long as looking
    up what they found last time.
    """
    text, places = shape, list(range(len(shape)))  # places: where each character of the text was in the line
    for pattern, group, word in RULES:
        begin, said, held = 0, "", []
        for found in pattern.finditer(text):
            start = found.end(group) if group else found.start()
            said += text[begin:start] + word
            held += places[begin:start] + [-1] * len(word)
            begin = found.end()
        text, places = said + text[begin:], held + places[begin:]
    parts: list[tuple[int, int, str]] = [(0, 0, "")]
    for character, place in zip(text, places, strict=True):
        start, end, behind = parts[-1]
        if place < 0:
            parts[-1] = (start, end, behind + character)
        elif place == end and not behind:
            parts[-1] = (start, end + 1, "")
        else:
            parts.append((place, place + 1, ""))
    return tuple(parts)


_kept = lru_cache(maxsize=5000)(_parts)
