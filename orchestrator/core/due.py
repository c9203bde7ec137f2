"""When a DAG's next run is due: its timetable within the dates and the catchup of its spec."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from .spec import DagSpec
from .timetables import DataInterval, NextRun, Restriction, from_json


def restriction_of(spec: DagSpec) -> Restriction:
    """Return what bounds the logical dates of a DAG: its own dates and those of its tasks.

    The earliest start counts; the end is the latest of all tasks, open where one task has none. A task's dates
    never reach beyond the DAG's.
    """
    starts, ends = [], []
    for task in spec.tasks.values():
        starts.append(_within(task.start_date, spec.start_date, max))
        ends.append(_within(task.end_date, spec.end_date, min))
    given = [each for each in (*starts, spec.start_date) if each is not None]
    latest = spec.end_date
    closed = [each for each in ends if each is not None]
    if ends and len(closed) == len(ends):
        latest = max(closed)
    return Restriction(min(given) if given else None, latest, spec.catchup)


def _within(own: datetime | None, outer: datetime | None, pick: object) -> datetime | None:
    if own is None or outer is None:
        return own if outer is None else outer
    return pick(own, outer)  # type: ignore[operator]


def next_run(spec: DagSpec, *, last: DataInterval | None, now: datetime) -> NextRun | None:
    """Return the next run after the one whose data interval is ``last``; None = no further run.

    Raises:
        TimetableError: the schedule has no answer, such as a date that never comes.
    """
    return from_json(dict(spec.timetable)).next_run(last=last, restriction=restriction_of(spec), now=now)


def runs_after(
    spec: DagSpec, *, last: DataInterval | None, now: datetime, later_than: datetime | None = None
) -> Iterator[NextRun]:
    """Yield the scheduled runs that come after the one whose data interval is ``last``, each asked for when it is due.

    ``later_than``: when the run before them was due, where that is known.

    Raises:
        TimetableError: the schedule has no answer.
    """
    while True:
        # Without catchup a timetable looks from the moment of asking.
        found = next_run(spec, last=last, now=now if later_than is None else max(now, later_than))
        if found is None or (later_than is not None and found.run_after <= later_than):
            return
        last, later_than = found.interval, found.run_after
        yield found


def is_latest(spec: DagSpec, interval: DataInterval, now: datetime) -> bool:
    """Whether ``now`` lies in the time of the run of this data interval: after its start, and before the next run's end."""
    timetable = from_json(dict(spec.timetable))
    following = timetable.next_run(last=interval, restriction=Restriction(interval.end, None, True), now=now)
    return following is None or interval.start < now <= following.interval.end
