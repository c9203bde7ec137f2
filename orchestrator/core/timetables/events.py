"""Runs at moments that are written down."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from .base import DataInterval, NextRun, Restriction, TimetableError


class EventsTimetable:
    """Runs at each of ``event_dates``; a manual run is one of them too where ``restrict_to_events`` is set."""

    type = "events"
    periodic = True
    can_be_scheduled = True

    def __init__(
        self,
        event_dates: Iterable[datetime],
        restrict_to_events: bool = False,
        presorted: bool = False,
        description: str | None = None,
    ) -> None:
        found = [each if each.tzinfo is not None else each.replace(tzinfo=UTC) for each in event_dates]
        self.event_dates = found if presorted else sorted(each.astimezone(UTC) for each in found)
        if not self.event_dates:
            raise TimetableError("EventsTimetable needs at least one date")
        self.restrict_to_events = restrict_to_events
        self.given = description
        count = f"{len(self.event_dates)} events"
        self.summary = description or count
        first, last = self.event_dates[0].isoformat(), self.event_dates[-1].isoformat()
        self.description = description or f"{count} between {first} and {last}"

    def next_run(self, *, last: DataInterval | None, restriction: Restriction, now: datetime) -> NextRun | None:
        earliest = restriction.earliest
        if not restriction.catchup:
            earliest = now if earliest is None else max(now, earliest)
        for at in self.event_dates:
            if (earliest is not None and at < earliest) or (last is not None and at <= last.end):
                continue
            if restriction.latest is not None and at > restriction.latest:
                return None
            return NextRun(at, at, DataInterval(at, at))
        return None

    def infer_manual_interval(self, run_after: datetime) -> DataInterval:
        if not self.restrict_to_events:
            return DataInterval(run_after, run_after)
        past = [each for each in self.event_dates if each <= run_after]
        at = past[-1] if past else self.event_dates[0]
        return DataInterval(at, at)

    def to_json(self) -> dict[str, Any]:
        dates = [each.isoformat() for each in self.event_dates]
        return {"type": self.type, "dates": dates, "restrict": self.restrict_to_events, "description": self.given}
