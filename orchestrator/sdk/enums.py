"""The words of rules and states, for files that take them from enums."""

from __future__ import annotations

from enum import StrEnum

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


class WeekDay(StrEnum):
    """Days of the week by name; ``number`` is 1 for Monday to 7 for Sunday, as :meth:`datetime.isoweekday` counts."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"

    @property
    def number(self) -> int:
        return list(WeekDay).index(self) + 1

    @classmethod
    def numbers(cls, given: object) -> set[int]:
        """Read one day or several, as names in any case or as members.

        Raises:
            ValueError: something that is no day; the message names it.
        """
        if isinstance(given, (str, WeekDay)):
            given = [given]
        if not isinstance(given, (list, tuple, set, frozenset)) or not given:
            raise ValueError(f"a day of the week, or a set of them, is wanted, not {given!r}")
        try:
            return {cls(str(getattr(each, "value", each)).upper()).number for each in given}
        except ValueError as error:
            raise ValueError(f"Invalid Week Day passed in {given!r}: give names such as MONDAY") from error
