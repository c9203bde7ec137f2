"""Timetables of one's own: the base that authors subclass, and how it answers what our timetables are asked.

They run where user code runs; what they answer is stored, and the scheduler goes by that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orchestrator.core.timetables.base import DataInterval, NextRun, Restriction, TimetableError

TimeRestriction = Restriction


@dataclass(frozen=True)
class DagRunInfo:
    """One run to come: not before ``run_after``, for ``data_interval``."""

    run_after: Any
    data_interval: Any

    @classmethod
    def exact(cls, at: Any) -> DagRunInfo:
        return cls(at, DataInterval.exact(at))

    @classmethod
    def interval(cls, start: Any, end: Any) -> DagRunInfo:
        return cls(end, DataInterval(start, end))

    @property
    def logical_date(self) -> Any:
        return self.data_interval.start


class Timetable:
    """Base of timetables. Subclasses define ``next_dagrun_info`` and ``infer_manual_data_interval``."""

    description: str = ""
    periodic: bool = True
    can_be_scheduled: bool = True
    run_ordering: Sequence[str] = ("data_interval_end", "logical_date")
    active_runs_limit: int | None = None
    fail_on_no_asset_events = False

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:
        return cls()

    def serialize(self) -> dict[str, Any]:
        return {}

    def validate(self) -> None:
        """Raise something where the timetable cannot be used."""

    @property
    def summary(self) -> str:
        return type(self).__name__

    def infer_manual_data_interval(self, *, run_after: Any) -> Any:
        """Return the interval of a run that somebody triggers at ``run_after``."""
        raise NotImplementedError(f"{type(self).__name__} defines no infer_manual_data_interval()")

    def next_dagrun_info(self, *, last_automated_data_interval: Any, restriction: Any) -> DagRunInfo | None:
        """Return the run after the one with this interval (None: the first); None where there is none."""
        raise NotImplementedError(f"{type(self).__name__} defines no next_dagrun_info()")


class OwnTimetable:
    """A timetable of the author's own, asked in the process that holds it."""

    type = "custom"

    def __init__(self, timetable: Any) -> None:
        self.timetable = timetable
        validate = getattr(timetable, "validate", None)
        if validate is not None:
            validate()
        self.summary = str(getattr(timetable, "summary", "") or type(timetable).__name__)
        self.description = str(getattr(timetable, "description", "") or "")
        self.periodic = bool(getattr(timetable, "periodic", True))
        self.can_be_scheduled = bool(getattr(timetable, "can_be_scheduled", True))

    def next_run(self, *, last: DataInterval | None, restriction: Restriction, now: datetime) -> NextRun | None:
        given = DataInterval(_moment(last.start), _moment(last.end)) if last is not None else None
        bounds = Restriction(_moment(restriction.earliest), _moment(restriction.latest), restriction.catchup)
        found = self.timetable.next_dagrun_info(last_automated_data_interval=given, restriction=bounds)
        if found is None:
            return None
        interval = DataInterval(_plain(found.data_interval.start), _plain(found.data_interval.end))
        return NextRun(_plain(found.run_after), interval.start, interval)

    def infer_manual_interval(self, run_after: datetime) -> DataInterval:
        found = self.timetable.infer_manual_data_interval(run_after=_moment(run_after))
        return DataInterval(_plain(found.start), _plain(found.end))

    def to_json(self) -> dict[str, Any]:
        kind = type(self.timetable)
        serialize = getattr(self.timetable, "serialize", dict)
        return {
            "type": self.type,
            "class": f"{kind.__module__}.{kind.__qualname__}",
            "data": serialize(),
            "summary": self.summary[:500],
            "description": self.description[:1000],
            "periodic": self.periodic,
            "can_be_scheduled": self.can_be_scheduled,
        }


def _moment(value: datetime | None) -> Any:
    """A time as timetables written for Airflow expect it."""
    if value is None:
        return None
    import pendulum

    return pendulum.instance(value)


def _plain(value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TimetableError(f"a timetable must answer times with a zone, not {value!r}")
    return datetime.fromisoformat(value.astimezone(UTC).isoformat())
