"""What the dates of manual runs are: Airflow's, or by setting or by the DAG those of scheduled runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.conf import settings

from orchestrator.core import timetables
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import RunType
from orchestrator.core.timetables import DataInterval, Restriction

MANUAL = frozenset({RunType.MANUAL, RunType.OPERATOR_TRIGGERED})
"""What people, and tasks in their place, trigger."""
REGULAR = (RunType.SCHEDULED, RunType.BACKFILL)
"""The runs before that count, where manual runs have the dates of scheduled ones."""


def are_as_scheduled(spec: DagSpec) -> bool:
    return (spec.manual_run_dates or settings.ORCH.manual_run_dates) == "scheduled"


def manual_interval(
    spec: DagSpec,
    run_type: RunType,
    date: datetime | None,
    after: datetime,
    *,
    chosen: bool,
    infer: Callable[[datetime], DataInterval],
) -> tuple[datetime, datetime] | None:
    """Return the data interval of a run that is triggered; ``chosen``: somebody gave its logical date;
    ``infer`` is what the schedule says of a run at a moment.

    As in a scheduled run a date that somebody chose begins its interval, where the schedule has one that begins there.
    """
    as_scheduled = run_type in MANUAL and are_as_scheduled(spec)
    if date is None and not as_scheduled:
        return None
    at = date or after
    timetable, found = timetables.from_json(dict(spec.timetable)), infer(at)
    if timetable.type != "custom" and as_scheduled and chosen and found.start < found.end == at:
        following = timetable.next_run(last=found, restriction=Restriction(None, None, True), now=at)
        if following is not None and following.interval.start == at:
            found = following.interval
    return found.start, found.end
