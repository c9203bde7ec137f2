"""How many parts of a period must be there before its run is made."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any


class WaitPolicy:
    """Decides by the parts that have arrived and those that are expected."""

    def is_satisfied(self, matched: int, expected: int) -> bool:
        raise NotImplementedError

    def is_unreachable(self, expected: int) -> bool:
        """Whether so many expected parts can never be enough."""
        return False

    def holds(self, arrived: AbstractSet[str], expected: AbstractSet[str]) -> bool:
        return not self.is_unreachable(len(expected)) and self.is_satisfied(len(arrived & expected), len(expected))

    def to_json(self) -> dict[str, Any]:
        raise NotImplementedError


@dataclass(frozen=True)
class WaitForAll(WaitPolicy):
    """Every part."""

    def is_satisfied(self, matched: int, expected: int) -> bool:
        return matched >= expected

    def to_json(self) -> dict[str, Any]:
        return {"type": "all"}


@dataclass(frozen=True)
class MinimumCount(WaitPolicy):
    """At least ``n`` parts; with a negative ``n``, all but at most that many."""

    n: int

    def __post_init__(self) -> None:
        if self.n == 0:
            raise ValueError("MinimumCount(0) would always hold: use WaitForAll(), or a number other than 0")

    def is_satisfied(self, matched: int, expected: int) -> bool:
        return matched >= (self.n if self.n > 0 else max(0, expected + self.n))

    def is_unreachable(self, expected: int) -> bool:
        return self.n > expected

    def to_json(self) -> dict[str, Any]:
        return {"type": "minimum", "n": self.n}


def policy_from_json(document: dict[str, Any]) -> WaitPolicy:
    return WaitForAll() if document["type"] == "all" else MinimumCount(document["n"])
