"""Due schedules become runs. Any number of processes may do this at once: keys make it happen once."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from dags_app.models import AuditEntry, Dag
from dags_app.schedule import LATE, PLANNED, last_interval, plan
from dags_app.versions import load_spec
from orchestrator.core import timetables
from orchestrator.core.states import RUN_FINISHED, RunState, RunType
from orchestrator.core.timetables import DataInterval, NextRun

from . import advance, create, notify
from .cancel import cancel_held
from .exceptions import DagRunAlreadyExists
from .locking import fetch, is_passing, retrying
from .models import DagRun
from .view import run_row

log = logging.getLogger(__name__)

MOST_A_DAG = 50
"""Runs of one DAG made in one tick: catching up on years must not hold up the other DAGs."""
MOST_SECONDS = 2.0
"""After so long a tick ends; the next one goes on."""
BACK_OFF = timedelta(seconds=60)
DROPPED = "drop_dag_run"
"""What audit entries call it when a due run was left out."""


def tick(now: datetime) -> int:
    """Make the runs that are due; return how many. One run a DAG and round, so no DAG waits behind another's past."""
    deadline = time.monotonic() + MOST_SECONDS
    made = 0
    passed_over: set[str] = set()
    for _ in range(MOST_A_DAG):
        due = [dag_id for dag_id in due_dags(now) if dag_id not in passed_over]
        if not due:
            break
        for dag_id in due:
            if time.monotonic() > deadline:
                return made
            number = _make_next(dag_id, now)
            if number is None:
                passed_over.add(dag_id)
            else:
                made += number
    return made


def due_dags(now: datetime) -> list[str]:
    """The DAGs that a run is due for and that max_active_runs leaves room for it, the longest due first.

    Where a DAG does not let its runs queue, it need have no room.

    As in Airflow queued runs count, too, and runs of backfills do not.
    """
    rows = fetch(
        "SELECT d.dag_id FROM dags_app_dag d WHERE NOT d.is_paused AND NOT d.is_stale AND d.next_run_after <= %s "
        "AND d.version_id IS NOT NULL AND (SELECT count(*) FROM runs_app_dagrun r WHERE r.dag_id = d.dag_id "
        "AND r.state IN ('queued', 'running') AND r.run_type <> 'backfill') < CASE d.overlap_policy WHEN 'queue' "
        "THEN d.max_active_runs ELSE 2147483647 END "
        "ORDER BY d.next_run_after LIMIT 1000",
        [now],
    )
    return [dag_id for (dag_id,) in rows]


def _make_next(dag_id: str, now: datetime) -> int | None:
    """Make a DAG's next run; None where none can be made now, 0 where it was there. Errors are this DAG's own trouble."""
    try:
        return _make(dag_id, now)
    except Exception as error:  # one bad DAG must not stop the others
        if is_passing(error):
            raise
        log.exception("tick_failed dag=%s", dag_id)
        _back_off(dag_id, f"{type(error).__name__}: {error}", now)
        return None


def _make(dag_id: str, now: datetime) -> int | None:
    made, started = _make_and_start(dag_id, now)
    advance.tell(started.ready)
    return made


@retrying()
def _make_and_start(dag_id: str, now: datetime) -> tuple[int | None, advance.Advanced]:
    """Make the run and start it if it may start: one transaction from the due instant to its first tasks."""
    nothing = advance.Advanced()
    with transaction.atomic():
        dags = Dag.objects.select_for_update(no_key=True, skip_locked=True).select_related(None)
        dag = dags.filter(
            pk=dag_id, is_paused=False, is_stale=False, next_run_after__lte=now, version__isnull=False
        ).first()
        if dag is None:  # others were faster
            return None, nothing
        active = _active(dag)
        if active >= dag.max_active_runs and dag.overlap_policy == "queue":
            return None, nothing
        if _is_outdated(dag, now):
            plan(dag, now, last_interval(dag))
            if dag.next_run_after is None or dag.next_run_after > now:
                _save(dag, now)
                return None, nothing
        due = _planned(dag)
        ready: Counter[str] = Counter()
        if active >= dag.max_active_runs:
            if dag.overlap_policy == "drop":
                _drop(dag, due, now)
                return 0, nothing
            cancelled = _cancel_oldest(dag, due, now)
            if cancelled is None:
                return None, nothing
            ready = cancelled
        made = _insert(dag, due, now)
        plan(dag, now, due.interval)
        if dag.next_logical_date == due.logical_date:  # a run of no length: the next begins now, not there again
            plan(dag, now, DataInterval(due.interval.start, max(due.interval.end, now)))
        _save(dag, now)
        started = advance.start_oldest(dag_id, now)[0] if made else nothing
        started.ready += ready
        return int(made), started


def _drop(dag: Dag, due: NextRun, now: datetime) -> None:
    """Leave a due run out, since the DAG wants it so, and write down that it was."""
    under_way = _under_way(dag).order_by("run_after", "pk").values_list("run_id", flat=True)
    AuditEntry.objects.create(
        actor="scheduler",
        event=DROPPED,
        dag_id=dag.dag_id,
        extra={
            "logical_date": due.logical_date.isoformat() if due.logical_date else None,
            "run_after": due.run_after.isoformat(),
            "max_active_runs": dag.max_active_runs,
            "under_way": list(under_way[:10]),
        },
    )
    log.info("run_dropped dag=%s run_after=%s", dag.dag_id, due.run_after.isoformat())
    dag.dropped_start, dag.dropped_end = due.interval.start, due.interval.end
    dag.save(update_fields=["dropped_start", "dropped_end"])
    plan(dag, now, due.interval)
    _save(dag, now)


