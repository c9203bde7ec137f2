"""Two versions of a file side by side: the lines of both with their colours, what is equal folded away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from django.utils.safestring import SafeString

from .text import code

CONTEXT = 4
"""Equal lines that are shown around a change."""
MOST_LINES = 20_000
"""Of both sides together: comparing takes a time that grows with the square."""


@dataclass(frozen=True)
class Row:
    """A line of either side or of both; ``kind`` is equal, changed, added, removed or folded (``count`` lines)."""

    kind: str
    old: int | None = None
    new: int | None = None
    before: SafeString | str = ""
    after: SafeString | str = ""
    count: int = 0


@dataclass
class Diff:
    """``rows`` of what differs; none where the two are equal. ``too_long``: they were not compared."""

    rows: list[Row] = field(default_factory=list)
    added: int = 0
    removed: int = 0
    too_long: bool = False


def side_by_side(old: str, new: str, name: str) -> Diff:
    """Compare two texts line by line."""
    one, other = _lines(old), _lines(new)
    if one == other:
        return Diff()
    if len(one) + len(other) > MOST_LINES:
        return Diff(too_long=True)
    found = Diff()
    before, after = code(old, name) if one else [], code(new, name) if other else []
    opcodes = SequenceMatcher(None, one, other).get_opcodes()
    for number, (kind, a, b, c, d) in enumerate(opcodes):
        if kind == "equal":
            found.rows += _equal(range(a, b), range(c, d), before, after, number == 0, number == len(opcodes) - 1)
            continue
        found.removed += b - a
        found.added += d - c
        for step in range(max(b - a, d - c)):
            left, right = a + step if a + step < b else None, c + step if c + step < d else None
            kind = "changed" if left is not None and right is not None else "removed" if right is None else "added"
            found.rows.append(
                Row(
                    kind,
                    None if left is None else left + 1,
                    None if right is None else right + 1,
                    "" if left is None else before[left],
                    "" if right is None else after[right],
                )
            )
    return found


def _equal(
    a: range, c: range, before: list[SafeString], after: list[SafeString], is_first: bool, is_last: bool
) -> Iterator[Row]:
    """The ends of an equal stretch; what lies between is counted."""
    head, tail = 0 if is_first else CONTEXT, 0 if is_last else CONTEXT
    hidden = len(a) - head - tail
    for step, (left, right) in enumerate(zip(a, c, strict=True)):
        if hidden > 1 and step == head:
            yield Row("folded", count=hidden)
        if hidden <= 1 or step < head or step >= len(a) - tail:
            yield Row("equal", left + 1, right + 1, before[left], after[right])


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []
