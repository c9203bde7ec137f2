"""The words of rules and states, for files that take them from enums."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum

from .operator import RULES, WEIGHT_RULES

TriggerRule = StrEnum(  # type: ignore[misc]
    "TriggerRule",
    {rule.upper(): rule for rule in sorted(RULES)}
    | {"NONE_FAILED_OR_SKIPPED": "none_failed_min_one_success", "DUMMY": "always"},
)
WeightRule = StrEnum("WeightRule", {rule.upper(): rule for rule in sorted(WEIGHT_RULES)})  # type: ignore[misc]


class DagRunState(StrEnum):
    """States of a dag run."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"


class TaskInstanceState(StrEnum):
    """States of a task instance; one that was never scheduled has none."""

    REMOVED = "removed"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    RESTARTING = "restarting"
    FAILED = "failed"
    UP_FOR_RETRY = "up_for_retry"
    UP_FOR_RESCHEDULE = "up_for_reschedule"
    UPSTREAM_FAILED = "upstream_failed"
    SKIPPED = "skipped"
    DEFERRED = "deferred"
    AWAITING_INPUT = "awaiting_input"


class DagRunType(StrEnum):
    """What made a run."""

    BACKFILL_JOB = "backfill"
    SCHEDULED = "scheduled"
    MANUAL = "manual"
    OPERATOR_TRIGGERED = "operator_triggered"
    ASSET_TRIGGERED = "asset_triggered"
    ASSET_MATERIALIZATION = "asset_materialization"


class State:
    """All states under one name, as Airflow 1 and 2 had them."""

    NONE = None
    SUCCESS = TaskInstanceState.SUCCESS
    FAILED = TaskInstanceState.FAILED
    RUNNING = TaskInstanceState.RUNNING
    QUEUED = TaskInstanceState.QUEUED
    REMOVED = TaskInstanceState.REMOVED
    SCHEDULED = TaskInstanceState.SCHEDULED
    RESTARTING = TaskInstanceState.RESTARTING
    UP_FOR_RETRY = TaskInstanceState.UP_FOR_RETRY
    UP_FOR_RESCHEDULE = TaskInstanceState.UP_FOR_RESCHEDULE
    UPSTREAM_FAILED = TaskInstanceState.UPSTREAM_FAILED
    SKIPPED = TaskInstanceState.SKIPPED
    DEFERRED = TaskInstanceState.DEFERRED
    AWAITING_INPUT = TaskInstanceState.AWAITING_INPUT
    task_states = (None, *TaskInstanceState)
    dag_states = tuple(DagRunState)
    finished = frozenset(
        {
            *(TaskInstanceState.SUCCESS, TaskInstanceState.FAILED, TaskInstanceState.SKIPPED),
            *(TaskInstanceState.UPSTREAM_FAILED, TaskInstanceState.REMOVED),
        }
    )
    unfinished = frozenset(task_states) - finished
    failed_states = frozenset({TaskInstanceState.FAILED, TaskInstanceState.UPSTREAM_FAILED})
    success_states = frozenset({TaskInstanceState.SUCCESS, TaskInstanceState.SKIPPED})


class WeekDay(IntEnum):
    """Days of the week, 1 for Monday to 7 for Sunday, as :meth:`datetime.isoweekday` counts."""

    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6
    SUNDAY = 7

    @classmethod
    def get_weekday_number(cls, week_day_str: str) -> WeekDay:
        """Read a day's name, in any case.

        Raises:
            AttributeError: it is none.
        """
        found = cls.__members__.get(week_day_str.upper())
        if found is None:
            raise AttributeError(f'Invalid Week Day passed: "{week_day_str}"')
        return found

    @classmethod
    def convert(cls, day: str | WeekDay) -> WeekDay:
        return day if isinstance(day, WeekDay) else cls.get_weekday_number(day)

    @classmethod
    def validate_week_day(cls, week_day: object) -> set[int]:
        """Read one day or several, as names or members.

        Raises:
            TypeError: neither; the message says what is wanted.
            AttributeError: a name that is no day's.
        """
        if isinstance(week_day, (str, WeekDay)):
            week_day = [week_day]
        if not isinstance(week_day, Iterable):
            raise TypeError(
                f"Unsupported Type for week_day parameter: {type(week_day)}. "
                "Input should be iterable type: str, set, list, dict or Weekday enum type"
            )
        return {int(cls.convert(each)) for each in week_day}
