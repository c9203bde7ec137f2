"""Making runs and the task instances they start with."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, transaction

from dags_app.models import Dag
from dags_app.versions import load_spec
from orchestrator.core.concurrency_key import context_of, of_task, render
from orchestrator.core.deadlines import alerts_of
from orchestrator.core.params import merged
from orchestrator.core.spec import DagSpec, TaskSpec
from orchestrator.core.states import RunState, RunType

from . import limits, notify
from .deadlines import create as make_deadlines
from .exceptions import DagRunAlreadyExists
from .locking import fetch, insert, insert_few
from .models import DagRun, TaskInstance
from .transitions import record
from .view import INSTANCE_COLUMNS

BATCH = 500
FEW = 20
"""So many task instances go past the ORM: it takes longer to put the statement together than the database to run it."""
RUN_ID = r"[A-Za-z0-9_.~:+-]*[A-Za-z0-9_~:+-][A-Za-z0-9_.~:+-]*"
"""Airflow's pattern, and not dots alone: those no address can name."""
Partition = tuple[str | None, datetime | None]
"""The key of the data that a run is for, and when it begins."""


def run_id_for(run_type: str, run_after: datetime, logical_date: datetime | None) -> str:
    """Return the run id that Airflow would give; without a logical date a random part keeps it unique."""
    stamp = (logical_date or run_after).astimezone(UTC).isoformat()
    return f"{run_type}__{stamp}" if logical_date else f"{run_type}__{stamp}_{secrets.token_hex(4)}"


def create_run(
    *,
    dag: Dag,
    version_pk: int,
    run_type: RunType,
    run_after: datetime,
    logical_date: datetime | None,
    interval: tuple[datetime, datetime] | None,
    triggered_by: str,
    now: datetime,
    conf: dict[str, Any] | None = None,
    run_id: str | None = None,
    user_name: str | None = None,
    note: str | None = None,
    backfill_pk: int | None = None,
    partition: Partition = (None, None),
) -> DagRun:
    """Insert a queued run with its task instances, in the caller's transaction or one of its own.

    Raises:
        DagRunAlreadyExists: the DAG has a run of this id or logical date; nothing was changed.
    """
    run_id = run_id or run_id_for(run_type, run_after, logical_date)
    run = DagRun(
        dag=dag,
        version_id=version_pk,
        run_id=run_id,
        run_type=run_type,
        run_after=run_after,
        logical_date=logical_date,
        data_interval_start=interval[0] if interval else None,
        data_interval_end=interval[1] if interval else None,
        queued_at=now,
        conf=conf or {},
        note=note,
        triggered_by=triggered_by,
        triggering_user_name=user_name,
        backfill_id=backfill_pk,
        partition_key=partition[0],
        partition_date=partition[1],
    )
    with transaction.atomic(savepoint=False):
        is_new = insert(run) is not None
        if is_new:
            _begin(run, dag, now)
    if not is_new:  # raised inside, it would take the caller's transaction with it
        raise DagRunAlreadyExists(dag.dag_id, run_id, logical_date)
    return run


def _begin(run: DagRun, dag: Dag, now: datetime) -> None:
    run._state.adding, run._state.db = False, DEFAULT_DB_ALIAS
    record([(run.pk, None, 1, "", RunState.QUEUED, 0, run.triggered_by, "created", now)])
    spec = load_spec(run.version_id)
    add_instances(run, spec, tasks_of(run, spec))
    if alerts_of(spec):
        make_deadlines(run, spec, now)
    notify.run_changed(run.pk, dag.dag_id)


def tasks_of(run: DagRun, spec: DagSpec) -> Iterable[TaskSpec]:
    """The tasks that this run has: those whose own dates hold its logical date."""
    for task in spec.tasks.values():
        if run.logical_date is not None and run.run_type != RunType.BACKFILL:
            if task.start_date and run.logical_date < task.start_date:
                continue
            if task.end_date and run.logical_date > task.end_date:
                continue
        yield task


def add_instances(run: DagRun, spec: DagSpec, tasks: Iterable[TaskSpec], made_at: datetime | None = None) -> None:
    """Insert one task instance a task, with map index -1; ``made_at`` where the run was there before."""
    tasks = list(tasks)
    limits.announce(tasks)
    rows = (
        TaskInstance(
            **columns(run.pk, run.dag_id, run.version_id, task, key=concurrency_key(run, spec, task)),
            made_at=made_at,
        )
        for task in tasks
    )
    if 0 < len(tasks) <= FEW:
        run.fresh = insert_few(list(rows), INSTANCE_COLUMNS)
    else:
        TaskInstance.objects.bulk_create(rows, batch_size=BATCH)


def concurrency_key(run: DagRun, spec: DagSpec, task: TaskSpec, map_index: int = -1) -> str | None:
    """Return the rendered key of a task instance; None where its task has none."""
    if task.concurrency_key is None:
        return None
    params = merged({**spec.params, **task.display.get("params", {})}, run.conf, check=False)
    context = context_of(
        dag_id=run.dag_id,
        run_id=run.run_id,
        run_type=run.run_type,
        logical_date=run.logical_date,
        interval=(run.data_interval_start, run.data_interval_end),
        conf=run.conf,
        params=params,
    )
    return render(task.concurrency_key, of_task(context, task.task_id, map_index))


def columns(
    run_pk: int, dag_id: str, version_pk: int, task: TaskSpec, map_index: int = -1, key: str | None = None
) -> dict[str, Any]:
    """What a task instance copies from its task, so that the claim needs no spec."""
    return {
        "concurrency_key": key,
        "concurrency_limit": task.concurrency_limit if key is not None else None,
        "run_id": run_pk,
        "dag_id": dag_id,
        "task_id": task.task_id,
        "map_index": map_index,
        "max_tries": task.retries,
        "queue": task.queue,
        "pool": task.pool,
        "pool_slots": task.pool_slots,
        "priority_weight": task.effective_weight,
        "operator": task.operator,
        "operator_name": task.operator_name,
        "limited": task.is_limited,
        "version_id": version_pk,
    }


def copies(pk: int, indexes: range, now: datetime) -> dict[int, int]:
    """Insert the other map indexes beside the first, which ``pk`` is; return their primary keys by index.

    One statement: ten thousand rows of the ORM take seconds, in which nobody else could write to SQLite.
    """
    names = [field.column for field in TaskInstance._meta.concrete_fields if not field.primary_key]
    index = f"{indexes.start:d} + n.i * {indexes.step:d}"
    own = {"map_index": index, "token": "0", "generation": "1", "note": "NULL", "updated_at": "%s", "made_at": "%s"}
    rows = fetch(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s) "
        f"INSERT INTO runs_app_taskinstance ({', '.join(names)}) "
        f"SELECT {', '.join(own.get(name, f't.{name}') for name in names)} FROM runs_app_taskinstance t CROSS JOIN n "
        "WHERE t.id = %s ORDER BY n.i RETURNING map_index, id",
        [len(indexes) - 1, now, now, pk],
    )
    return dict(rows)