def _cancel_oldest(dag: Dag, due: NextRun, now: datetime) -> Counter[str] | None:
    """Cancel the oldest scheduled runs until there is room for the one that is due; None where others are in the way.

    A run that is cancelled and only cleans up keeps its place: the new one is made, and starts once it is done.
    """
    staying = _under_way(dag).filter(cancelled_at__isnull=True)
    too_many = staying.count() - dag.max_active_runs + 1
    oldest = staying.filter(run_type=RunType.SCHEDULED).order_by("run_after", "pk").values_list("pk", flat=True)
    chosen = list(oldest[: max(0, too_many)])
    if len(chosen) < too_many:
        return None
    ready: Counter[str] = Counter()
    for run_pk in chosen:
        held = run_row(run_pk, lock=True, wait=True)
        if held is not None and held["state"] not in RUN_FINISHED:
            reason = f"overlap_policy cancel_oldest: the run of {due.run_after.isoformat()} is due"
            ready += cancel_held(held, actor="engine", reason=reason, now=now)
    return ready


def dropped_runs(dag: Dag, now: datetime) -> list[AuditEntry]:
    """Return what was written down of the runs dropped within a day, the newest first; no query where none can be."""
    if dag.dropped_end is None:
        return []
    return list(AuditEntry.objects.filter(at__gt=now - timedelta(days=1), event=DROPPED, dag_id=dag.dag_id)[:1000])


def _active(dag: Dag) -> int:
    return _under_way(dag).count()


def _under_way(dag: Dag) -> QuerySet[DagRun]:
    active = DagRun.objects.filter(dag=dag, state__in=[RunState.QUEUED, RunState.RUNNING])
    return active.exclude(run_type=RunType.BACKFILL)


def _is_outdated(dag: Dag, now: datetime) -> bool:
    """Whether the columns no longer say what is due: after an error, a long pause, or a wait for the run before."""
    if dag.schedule_error or dag.next_logical_date is None or dag.next_interval_start is None:
        return True
    spec = load_spec(dag.version_id)
    return spec.timetable.get("type") == "continuous" or (not spec.catchup and dag.next_run_after < now - LATE)


def _planned(dag: Dag) -> NextRun:
    found = NextRun(
        dag.next_run_after, dag.next_logical_date, DataInterval(dag.next_interval_start, dag.next_interval_end)
    )
    if not dag.is_partitioned:
        return found
    timetable = timetables.from_json(dict(load_spec(dag.version_id).timetable))
    date, key = timetable.partition_of(found.run_after)  # type: ignore[attr-defined]
    return replace(found, partition_key=key, partition_date=date)


def _save(dag: Dag, now: datetime) -> None:
    if dag.schedule_error:
        log.warning("schedule_failed dag=%s error=%s", dag.dag_id, dag.schedule_error)
        dag.next_run_after = now + BACK_OFF
    dag.save(update_fields=PLANNED)
    notify.dag_changed(dag.dag_id)


def _insert(dag: Dag, due: NextRun, now: datetime) -> bool:
    """Make the run unless its logical date has one. That somebody took its run id is no reason to leave it out."""
    if due.partition_key is not None:
        return _insert_partition(dag, due, due.partition_key, now)
    for suffix in ("", f"_{secrets.token_hex(4)}"):
        if DagRun.objects.filter(dag=dag, logical_date=due.logical_date).exists():
            return False
        run_id = create.run_id_for(RunType.SCHEDULED, due.run_after, due.logical_date) + suffix
        try:
            create.create_run(
                dag=dag,
                version_pk=dag.version_id,
                run_type=RunType.SCHEDULED,
                run_after=due.run_after,
                logical_date=due.logical_date,
                interval=(due.interval.start, due.interval.end),
                triggered_by="timetable",
                now=now,
                run_id=run_id,
            )
            return True
        except DagRunAlreadyExists:
            continue
    return False


def _insert_partition(dag: Dag, due: NextRun, key: str, now: datetime) -> bool:
    """Make the run of a partition unless this instant has made it; the caller holds the DAG's row."""
    there = DagRun.objects.filter(dag=dag, run_type=RunType.SCHEDULED, run_after=due.run_after, partition_key=key)
    if there.exists():
        return False
    stamp = due.run_after.astimezone(UTC).isoformat()
    named = f"{key}__" if ADDRESSABLE.fullmatch(key) else ""
    create.create_run(
        dag=dag,
        version_pk=dag.version_id,
        run_type=RunType.SCHEDULED,
        run_after=due.run_after,
        logical_date=None,
        interval=None,
        triggered_by="timetable",
        now=now,
        run_id=f"{RunType.SCHEDULED}__{stamp}__{named}{secrets.token_hex(4)}",
        partition=(key, due.partition_date),
    )
    return True


ADDRESSABLE = re.compile(r"[A-Za-z0-9_.~:+-]{1,150}")
"""Keys that a run id can hold."""


@retrying()
def _back_off(dag_id: str, error: str, now: datetime) -> None:
    Dag.objects.filter(pk=dag_id).update(schedule_error=error[:2000], next_run_after=now + BACK_OFF)
