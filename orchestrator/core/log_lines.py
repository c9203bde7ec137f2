"""The first line in which two logs say something else; times and ids, which always differ, do not count."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest

from .fingerprints import NOISE

SPAN = re.compile(r"\b\d+(?:\.\d+)?\s?(?:ms|s|sec|seconds?|milliseconds?)\b")
PID = re.compile(r"\b(pid)([\s:=#]+)\d+\b", re.IGNORECASE)


def first_difference(
    before: Sequence[str], after: Sequence[str], own: tuple[Mapping[str, str], Mapping[str, str]], *, cut: bool = False
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
    for pattern, stands in NOISE:
        line = pattern.sub(stands, line)
    line = PID.sub(r"\1\2<pid>", SPAN.sub("<span>", line))
    return " ".join(line.split())
