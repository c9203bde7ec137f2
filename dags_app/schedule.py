"""When a DAG's next scheduled run is due: worked out from its version and its last scheduled run."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Any

from django.db.models import Q
from django.utils import timezone

from orchestrator.core.ahead import COUNT, FRESH, Ahead, ahead_from
from orchestrator.core.due import next_run, restriction_of, runs_after
from orchestrator.core.preview import Upcoming, explain, zone_of
from orchestrator.core.said import said
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import RunType
from orchestrator.core.timetables import DataInterval, NextRun, TimetableError, from_json

from .models import Dag, DagFile
from .versions import load_spec

log = logging.getLogger(__name__)

PLANNED = (
    "next_run_after",
    "next_logical_date",
    "next_interval_start",
    "next_interval_end",
    "schedule_error",
    "plan_wanted",
)
"""The columns that :func:`plan` sets."""
MOST_UPCOMING = 1000
NO_CLOCK = {"null", "partitioned_at_runtime", "assets", "partitioned_assets", "continuous"}
"""Kinds of timetables whose runs come for another reason than a time."""
FEW = 10
"""With fewer runs known ahead than this, a timetable of the author's own is asked for more."""
LATE = timedelta(seconds=60)
"""A DAG without catchup whose next run is later than this is planned anew, so that it gets its newest run only."""


@dataclass(frozen=True, slots=True)
class Preview:
    """Runs to come. ``ending`` says why there are no more than these; empty where more follow."""

    runs: list[Upcoming]
    timezone: str
    ending: str


def plan(dag: Dag, now: datetime, last: DataInterval | None, spec: DagSpec | None = None) -> None:
    """Set :data:`PLANNED` on ``dag``, which the caller saves; never raises.

    ``last`` is the data interval of its newest scheduled run (:func:`last_interval`), ``spec`` its version's where
    that is at hand. A DAG that is stale, or has no version yet, has no next run; a paused one has, so that pages can
    show it. What stops a due run from being made (a pause, max_active_runs, a run of ``@continuous`` that is not
    over) is the tick's to know.
    """
    unplan(dag)
    if dag.is_stale or dag.version_id is None:
        return
    try:
        # A version that is not committed yet must not get into the cache of load_spec.
        spec = spec if spec is not None else load_spec(dag.version_id)
        if not spec.allows(RunType.SCHEDULED):
            return
        is_own = spec.timetable.get("type") == "custom"
        found = _own(dag, last, now, spec) if is_own else next_run(spec, last=last, now=now)
    except Exception as error:  # a schedule of the author's own making: it stops this DAG only
        dag.schedule_error = f"{type(error).__name__}: {error}"
        log.warning("schedule_failed dag=%s error=%s", dag.dag_id, dag.schedule_error)
        return
    if found is not None:
        dag.next_run_after, dag.next_logical_date = found.run_after, found.logical_date
        dag.next_interval_start, dag.next_interval_end = found.interval.start, found.interval.end


def _own(dag: Dag, last: DataInterval | None, now: datetime, spec: DagSpec) -> NextRun | None:
    """The next run by a timetable of the author's own, as it answered; where that is not enough, it is asked again."""
    ahead = ahead_from(dag.planned_ahead) if dag.planned_ahead else None
    coming = ahead.after(last) if ahead is not None else None
    if ahead is None or coming is None:
        dag.plan_wanted = True
        return None
    dag.plan_wanted = not ahead.ends and len(coming) < FEW
    if not coming:
        return None
    if not spec.catchup and coming[0].run_after < now - LATE and now - ahead.asked_at > FRESH:
        dag.plan_wanted = True
        return None
    return coming[0]


def checked_ahead(found: Any) -> dict[str, Any]:
    """What a parse says that a timetable answered, as it can be stored."""
    try:
        if found is None:
            raise TimetableError("the timetable was not asked")
        return ahead_from(found).to_json()
    except TimetableError as error:
        return Ahead(timezone.now(), None, (), True, None, str(error)).to_json()


def manual_interval(dag: Dag, spec: DagSpec, at: datetime) -> DataInterval:
    """The data interval of a run that somebody triggers."""
    if spec.timetable.get("type") == "custom" and dag.planned_ahead:
        return ahead_from(dag.planned_ahead).manual_interval(at)
    return from_json(dict(spec.timetable)).infer_manual_interval(at)


def lasts_of(bundle: str, path: str) -> dict[str, list[str]]:
    """The interval of the newest run of a file's DAGs with timetables of their own."""
    rows = Dag.objects.filter(file__bundle_name=bundle, file__relative_path=path, is_stale=False).filter(
        Q(planned_ahead__isnull=False) | Q(plan_wanted=True)
    )
    found = {dag.dag_id: last_interval(dag) for dag in rows}
    return {
        dag_id: [last.start.isoformat(), last.end.isoformat()] for dag_id, last in found.items() if last is not None
    }


