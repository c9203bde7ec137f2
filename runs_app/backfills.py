"""What people may ask about backfills: plan, create, pause, cancel, how far one is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, F
from django.utils import timezone

from dags_app import ranges
from dags_app.models import Dag
from dags_app.versions import load_spec, reruns_with_latest
from orchestrator import wake
from orchestrator.core import backfill as core
from orchestrator.core.params import ParamError, merged
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import RunState, RunType
from orchestrator.core.timetables import NextRun, TimetableError

from . import advance, backfill_steps, notify
from .actions import actor_of, audit
from .cancel import cancel_held
from .exceptions import BackfillActive, BackfillNotFound, BackfillOver, BackfillRefused
from .models import Backfill, BackfillDagRun, DagRun
from .view import run_row

INLINE_SECONDS = 2.0
"""So long the one who asks makes runs; the control worker makes the rest."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a backfill would do about one interval."""

    run: NextRun
    verdict: core.Verdict


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be backfilled, and how."""

    dag_id: str
    from_date: datetime
    to_date: datetime
    backwards: bool = False
    reprocess: core.Reprocess = core.Reprocess.NONE
    max_active_runs: int = 10
    conf: dict[str, Any] | None = None
    run_on_latest_version: bool | None = None  # None = as the DAG or the installation says, else yes


def plan(request: Request, now: datetime | None = None) -> list[Planned]:
    """Return what a backfill would do, interval by interval in its order; nothing is changed.

    Raises:
        BackfillDagNotFound, BackfillRefused: as for :func:`create`.
    """
    found = _intervals(request, now or timezone.now())
    if found[0].partition_key is not None:
        keyed = backfill_steps.states_of_partitions(request.dag_id, [each.partition_key or "" for each in found])
        verdicts = [core.verdict(keyed.get(each.partition_key), request.reprocess, partitioned=True) for each in found]
    else:
        dated = _states_of_dates(request.dag_id, [each.logical_date for each in found])
        verdicts = [core.verdict(dated.get(each.logical_date), request.reprocess) for each in found]
    return [Planned(each, verdict) for each, verdict in zip(found, verdicts, strict=True)]


def _states_of_dates(dag_id: str, dates: list[datetime]) -> dict[datetime | None, str]:
    rows = DagRun.objects.filter(dag_id=dag_id, logical_date__gte=min(dates), logical_date__lte=max(dates))
    return dict(rows.values_list("logical_date", "state"))


def create(request: Request, *, user: Any = None) -> Backfill:
    """Write a backfill with all its intervals, make its runs, and start those that may start.

    Raises:
        BackfillDagNotFound, BackfillActive, BackfillRefused: nothing was changed.
    """
    now = timezone.now()
    _spec_of(request.dag_id)
    latest = reruns_with_latest(Dag.objects.get(pk=request.dag_id), request.run_on_latest_version, unsaid=True)
    if Backfill.objects.filter(dag_id=request.dag_id, completed_at__isnull=True).exists():
        raise BackfillActive(request.dag_id)
    found = _intervals(request, now)
    with transaction.atomic():
        backfill = _insert(request, latest, user, now)
        BackfillDagRun.objects.bulk_create(_entries(backfill, found), batch_size=500)
        audit(
            user,
            "create_backfill",
            dag_id=request.dag_id,
            backfill_id=backfill.pk,
            from_date=request.from_date.isoformat(),
            to_date=request.to_date.isoformat(),
            runs=len(found),
        )
        notify.dag_changed(request.dag_id)
    backfill_steps.make_runs(backfill.pk, now, seconds=INLINE_SECONDS)
    advance.tell(advance.start_queued(request.dag_id, now))
    wake.control()
    backfill.refresh_from_db()
    return backfill


def _insert(request: Request, latest: bool, user: Any, now: datetime) -> Backfill:
    try:
        with transaction.atomic():
            return Backfill.objects.create(
                dag_id=request.dag_id,
                from_date=request.from_date,
                to_date=request.to_date,
                run_backwards=request.backwards,
                reprocess_behavior=request.reprocess,
                max_active_runs=request.max_active_runs,
                dag_run_conf=request.conf,
                run_on_latest_version=latest,
                triggering_user_name=actor_of(user) if user is not None else None,
                created_at=now,
                updated_at=now,
            )
    except IntegrityError as error:  # another was faster
        raise BackfillActive(request.dag_id) from error


def _entries(backfill: Backfill, found: Iterable[NextRun]) -> Iterable[BackfillDagRun]:
    for ordinal, each in enumerate(found, start=1):
        yield BackfillDagRun(
            backfill=backfill,
            ordinal=ordinal,
            logical_date=each.logical_date,
            partition_key=each.partition_key,
            interval_start=each.interval.start,
            interval_end=each.interval.end,
            run_after=each.run_after,
        )


def _spec_of(dag_id: str) -> DagSpec:
    dag = Dag.objects.only("version_id").filter(pk=dag_id).first()
    if dag is None or dag.version_id is None:
        raise BackfillNotFound(f"Could not find dag {dag_id}")
    return load_spec(dag.version_id)


def _intervals(request: Request, now: datetime) -> list[NextRun]:
    spec = _spec_of(request.dag_id)
    if not spec.allows(RunType.BACKFILL):
        raise BackfillRefused(f"Dag with dag_id: '{request.dag_id}' does not allow {RunType.BACKFILL} runs")
    try:
        if not core.is_backfillable(spec):
            raise BackfillRefused(f"{request.dag_id} has a non-periodic schedule that does not support backfills")
        dates = {"from_date": request.from_date, "to_date": request.to_date, "backwards": request.backwards}
        core.check(spec, **dates, reprocess=request.reprocess, now=now)
        if request.conf is not None:
            merged(spec.params, request.conf)
        answered = None
        if spec.timetable.get("type") == "custom":
            ends = (request.from_date, request.to_date)
            answered = ranges.runs_between(request.dag_id, *ends, most=core.MOST_RUNS + 1)
        return core.intervals(spec, **dates, now=now, answered=answered)
    except (core.BackfillError, ParamError, TimetableError) as error:
        raise BackfillRefused(str(error)) from error


def set_paused(backfill_pk: int, paused: bool, *, user: Any = None) -> Backfill:
    """Let a backfill start no more runs, or go on; what runs goes on in either case.

    Raises:
        BackfillNotFound, BackfillOver: nothing was changed.
    """
    now = timezone.now()
    with transaction.atomic():
        backfill = _open(backfill_pk)
        Backfill.objects.filter(pk=backfill_pk).update(is_paused=paused, updated_at=now)
        audit(user, "pause_backfill" if paused else "unpause_backfill", dag_id=backfill.dag_id, backfill_id=backfill_pk)
        notify.dag_changed(backfill.dag_id)
    if not paused:
        advance.tell(advance.start_queued(backfill.dag_id, now))
    backfill.refresh_from_db()
    return backfill


def cancel(backfill_pk: int, *, user: Any = None) -> Backfill:
    """End a backfill: its runs that have not begun are cancelled, those under way go on.

    Raises:
        BackfillNotFound, BackfillOver: nothing was changed.
    """
    now, actor = timezone.now(), f"user:{actor_of(user)}"
    with transaction.atomic():
        # Over first: from here on nothing of it starts, and no more of its runs are made.
        backfill = _open(backfill_pk)
        Backfill.objects.filter(pk=backfill_pk).update(is_paused=True, completed_at=now, updated_at=now)
        backfill.entries.filter(settled=False).update(settled=True, exception_reason="cancelled")
        audit(user, "cancel_backfill", dag_id=backfill.dag_id, backfill_id=backfill_pk)
        notify.dag_changed(backfill.dag_id)
    queued = DagRun.objects.filter(backfill=backfill, state=RunState.QUEUED).order_by("pk")
    for run_pk in list(queued.values_list("pk", flat=True)):
        with transaction.atomic():
            held = run_row(run_pk, lock=True, wait=True)
            if held is not None and held["state"] == RunState.QUEUED:
                cancel_held(held, actor=actor, reason=f"its backfill was cancelled by {actor_of(user)}", now=now)
    backfill.refresh_from_db()
    return backfill


def _open(backfill_pk: int) -> Backfill:
    """Return a backfill that is not over, with its lock."""
    backfill = Backfill.objects.select_for_update(no_key=True).filter(pk=backfill_pk).first()
    if backfill is None:
        raise BackfillNotFound(f"Could not find backfill with id {backfill_pk}")
    if backfill.completed_at is not None:
        raise BackfillOver("Backfill is already completed.")
    return backfill


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a backfill is."""

    total: int
    states: dict[str, int]  # of its runs
    skipped: int
    to_make: int

    @property
    def done(self) -> int:
        unfinished = self.states.get(RunState.QUEUED, 0) + self.states.get(RunState.RUNNING, 0)
        return self.total - unfinished - self.to_make

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 100


def progress(backfills: Iterable[Backfill]) -> dict[int, Progress]:
    """Return how far each of these is; two queries however many there are."""
    keys = [each.pk for each in backfills]
    entries = BackfillDagRun.objects.filter(backfill__in=keys)
    states: dict[int, Counter[str]] = {key: Counter() for key in keys}
    runs = entries.filter(dag_run__backfill=F("backfill")).values_list("backfill", "dag_run__state")
    for key, state, count in runs.annotate(count=Count("pk")).order_by():
        states[key][state] = count
    others: dict[int, Counter[str]] = {key: Counter() for key in keys}
    kinds = entries.values_list("backfill", "settled", "exception_reason").annotate(count=Count("pk")).order_by()
    for key, settled, reason, count in kinds:
        others[key]["total"] += count
        others[key]["skipped" if reason else "made" if settled else "to_make"] += count
    return {
        key: Progress(others[key]["total"], dict(states[key]), others[key]["skipped"], others[key]["to_make"])
        for key in keys
    }
