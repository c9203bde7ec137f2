"""Deadlines: rows made with a run, gone when it succeeds in time, missed once where it does not.

A miss and the callback that tells of it are written in one transaction, so that whoever looks, and whoever
dies while looking, it is called once. Callbacks run on workers, or in the triggerer.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction

from dags_app import secrets
from dags_app.versions import load_spec
from orchestrator import wake
from orchestrator.core.deadlines import AVERAGE, QUEUED_AT, need_by
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import RUN_FINISHED, RunState
from orchestrator.sdk.xcom_json import encode

from . import notify
from .locking import fetch, for_update, moment, retrying, write
from .models import Callback, DagRun, Deadline

log = logging.getLogger(__name__)


def create(run: DagRun, spec: DagSpec, now: datetime) -> None:
    """Make the deadlines of a run that was just made, in its transaction."""
    for position, alert in enumerate(spec.deadlines):
        at = _time(run, alert, now)
        if at is None:
            continue
        made = {"position": position, "name": alert["name"], "deadline_time": at, "created_at": now}
        Deadline.objects.create(run=run, **made)
        transaction.on_commit(partial(wake.due, at))


def _time(run: DagRun, alert: Mapping[str, Any], now: datetime) -> datetime | None:
    interval = alert["interval"]
    try:
        seconds = float(interval) if not isinstance(interval, Mapping) else _variable(interval["variable"])
    except ValueError as error:
        log.warning("deadline_not_made run=%s name=%s error=%s", run.pk, alert["name"], error)
        return None
    reference = alert["reference"]
    return need_by(
        reference,
        timedelta(seconds=seconds),
        logical_date=run.logical_date,
        queued_at=run.queued_at,
        now=now,
        durations=_durations(run.dag_id, reference["max_runs"]) if reference["reference_type"] == AVERAGE else (),
    )


def _variable(key: str) -> int:
    value = secrets.get_variable(key)
    if value is None:
        raise ValueError(f"VariableInterval '{key}' not found")
    try:
        return int(value)
    except ValueError as error:
        raise ValueError(f"VariableInterval '{key}' must be an integer (seconds)") from error


def _durations(dag_id: str, most: int) -> list[float]:
    """Seconds that the DAG's last ended runs took."""
    ended = DagRun.objects.filter(dag_id=dag_id, started_at__isnull=False, state__in=sorted(RUN_FINISHED))
    times = ended.order_by("-run_after", "-pk").values_list("started_at", "ended_at")[:most]
    return [(end - start).total_seconds() for start, end in times]


def queued_again(run: DagRun, spec: DagSpec, now: datetime) -> None:
    """Move the open deadlines that count from when a run was queued, because it is queued anew."""
    run.queued_at = now
    for position, alert in enumerate(spec.deadlines):
        if alert["reference"]["reference_type"] != QUEUED_AT or (at := _time(run, alert, now)) is None:
            continue
        Deadline.objects.filter(run=run, position=position, missed=False).update(deadline_time=at, updated_at=now)
        transaction.on_commit(partial(wake.due, at))


def met(run_pk: int, ended_at: datetime) -> None:
    """Delete the deadlines of a run that succeeded in time, in the transaction of its end."""
    write(
        "DELETE FROM runs_app_deadline WHERE run_id = %s AND missed = %s AND deadline_time >= %s",
        [run_pk, False, ended_at],
    )


@retrying()
def judge_due(now: datetime, most: int) -> int:
    """Miss what is due and not done, and drop what was done in time after all; return how many were missed."""
    missed = 0
    with transaction.atomic():
        rows = fetch(
            "SELECT d.id, d.run_id, d.position, d.deadline_time, r.state, r.ended_at, r.dag_id, r.version_id "
            "FROM runs_app_deadline d JOIN runs_app_dagrun r ON r.id = d.run_id "
            f"WHERE d.missed = %s AND d.deadline_time <= %s ORDER BY d.deadline_time LIMIT {most}" + _of_deadline(),
            [False, now],
        )
        for pk, run_pk, position, at, state, ended_at, dag_id, version_pk in rows:
            if state == RunState.SUCCESS and moment(ended_at) <= moment(at):  # type: ignore[operator]
                write("DELETE FROM runs_app_deadline WHERE id = %s", [pk])
                continue
            write("UPDATE runs_app_deadline SET missed = %s, updated_at = %s WHERE id = %s", [True, now, pk])
            missed += 1
            alerts = load_spec(version_pk).deadlines
            if position < len(alerts):
                on_triggerer = bool(alerts[position]["callback"]["is_async"])
                Callback.objects.create(run_id=run_pk, kind="deadline", deadline_id=pk, on_triggerer=on_triggerer)
                transaction.on_commit(wake.deferred if on_triggerer else partial(wake.invite, "default", 1))
            log.warning("deadline_missed run=%s dag=%s deadline=%s", run_pk, dag_id, moment(at))
            notify.run_changed(run_pk, dag_id)
    return missed


def _of_deadline() -> str:
    return for_update().replace("UPDATE", "UPDATE OF d SKIP LOCKED") if for_update() else ""


def order_of(callback: Callback, run: Mapping[str, Any]) -> dict[str, Any]:
    """What the callback of a missed deadline is called with: its path, its arguments, and its context, as JSON."""
    deadline = callback.deadline
    assert deadline is not None
    alert = load_spec(callback.run.version_id).deadlines[deadline.position]
    told = {
        "dag_run": {**run, "dag_run_id": run["run_id"]},
        "deadline": {"id": str(deadline.pk), "name": deadline.name, "deadline_time": deadline.deadline_time},
    }
    return {"path": alert["callback"]["path"], "kwargs": alert["callback"]["kwargs"], "context": encode(told)}
