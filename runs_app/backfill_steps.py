"""The engine's part of backfills: making their runs in batches, and ending those that are done.

Which runs are to be made is written down before the first is; so whoever dies here loses nothing, and any number of
processes may go on: each batch is one transaction under the backfill's lock, and keys make each run once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import F

from dags_app.models import Dag
from orchestrator.core.backfill import IN_FLIGHT, Action, Reprocess, verdict
from orchestrator.core.states import RUN_FINISHED, RunType

from . import create, notify, upgrade
from .actions import open_again
from .exceptions import DagRunAlreadyExists
from .locking import batches, fetch, retrying, write
from .models import Backfill, BackfillDagRun, DagRun, TaskInstance
from .view import run_row

log = logging.getLogger(__name__)

BATCH = 20
BATCH_SECONDS = 0.05
"""A batch is committed after so long, so that no writer waits for a long transaction."""
PASS_SECONDS = 1.0


def step(now: datetime) -> list[str]:
    """Make runs that are still to be made, and end what is over; return the DAGs that got runs."""
    rows = fetch(
        "SELECT DISTINCT b.id, b.dag_id FROM runs_app_backfill b JOIN runs_app_backfilldagrun e ON e.backfill_id = b.id "
        "AND NOT e.settled WHERE b.completed_at IS NULL ORDER BY b.id"
    )
    deadline = time.monotonic() + PASS_SECONDS
    for backfill_pk, _ in rows:
        make_runs(backfill_pk, now, seconds=max(0.0, deadline - time.monotonic()))
    _complete(now)
    return [dag_id for _, dag_id in rows]


def make_runs(backfill_pk: int, now: datetime, *, seconds: float) -> None:
    """Make a backfill's runs until all are made or the time is over; at least one batch of them."""
    deadline = time.monotonic() + seconds
    while _make_batch(backfill_pk, now) and time.monotonic() < deadline:
        pass


@retrying()
def _make_batch(backfill_pk: int, now: datetime) -> bool:
    """Make some runs; whether more are to be made."""
    until = time.monotonic() + BATCH_SECONDS
    with transaction.atomic():
        open_ones = Backfill.objects.select_for_update(no_key=True).filter(pk=backfill_pk, completed_at__isnull=True)
        backfill = open_ones.first()
        if backfill is None:
            return False
        dag = Dag.objects.get(pk=backfill.dag_id)
        entries = list(backfill.entries.filter(settled=False).order_by("ordinal")[:BATCH])
        for entry in entries:
            _settle(backfill, dag, entry, now)
            if time.monotonic() > until:
                break
        Backfill.objects.filter(pk=backfill_pk).update(updated_at=now)
        notify.dag_changed(dag.dag_id)
        return bool(entries)


def _settle(backfill: Backfill, dag: Dag, entry: BackfillDagRun, now: datetime) -> None:
    """Make the run of one interval, or have the one that is there run again, or write down why not."""
    if entry.partition_key is not None:
        state = states_of_partitions(dag.pk, [entry.partition_key]).get(entry.partition_key)
        found = verdict(state, Reprocess(backfill.reprocess_behavior), partitioned=True)
        entry.dag_run = _create(backfill, dag, entry, now) if found.action == Action.CREATE else None
        entry.exception_reason, entry.settled = found.reason or None, True
        entry.save(update_fields=["dag_run", "exception_reason", "settled"])
        return
    there = DagRun.objects.filter(dag=dag, logical_date=entry.logical_date).first()
    found = verdict(there.state if there else None, Reprocess(backfill.reprocess_behavior))
    run, reason = None, found.reason or None
    if found.action == Action.CREATE:
        run = _create(backfill, dag, entry, now)
        reason = None if run else IN_FLIGHT  # another made it a moment ago
    elif found.action == Action.CLEAR and there is not None:
        run = _clear(backfill, there, now)
        reason = None if run else IN_FLIGHT
    entry.dag_run, entry.exception_reason, entry.settled = run, reason, True
    entry.save(update_fields=["dag_run", "exception_reason", "settled"])


def _create(backfill: Backfill, dag: Dag, entry: BackfillDagRun, now: datetime) -> DagRun | None:
    if dag.version_id is None:
        return None
    key = entry.partition_key
    try:
        return create.create_run(
            dag=dag,
            version_pk=dag.version_id,
            run_type=RunType.BACKFILL,
            run_after=entry.run_after,
            logical_date=entry.logical_date if key is None else None,
            interval=(entry.interval_start, entry.interval_end) if key is None else None,
            partition=(key, None if key is None else entry.logical_date),
            triggered_by="backfill",
            now=now,
            conf=backfill.dag_run_conf,
            user_name=backfill.triggering_user_name,
            backfill_pk=backfill.pk,
        )
    except DagRunAlreadyExists:
        return None


def states_of_partitions(dag_id: str, keys: Iterable[str]) -> dict[str | None, str]:
    """The state of the newest run of each partition; one that has yet to start counts as newest, as in Airflow."""
    found: dict[str | None, str] = {}
    for batch in batches(keys):
        rows = DagRun.objects.filter(dag_id=dag_id, partition_key__in=batch)
        found |= dict(rows.order_by(F("started_at").asc(nulls_last=True), "pk").values_list("partition_key", "state"))
    return found


def _clear(backfill: Backfill, run: DagRun, now: datetime) -> DagRun | None:
    """Have a finished run run again as one of the backfill; None where it is under way by now."""
    held = run_row(run.pk, lock=True, wait=True)
    if held is None or held["state"] not in RUN_FINISHED:
        return None
    values = {"backfill_id": backfill.pk, "run_type": RunType.BACKFILL, "triggered_by": "backfill"}
    if backfill.dag_run_conf is not None:
        values["conf"] = backfill.dag_run_conf
    DagRun.objects.filter(pk=run.pk).update(**values)
    actor = f"user:{backfill.triggering_user_name or 'command line'}"
    if backfill.run_on_latest_version:
        upgrade.to_latest(run, actor=actor, now=now)
        run.refresh_from_db()
    rows = list(TaskInstance.objects.filter(run=run))
    open_again(run, rows, actor=actor, reason=f"cleared by backfill {backfill.pk}", now=now)
    return run


@retrying()
def _complete(now: datetime) -> None:
    """End backfills of which no run is left to be made or to end."""
    rows = fetch(
        "SELECT b.id, b.dag_id FROM runs_app_backfill b WHERE b.completed_at IS NULL AND NOT EXISTS (SELECT 1 "
        "FROM runs_app_backfilldagrun e WHERE e.backfill_id = b.id AND NOT e.settled) AND NOT EXISTS (SELECT 1 "
        "FROM runs_app_dagrun r WHERE r.backfill_id = b.id AND r.state IN ('queued', 'running'))"
    )
    for backfill_pk, dag_id in rows:
        with transaction.atomic():
            ended = (
                "UPDATE runs_app_backfill SET completed_at = %s, updated_at = %s WHERE id = %s AND completed_at IS NULL"
            )
            if write(ended, [now, now, backfill_pk]):
                log.info("backfill_completed backfill=%s dag=%s", backfill_pk, dag_id)
                notify.dag_changed(dag_id)
