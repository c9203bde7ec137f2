"""Timetables without a rhythm: never, once, and one run after the other."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .base import DataInterval, NextRun, Restriction


class NullTimetable:
    """Runs only when asked."""

    type = "null"
    summary = "None"
    description = "Never, external triggers only"
    periodic = False
    can_be_scheduled = False

    def next_run(self, *, last: DataInterval | None, restriction: Restriction, now: datetime) -> NextRun | None:
        return None

    def infer_manual_interval(self, run_after: datetime) -> DataInterval:
        return DataInterval(run_after, run_after)

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type}


class OnceTimetable(NullTimetable):
    """Runs once, at its start date or at once."""

    type = "once"
    summary = "@once"
    description = "Once, as soon as possible"
    can_be_scheduled = True

    def next_run(self, *, last: DataInterval | None, restriction: Restriction, now: datetime) -> NextRun | None:
        if last is not None:
            return None
        at = restriction.earliest or now
        if restriction.latest is not None and at > restriction.latest:
            return None
        return NextRun(at, at, DataInterval(at, at))


class ContinuousTimetable(NullTimetable):
    """Runs again as soon as the run before has ended."""

    type = "continuous"
    summary = "@continuous"
    description = "As frequently as possible, but only one run at a time."
    can_be_scheduled = True

    def next_run(self, *, last: DataInterval | None, restriction: Restriction, now: datetime) -> NextRun | None:
        earliest = restriction.earliest or now
        if last is None:
            start, end = earliest, max(earliest, now)
        elif last.end > now:  # the last run lay in the future: begin again at the start date
            start, end = earliest, earliest + (last.end - last.start)
        else:
            start, end = last.end, now
        if restriction.latest is not None and end > restriction.latest:
            return None
        return NextRun(end, start, DataInterval(start, end))
