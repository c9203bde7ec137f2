"""A bar that shows how a whole is shared out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a bar, in thousandths of its width. ``name`` is a state, or "open"."""

    name: str
    count: int
    x: float
    width: float


def parts(counts: Iterable[tuple[str, int]], total: int | None = None) -> list[Part]:
    """Lay the counts side by side; ``total`` is what fills the bar where they need not."""
    there = [(name, count) for name, count in counts if count > 0]
    whole = max(sum(count for _, count in there), total or 0) or 1
    found, x = [], 0.0
    for name, count in there:
        width = count / whole * WIDTH
        found.append(Part(name, count, round(x, 2), round(width, 2)))
        x += width
    return found
