"""When DAGs run. Pure: the clock is an argument."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from .base import DataInterval, NextRun, Restriction, Timetable, TimetableError
from .cron import CronDataIntervalTimetable, CronTriggerTimetable
from .delta import DeltaDataIntervalTimetable, DeltaTriggerTimetable, delta_from
from .simple import ContinuousTimetable, NullTimetable, OnceTimetable

__all__ = [
    "DataInterval",
    "NextRun",
    "Restriction",
    "Timetable",
    "TimetableError",
    "from_json",
    "from_schedule",
]


def from_schedule(schedule: Any, timezone: str = "UTC") -> Timetable:
    """Return the timetable for what authors write as ``schedule``.

    Raises:
        TimetableError: a value that is no schedule.
    """
    if schedule is None:
        return NullTimetable()
    if isinstance(schedule, str):
        if schedule == "@once":
            return OnceTimetable()
        if schedule == "@continuous":
            return ContinuousTimetable()
        return CronTriggerTimetable(schedule, timezone)
    if isinstance(schedule, timedelta) or type(schedule).__name__ == "relativedelta":
        return DeltaTriggerTimetable(schedule)
    if hasattr(schedule, "next_run") and hasattr(schedule, "to_json"):
        return schedule
    raise TimetableError(f"{schedule!r} is no schedule: give a cron expression, a timedelta, a timetable or None")


def from_json(document: dict[str, Any]) -> Timetable:
    """Return the timetable that ``to_json`` described.

    Raises:
        TimetableError: an unknown type, or values it cannot take.
    """
    kind = document.get("type")
    if kind == "null":
        return NullTimetable()
    if kind == "once":
        return OnceTimetable()
    if kind == "continuous":
        return ContinuousTimetable()
    try:
        if kind == "cron_trigger":
            interval = timedelta(seconds=document.get("interval", 0))
            return CronTriggerTimetable(document["expression"], document["timezone"], interval)
        if kind == "cron_data_interval":
            return CronDataIntervalTimetable(document["expression"], document["timezone"])
        if kind == "delta_trigger":
            return DeltaTriggerTimetable(delta_from(document["delta"]))
        if kind == "delta_data_interval":
            return DeltaDataIntervalTimetable(delta_from(document["delta"]))
    except KeyError as error:
        raise TimetableError(f"timetable {kind!r} lacks its field {error}") from error
    raise TimetableError(f"timetable type {kind!r} is not known")
