"""Windows: the smaller parts that one larger part of the data is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from orchestrator.core import own


class Direction(StrEnum):
    """Whether the period begins at the key it belongs to, or ends there."""

    FORWARD = "forward"
    BACKWARD = "backward"


class Window:
    """The members of a period. ``decoded`` values are times, or texts for windows of named parts."""

    kind: ClassVar[str] = ""
    expected_decoded_type: ClassVar[type] = str
    Direction = Direction

    def __init__(self, *, direction: Any = Direction.FORWARD) -> None:
        self.direction = Direction(direction)

    def to_upstream(self, decoded: Any) -> Iterable[Any]:
        """Yield the members of the period that ``decoded`` stands for."""
        raise NotImplementedError

    def serialize(self) -> dict[str, Any]:
        """What :meth:`deserialize` makes an equal one of; for windows of authors' own."""
        return {"direction": str(self.direction)}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Window:
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        if type(self) is not KINDS.get(self.kind):
            return own.document_of(self, "window", "windows")
        return {"type": self.kind, "direction": str(self.direction)}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), str(self.direction)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.direction})"


class _Steps(Window):
    """``count`` members, each a step after the other."""

    expected_decoded_type = datetime
    count: ClassVar[int] = 0

    def step(self, start: datetime, number: int) -> datetime:
        raise NotImplementedError

    def to_upstream(self, decoded: datetime) -> list[datetime]:
        start = self.step(decoded, 1 - self.count) if self.direction is Direction.BACKWARD else decoded
        return [self.step(start, number) for number in range(self.count)]


class HourWindow(_Steps):
    """The sixty minutes of an hour."""

    kind, count = "hour", 60

    def step(self, start: datetime, number: int) -> datetime:
        return start + timedelta(minutes=number)


class DayWindow(_Steps):
    """The 24 hours of a day."""

    kind, count = "day", 24

    def step(self, start: datetime, number: int) -> datetime:
        return start + timedelta(hours=number)


class WeekWindow(_Steps):
    """The seven days of a week."""

    kind, count = "week", 7

    def step(self, start: datetime, number: int) -> datetime:
        return start + timedelta(days=number)


class _Months(_Steps):
    def step(self, start: datetime, number: int) -> datetime:
        return shifted(start, number)

    def to_upstream(self, decoded: datetime) -> list[datetime]:
        _first_of_month(decoded, self)
        return super().to_upstream(decoded)


class QuarterWindow(_Months):
    """The three months of a quarter."""

    kind, count = "quarter", 3


class YearWindow(_Months):
    """The twelve months of a year."""

    kind, count = "year", 12


class MonthWindow(Window):
    """The days of a month; backward: those after the first of the month before, up to the key's own day."""

    kind = "month"
    expected_decoded_type = datetime

    def to_upstream(self, decoded: datetime) -> list[datetime]:
        _first_of_month(decoded, self)
        if self.direction is Direction.BACKWARD:
            before = shifted(decoded, -1)
            return [before + timedelta(days=number + 1) for number in range((decoded - before).days)]
        return [decoded + timedelta(days=number) for number in range((shifted(decoded, 1) - decoded).days)]


class SegmentWindow(Window):
    """Parts that are named: ``SegmentWindow(["us", "eu"])``."""

    kind = "segments"

    def __init__(self, segments: Iterable[str]) -> None:
        super().__init__()
        found = list(segments)
        for place, each in enumerate(found):
            if not isinstance(each, str):
                raise ValueError(
                    f"SegmentWindow segment keys must be str; got {type(each).__name__!r} at index {place}: {each!r}"
                )
            if not each:
                raise ValueError(f"SegmentWindow segment keys must be non-empty; got an empty string at index {place}.")
        if not found:
            raise ValueError("SegmentWindow requires at least one segment key; got an empty iterable.")
        self.segments = frozenset(found)

    def to_upstream(self, decoded: Any) -> frozenset[str]:
        return self.segments

    def serialize(self) -> dict[str, Any]:
        return {"segments": sorted(self.segments)}

    def to_json(self) -> dict[str, Any]:
        return {"type": self.kind, **self.serialize()} if type(self) is SegmentWindow else super().to_json()


def shifted(date: datetime, months: int) -> datetime:
    """The same day some months later."""
    total = date.month - 1 + months
    return date.replace(year=date.year + total // 12, month=total % 12 + 1)


def _first_of_month(date: datetime, window: Window) -> None:
    if date.day != 1:
        raise ValueError(
            f"{type(window).__name__} expects a period start on day 1 of the month, got {date.isoformat()}: "
            "its mapper must map to the start of a month"
        )


class OwnWindow(Window):
    """Stands for a window of an author's own where its class is not: it says nothing by itself."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__()
        self.document = document
        self.expected_decoded_type = datetime if document["decoded"] == "datetime" else str  # type: ignore[misc]

    def to_json(self) -> dict[str, Any]:
        return self.document


KINDS: dict[str, Callable[..., Window]] = {
    each.kind: each
    for each in (HourWindow, DayWindow, WeekWindow, MonthWindow, QuarterWindow, YearWindow, SegmentWindow)
}


def window_from_json(document: dict[str, Any]) -> Window:
    """Return the window that ``to_json`` described.

    Raises:
        KeyError, ValueError: it is none of ours.
    """
    if document["type"] == own.KIND:
        made: Window = own.made_from(document) or OwnWindow(document)
        return made
    kind = KINDS[document["type"]]
    return kind(document["segments"]) if "segments" in document else kind(direction=document["direction"])
