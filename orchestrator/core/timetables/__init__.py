"""When DAGs run. Pure: the clock is an argument."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from .assets import AssetOrTimeSchedule, AssetTriggeredTimetable, is_continuous
from .base import DataInterval, NextRun, Restriction, Timetable, TimetableError
from .cron import CronDataIntervalTimetable, CronTriggerTimetable
from .custom import StoredTimetable
from .delta import DeltaDataIntervalTimetable, DeltaTriggerTimetable, delta_from
from .events import EventsTimetable
from .multiple import MultipleCronTriggerTimetable
from .partitions import CronPartitionTimetable, PartitionedAssetTimetable, PartitionedAtRuntime
from .simple import ContinuousTimetable, NullTimetable, OnceTimetable

__all__ = [
    "AssetOrTimeSchedule",
    "AssetTriggeredTimetable",
    "ContinuousTimetable",
    "CronDataIntervalTimetable",
    "CronPartitionTimetable",
    "CronTriggerTimetable",
    "DataInterval",
    "DeltaDataIntervalTimetable",
    "DeltaTriggerTimetable",
    "EventsTimetable",
    "MultipleCronTriggerTimetable",
    "NextRun",
    "NullTimetable",
    "OnceTimetable",
    "PartitionedAssetTimetable",
    "PartitionedAtRuntime",
    "Restriction",
    "Timetable",
    "TimetableError",
    "from_json",
    "from_schedule",
    "is_continuous",
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
    if hasattr(schedule, "as_expression") or isinstance(schedule, (list, tuple, set, frozenset)):
        return AssetTriggeredTimetable(schedule)
    raise TimetableError(
        f"{schedule!r} is no schedule: give a cron expression, a timedelta, a timetable, assets or None"
    )


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
            return CronTriggerTimetable(document["expression"], document["timezone"], **_options(document))
        if kind == "multiple_cron_trigger":
            return MultipleCronTriggerTimetable(
                *document["expressions"], timezone=document["timezone"], **_options(document)
            )
        if kind == "events":
            dates = [datetime.fromisoformat(each) for each in document["dates"]]
            return EventsTimetable(dates, document["restrict"], description=document.get("description"))
        if kind == "cron_data_interval":
            return CronDataIntervalTimetable(document["expression"], document["timezone"])
        if kind == "delta_trigger":
            return DeltaTriggerTimetable(delta_from(document["delta"]), **_options(document))
        if kind == "cron_partition":
            more = {name: document[name] for name in ("run_offset", "key_format") if name in document}
            return CronPartitionTimetable(
                document["expression"], timezone=document["timezone"], **more, **_options(document)
            )
        if kind == "partitioned_at_runtime":
            return PartitionedAtRuntime()
        if kind == "partitioned_assets":
            return PartitionedAssetTimetable.from_json(document)
        if kind == "custom":
            return StoredTimetable(document)
        if kind == "assets":
            return AssetTriggeredTimetable(document["assets"])
        if kind == "asset_or_time":
            return AssetOrTimeSchedule(timetable=from_json(document["timetable"]), assets=document["assets"])
        if kind == "delta_data_interval":
            return DeltaDataIntervalTimetable(delta_from(document["delta"]))
    except KeyError as error:
        raise TimetableError(f"timetable {kind!r} lacks its field {error}") from error
    raise TimetableError(f"timetable type {kind!r} is not known")


def _options(document: dict[str, Any]) -> dict[str, Any]:
    """The spans that a timetable keeps only where they are set."""
    found: dict[str, Any] = {}
    if "interval" in document:
        found["interval"] = delta_from(document["interval"])
    if "run_immediately" in document:
        given = document["run_immediately"]
        found["run_immediately"] = given if given is True else delta_from(given)
    return found