def wanted_files() -> list[tuple[str, str]]:
    """The files (bundle, path) whose DAGs' own timetables are to be asked again, and those that somebody asked to be read again."""
    rows = Dag.objects.filter(plan_wanted=True, is_stale=False, file__gone_at__isnull=True)
    asked = DagFile.objects.filter(parse_asked=True, gone_at__isnull=True)
    wanted = rows.order_by().values_list("file__bundle_name", "file__relative_path")
    return list(wanted.union(asked.order_by().values_list("bundle_name", "relative_path")))


def unplan(dag: Dag) -> None:
    """Leave the DAG without a next run; the caller saves."""
    dag.next_run_after = dag.next_logical_date = dag.next_interval_start = dag.next_interval_end = None
    dag.schedule_error, dag.plan_wanted = "", False


def last_interval(dag: Dag) -> DataInterval | None:
    """Return the data interval of the newest run that the timetable or a backfill made, or that was dropped.

    Runs are the other app's; their relation to the DAG is all that is used of them.
    """
    if dag.is_partitioned:  # its runs have no dates but that of their making
        at = (
            dag.runs.filter(run_type=RunType.SCHEDULED)
            .order_by("-run_after")
            .values_list("run_after", flat=True)
            .first()
        )
        return DataInterval(at, at) if at is not None else None
    rows = dag.runs.filter(run_type__in=[RunType.SCHEDULED, RunType.BACKFILL], logical_date__isnull=False)
    found = (
        rows.order_by("-logical_date").values_list("logical_date", "data_interval_start", "data_interval_end").first()
    )
    dropped = DataInterval(dag.dropped_start, dag.dropped_end) if dag.dropped_start and dag.dropped_end else None
    if found is None:
        return dropped
    date, start, end = found
    made = DataInterval(start or date, end or date)
    return dropped if dropped is not None and dropped.end > made.end else made


def upcoming(dag: Dag, count: int, now: datetime) -> list[NextRun]:
    """Return up to ``count`` scheduled runs to come, the one that is planned first."""
    if dag.next_run_after is None or dag.next_logical_date is None or dag.version_id is None:
        return []
    spec = load_spec(dag.version_id)
    interval = DataInterval(dag.next_interval_start or dag.next_run_after, dag.next_interval_end or dag.next_run_after)
    first = NextRun(dag.next_run_after, dag.next_logical_date, interval)
    if spec.timetable.get("type") == "custom":
        ahead = ahead_from(dag.planned_ahead or {})
        return [first, *(ahead.after(interval) or ())][:count]
    later = runs_after(spec, last=interval, now=now, later_than=first.run_after)
    return list(islice(chain([first], later), count))


def preview(dag: Dag, count: int, now: datetime) -> Preview:
    """Return the runs to come with what explains their times, and why there are no more of them."""
    runs = upcoming(dag, count, now)
    spec = load_spec(dag.version_id) if dag.version_id else DagSpec(dag.dag_id)
    try:
        return Preview(explain(spec, runs), zone_of(spec), "" if len(runs) == count else _ending(dag, spec, runs))
    except TimetableError as error:
        return Preview([], spec.timezone, said("the schedule cannot be used: {error}", error=str(error)))


def ending(dag: Dag) -> str:
    """Why a DAG that a clock makes runs of gets none any more; empty where runs come, or where no clock makes them."""
    if dag.next_run_after is not None or dag.schedule_error or dag.is_stale or dag.version_id is None:
        return ""
    spec = load_spec(dag.version_id)
    # A timetable of the author's own that is being asked has no next run for a moment: that is no end.
    if spec.timetable.get("type") in NO_CLOCK or dag.plan_wanted or not spec.allows(RunType.SCHEDULED):
        return ""
    return _ending(dag, spec, [])


def _ending(dag: Dag, spec: DagSpec, runs: list[NextRun]) -> str:
    if dag.schedule_error:
        return said("the schedule cannot be used: {error}", error=dag.schedule_error)
    if dag.is_stale:
        return said("no file defines the DAG any more")
    if not spec.allows(RunType.SCHEDULED):
        return said("the DAG's allowed_run_types leave scheduled ones out")
    kind = spec.timetable.get("type")
    if kind == "null":
        return said("the DAG has no schedule: it runs when it is triggered")
    if kind == "partitioned_at_runtime":
        return said("the DAG runs when it is triggered with a partition key")
    if kind in {"assets", "partitioned_assets"}:
        return said("the DAG runs when the assets that it is scheduled on have changed")
    if kind == "continuous":
        return said("each run begins when the one before has ended")
    if kind == "custom" and dag.planned_ahead and not ahead_from(dag.planned_ahead).ends:
        return said("the timetable was asked for {count}; the later ones follow", count=COUNT)
    latest = restriction_of(spec).latest
    if latest is not None:
        return said("the DAG's end date, {latest}, comes first", latest=latest.isoformat())
    return said("the schedule has no further run")


def replan(dag: Dag, now: datetime) -> None:
    """Work a DAG's next run out again and save it, e.g. when it is unpaused: what went by meanwhile is not due."""
    plan(dag, now, last_interval(dag))
    dag.save(update_fields=PLANNED)
