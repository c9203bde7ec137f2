"""Backfills: which intervals lie in a range, and what becomes of a run that is there already. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice

from .spec import DagSpec
from .states import RUN_FINISHED, RunState, as_airflow
from .timetables import CronPartitionTimetable, NextRun, Restriction, from_json, is_continuous

MOST_RUNS = 10_000
"""So many runs has one backfill at most: a slip of the year must not make millions."""


class Reprocess(StrEnum):
    """Which of the runs that are there already run again."""

    NONE = "none"
    FAILED = "failed"
    COMPLETED = "completed"


class Action(StrEnum):
    """What a backfill does about one interval."""

    CREATE = "create"
    CLEAR = "clear"
    SKIP = "skip"


IN_FLIGHT, ALREADY_EXISTS = "in flight", "already exists"
"""Why an interval is skipped, in Airflow's words."""


class BackfillError(ValueError):
    """A range or behaviour that makes no backfill; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Verdict:
    action: Action
    reason: str = ""  # of a skip


def check(
    spec: DagSpec, *, from_date: datetime, to_date: datetime, backwards: bool, reprocess: Reprocess, now: datetime
) -> None:
    """Raise :class:`BackfillError` where Airflow would refuse, too."""
    if from_date > to_date:
        raise BackfillError(f"from_date ({from_date.isoformat()}) must not be after to_date ({to_date.isoformat()}).")
    if from_date >= now and to_date >= now:
        raise BackfillError("Backfill cannot be executed for future dates.")
    looking_back = [task.task_id for task in spec.tasks.values() if task.depends_on_past or task.wait_for_downstream]
    if looking_back and backwards:
        raise BackfillError(
            f"Backfill cannot be run in reverse: tasks depend on past runs ({', '.join(looking_back[:5])}). "
            "Run it forwards."
        )
    if looking_back and reprocess == Reprocess.NONE:
        raise BackfillError(
            f"Tasks depend on past runs ({', '.join(looking_back[:5])}): set reprocess_behavior to `completed` or "
            "`failed`, so that the runs they depend on are there."
        )


def is_backfillable(spec: DagSpec) -> bool:
    """Whether the schedule has a rhythm that a range of dates can be cut by."""
    timetable = from_json(dict(spec.timetable))
    return timetable.periodic and not is_continuous(timetable)


def intervals(
    spec: DagSpec,
    *,
    from_date: datetime,
    to_date: datetime,
    now: datetime,
    backwards: bool = False,
    answered: Iterable[NextRun] | None = None,
) -> list[NextRun]:
    """Return the runs whose logical dates lie in the range, both ends included, and whose intervals are past.

    ``answered``: what a timetable of the author's own said about the range, since here nobody can ask it.
    Of a partitioned schedule those whose partitions begin in the range, as in Airflow also those that are yet to begin.

    Raises:
        BackfillError: there is none, or more than :data:`MOST_RUNS`.
    """
    if answered is None:
        answered = _between(spec, from_date, to_date, now)
    else:
        answered = (each for each in answered if from_date <= each.logical_date <= to_date and each.interval.end < now)
    found = list(answered)
    if not found:
        raise BackfillError(
            f"No runs to create for Dag {spec.dag_id}: its schedule has no interval that is over between "
            f"{from_date.isoformat()} and {to_date.isoformat()}."
        )
    if len(found) > MOST_RUNS:
        raise BackfillError(f"A backfill has at most {MOST_RUNS} runs and this range has more: cut it into parts.")
    return found[::-1] if backwards else found


def _between(spec: DagSpec, from_date: datetime, to_date: datetime, now: datetime) -> Iterator[NextRun]:
    timetable = from_json(dict(spec.timetable))
    if isinstance(timetable, CronPartitionTimetable):
        yield from islice(timetable.partitions_between(from_date, to_date), MOST_RUNS + 1)
        return
    restriction = Restriction(from_date, to_date, catchup=True)
    last = None
    for _ in range(MOST_RUNS + 1):
        found = timetable.next_run(last=last, restriction=restriction, now=now)
        if found is None or found.interval.end >= now:
            return
        yield found
        last = found.interval


def verdict(state: str | None, reprocess: Reprocess, *, partitioned: bool = False) -> Verdict:
    """Say what to do about an interval whose run is in ``state`` (None: there is none).

    The run of a partition does not run again: a new one is made beside it.
    """
    if state is None:
        return Verdict(Action.CREATE)
    if state not in RUN_FINISHED:
        return Verdict(Action.SKIP, IN_FLIGHT)
    again = reprocess == Reprocess.COMPLETED or (reprocess == Reprocess.FAILED and as_airflow(state) == RunState.FAILED)
    if not again:
        return Verdict(Action.SKIP, ALREADY_EXISTS)
    return Verdict(Action.CREATE if partitioned else Action.CLEAR)
