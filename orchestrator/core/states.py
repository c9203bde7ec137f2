"""States of runs and task instances, and the moves between them that are legal.

A state is the string Airflow's API and users know it by; a task instance that nothing was decided
about yet has the state ``none`` (Airflow's null). One state means "ready, waits for a slot":
``scheduled``. The database is the queue, so nothing lies between being ready and running and
``queued`` exists for runs only.
"""

from __future__ import annotations

from enum import StrEnum


class TaskState(StrEnum):
    """Where a task instance stands."""

    NONE = "none"  # its dependencies are not met yet
    SCHEDULED = "scheduled"  # its dependencies are met; a worker slot may claim it
    RUNNING = "running"  # one attempt holds it
    DEFERRED = "deferred"  # a trigger waits for it on the triggerer
    AWAITING_INPUT = "awaiting_input"  # a person has yet to answer it
    UP_FOR_RETRY = "up_for_retry"  # the attempt failed; due again at ``not_before``
    UP_FOR_RESCHEDULE = "up_for_reschedule"  # a sensor gave its slot back until ``not_before``
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    UPSTREAM_FAILED = "upstream_failed"  # never ran, because what it needs failed
    REMOVED = "removed"  # the run's version of the DAG no longer has this task
    CANCELLED = "cancelled"  # its run was cancelled: it was stopped, or never began


class RunState(StrEnum):
    """Where a dag run stands."""

    QUEUED = "queued"  # waits for the DAG to be unpaused or for a free place under max_active_runs
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"  # somebody, or an overlap policy, ended it before its time


class RunType(StrEnum):
    """What made the run; the first part of its generated run id."""

    MANUAL = "manual"
    SCHEDULED = "scheduled"
    BACKFILL = "backfill"
    OPERATOR_TRIGGERED = "operator_triggered"
    ASSET_TRIGGERED = "asset_triggered"
    ASSET_MATERIALIZATION = "asset_materialization"


SUCCESS_STATES = frozenset({TaskState.SUCCESS, TaskState.SKIPPED})
FAILED_STATES = frozenset({TaskState.FAILED, TaskState.UPSTREAM_FAILED, TaskState.CANCELLED})
FINISHED = SUCCESS_STATES | FAILED_STATES | {TaskState.REMOVED}
UNFINISHED = frozenset(TaskState) - FINISHED
WAITING = frozenset({TaskState.NONE, TaskState.UP_FOR_RETRY, TaskState.UP_FOR_RESCHEDULE})
"""States in which the next move is decided by time and by the states of others."""

RUN_FINISHED = frozenset({RunState.SUCCESS, RunState.FAILED, RunState.CANCELLED})
RUN_UNFINISHED = frozenset(RunState) - RUN_FINISHED

# What the engine may do by itself. ``none`` straight to ``success`` is a task without user code
# (EmptyOperator), decided in the engine with no process at all.
MOVES: dict[TaskState, frozenset[TaskState]] = {
    TaskState.NONE: frozenset(
        {
            TaskState.SCHEDULED,
            TaskState.SUCCESS,
            TaskState.SKIPPED,
            TaskState.UPSTREAM_FAILED,
            TaskState.FAILED,
            TaskState.REMOVED,
        }
    ),
    TaskState.SCHEDULED: frozenset({TaskState.RUNNING, TaskState.SKIPPED, TaskState.FAILED, TaskState.REMOVED}),
    TaskState.RUNNING: frozenset(
        {
            TaskState.SUCCESS,
            TaskState.FAILED,
            TaskState.SKIPPED,
            TaskState.UP_FOR_RETRY,
            TaskState.UP_FOR_RESCHEDULE,
            TaskState.DEFERRED,
            TaskState.AWAITING_INPUT,
            TaskState.SCHEDULED,  # the attempt was lost with its worker or handed back on drain
        }
    ),
    TaskState.DEFERRED: frozenset({TaskState.SCHEDULED, TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED}),
    TaskState.AWAITING_INPUT: frozenset({TaskState.SCHEDULED}),  # answered, or nobody did in time
    TaskState.UP_FOR_RETRY: frozenset(
        {TaskState.SCHEDULED, TaskState.SKIPPED, TaskState.UPSTREAM_FAILED, TaskState.FAILED, TaskState.REMOVED}
    ),
    TaskState.UP_FOR_RESCHEDULE: frozenset(
        {TaskState.SCHEDULED, TaskState.SKIPPED, TaskState.UPSTREAM_FAILED, TaskState.FAILED, TaskState.REMOVED}
    ),
    TaskState.SUCCESS: frozenset(),
    TaskState.FAILED: frozenset(),
    TaskState.SKIPPED: frozenset(),
    TaskState.UPSTREAM_FAILED: frozenset(),
    TaskState.REMOVED: frozenset({TaskState.NONE}),  # a later version has the task again
    TaskState.CANCELLED: frozenset(),
}

# What people may do on top: clear anything back to ``none``, set an unfinished or finished one by hand, cancel its run,
# take it to a version that lacks the task.
USER_TARGETS = frozenset(
    {
        *(TaskState.NONE, TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED),
        *(TaskState.CANCELLED, TaskState.REMOVED),
    }
)

RUN_MOVES: dict[RunState, frozenset[RunState]] = {
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.FAILED, RunState.SUCCESS, RunState.CANCELLED}),
    RunState.RUNNING: frozenset({RunState.SUCCESS, RunState.FAILED, RunState.CANCELLED}),
    RunState.SUCCESS: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.CANCELLED: frozenset(),
}

CANCELLED = "cancelled"


def as_airflow(state: str) -> str:
    """Return the word of Airflow's enums for a state; its clients know none for what was cancelled."""
    return "failed" if state == CANCELLED else state


def from_airflow(state: str) -> tuple[str, ...]:
    """Return the states that answer to a word of Airflow's enums: who looks for failed ones finds cancelled ones, too."""
    return ("failed", CANCELLED) if state == "failed" else (state,)


HELD_BY_AN_ATTEMPT = frozenset({TaskState.RUNNING, TaskState.DEFERRED, TaskState.AWAITING_INPUT})
"""States that an attempt, a trigger or a question stands behind: nobody can put a task instance back into them."""


def may_return(old: TaskState, new: TaskState) -> bool:
    """Whether an undo may put a task instance back from ``old`` to ``new``, in which it was before."""
    return not {old, new} & HELD_BY_AN_ATTEMPT


def is_legal(old: TaskState, new: TaskState, *, by_user: bool = False) -> bool:
    """Whether a task instance may go from ``old`` to ``new``."""
    if by_user and new in USER_TARGETS:
        return old != new or new == TaskState.NONE
    return new in MOVES[old]
