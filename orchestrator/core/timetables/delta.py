"""Schedules every so often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from .base import DataInterval, NextRun, Restriction, TimetableError


class DeltaTriggerTimetable:
    """Runs every ``delta``; its interval is that moment."""

    type = "delta_trigger"
    periodic = True
    can_be_scheduled = True

    def __init__(self, delta: Any, *, interval: Any = timedelta()) -> None:
        self.delta, self.interval = delta, interval
        if isinstance(delta, timedelta) and delta <= timedelta():
            raise TimetableError(f"schedule interval must be positive, not {delta!r}")
        self.summary = str(delta)
        self.description = ""

    def next_run(self, *, last: DataInterval | None, restriction: Restriction, now: datetime) -> NextRun | None:
        if restriction.catchup:
            if last is not None:
                at = last.end + self.delta
            elif restriction.earliest is not None:
                at = restriction.earliest
            else:
                return None
        else:
            candidates = [now]
            if last is not None:
                candidates.append(last.end + self.delta)
            if restriction.earliest is not None:
                candidates.append(restriction.earliest)
            at = max(candidates)
        if restriction.latest is not None and at > restriction.latest:
            return None
        return NextRun(at, at - self.interval, DataInterval(at - self.interval, at))

    def infer_manual_interval(self, run_after: datetime) -> DataInterval:
        return DataInterval(run_after - self.interval, run_after)

    def to_json(self) -> dict[str, Any]:
        found = {"type": self.type, "delta": delta_json(self.delta)}
        if self.interval:
            found["interval"] = delta_json(self.interval)
        return found


class DeltaDataIntervalTimetable(DeltaTriggerTimetable):
    """Runs at the end of each interval of ``delta``."""

    type = "delta_data_interval"

    def __init__(self, delta: Any) -> None:
        super().__init__(delta)

    def next_run(self, *, last: DataInterval | None, restriction: Restriction, now: datetime) -> NextRun | None:
        earliest = restriction.earliest
        if not restriction.catchup:
            newest = self._round(now) - self.delta
            earliest = newest if earliest is None else max(newest, earliest)
        if last is None:
            if earliest is None:
                return None
            start = earliest
        else:
            # An empty interval is a trigger timetable's, which this DAG had before: its moment has had its run.
            start = last.end + self.delta if last.start == last.end else last.end
            start = start if earliest is None else max(start, earliest)
        if restriction.latest is not None and start > restriction.latest:
            return None
        end = start + self.delta
        return NextRun(end, start, DataInterval(start, end))

    def _round(self, moment: datetime) -> datetime:
        """Round down to a whole number of intervals since 1970, so that runs start at even times."""
        size = _seconds(self.delta)
        return datetime.fromtimestamp(moment.timestamp() // size * size, UTC) if size > 0 else moment

    def infer_manual_interval(self, run_after: datetime) -> DataInterval:
        return DataInterval(run_after - self.delta, run_after)


def _seconds(delta: Any) -> float:
    """About how long a span is; a month counts as 30 days."""
    if isinstance(delta, timedelta):
        return delta.total_seconds()
    days = delta.years * 365 + delta.months * 30 + delta.days
    return days * 86400 + delta.hours * 3600 + delta.minutes * 60 + delta.seconds


RELATIVE = ("years", "months", "days", "leapdays", "hours", "minutes", "seconds", "microseconds")
ABSOLUTE = ("year", "month", "day", "hour", "minute", "second", "microsecond")


def delta_json(delta: Any) -> Any:
    """A span as data: seconds, or the parts of a relativedelta."""
    if isinstance(delta, timedelta):
        return delta.total_seconds()
    found = {name: getattr(delta, name) for name in RELATIVE if getattr(delta, name, 0)}
    found.update({name: getattr(delta, name) for name in ABSOLUTE if getattr(delta, name, None) is not None})
    weekday = getattr(delta, "weekday", None)
    if weekday is not None:
        found["weekday"] = [weekday.weekday, weekday.n]
    return found


def delta_from(data: Any) -> Any:
    """The way back from :func:`delta_json`."""
    if isinstance(data, (int, float)):
        return timedelta(seconds=data)
    from dateutil.relativedelta import relativedelta, weekday

    values = dict(data)
    if "weekday" in values:
        values["weekday"] = weekday(*values["weekday"])
    return relativedelta(**values)
