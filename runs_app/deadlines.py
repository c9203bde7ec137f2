"""Deadlines: rows made with a run, or with the start of a task's try; gone when it is done in time, missed once if not.

A miss and the callback that tells of it are written in one transaction, so that whoever looks, and whoever
dies while looking, it is called once. Callbacks run on workers, or in the triggerer. A row names its alert by a key
that stays what it is from version to version.
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
from orchestrator.core.deadlines import AVERAGE, Alert, alerts_of, need_by
from orchestrator.core.spec import DagSpec, TaskSpec
from orchestrator.core.states import FINISHED, RUN_FINISHED, RunState, TaskState
from orchestrator.sdk.xcom_json import encode

from . import notify, plugin_questions
from .locking import fetch, for_update, moment, placeholders, retrying, write
from .models import Callback, DagRun, Deadline, TaskInstance

log = logging.getLogger(__name__)

DONE = frozenset({TaskState.SUCCESS, TaskState.SKIPPED, TaskState.REMOVED})
"""A task in one of these is needed no more."""


def create(run: DagRun, spec: DagSpec, now: datetime) -> None:
    """Make the deadlines of a run that was just made, and those of its tasks that are known by then."""
    for alert in alerts_of(spec).values():
        if not alert.from_start:
            _make(run, alert, now)


def _make(run: DagRun, alert: Alert, now: datetime) -> None:
    if alert.is_own:
        plugin_questions.ask_reference(run, alert, now)
        return
    at = time_of(run, alert, now)
    if at is None:
        return
    made = {"name": alert.name, "task_id": alert.task_id, "deadline_time": at, "created_at": now}
    Deadline.objects.create(run=run, key=alert.key, **made)
    transaction.on_commit(partial(wake.due, at))


def time_of(run: DagRun, alert: Alert, now: datetime) -> datetime | None:
    """Return by when it is needed; None where there is no such time. Of a reference of one's own, ``now`` is its answer."""
    interval = alert.document["interval"]
    try:
        seconds = float(interval) if not isinstance(interval, Mapping) else _variable(interval["variable"])
    except ValueError as error:
        log.warning("deadline_not_made run=%s name=%s error=%s", run.pk, alert.name, error)
        return None
    reference = alert.document["reference"]
    durations: list[float] = []
    if alert.reference_type == AVERAGE:
        most = reference["max_runs"]
        durations = _task_durations(run.dag_id, alert.task_id, most) if alert.task_id else _durations(run.dag_id, most)
    try:
        if alert.is_own:
            return now + timedelta(seconds=seconds)
        return need_by(
            reference,
            timedelta(seconds=seconds),
            logical_date=run.logical_date,
            queued_at=run.queued_at,
            now=now,
            durations=durations,
        )
    except OverflowError:
        log.warning("deadline_not_made run=%s name=%s error=it is no date", run.pk, alert.name)
        return None


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


def _task_durations(dag_id: str, task_id: str, most: int) -> list[float]:
    """Seconds that the task's last successful tries took; of a mapped task, each of its instances counts."""
    ended = TaskInstance.objects.filter(dag_id=dag_id, task_id=task_id, state=TaskState.SUCCESS)
    times = ended.filter(started_at__isnull=False).order_by("-run").values_list("started_at", "ended_at")[:most]
    return [(end - start).total_seconds() for start, end in times]


# ---- of tasks, from the start of a try


def has_some(task: TaskSpec | None) -> bool:
    return task is not None and bool(task.deadlines)


@retrying()
def started(row: Mapping[str, Any], now: datetime) -> None:
    """A try begins: make what counts from its start. A try after it counts anew, unless this one is late by then."""
    alerts = [each for each in _of_task(row) if each.from_start]
    if not alerts:
        return
    with transaction.atomic():
        run = DagRun.objects.get(pk=row["run_id"])
        for alert in alerts:
            at = time_of(run, alert, now)
            if at is None:
                continue
            write(
                "INSERT INTO runs_app_deadline (run_id, key, task_id, map_index, name, deadline_time, missed, created_at, "
                "updated_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (run_id, key, map_index) "
                "DO UPDATE SET deadline_time = excluded.deadline_time, updated_at = excluded.updated_at "
                "WHERE NOT runs_app_deadline.missed",
                [run.pk, alert.key, alert.task_id, row["map_index"], alert.name, at, False, now, now],
            )
            transaction.on_commit(partial(wake.due, at))


def _of_task(row: Mapping[str, Any]) -> list[Alert]:
    return [each for each in alerts_of(load_spec(row["version_id"])).values() if each.task_id == row["task_id"]]


def deadlines_of(instance: TaskInstance) -> list[Deadline]:
    """The deadlines of a task instance: its own, and those of the whole of its task."""
    rows = Deadline.objects.filter(run_id=instance.run_id, task_id=instance.task_id)
    return list(rows.filter(map_index__in={-1, instance.map_index}).order_by("deadline_time"))


def task_ended(row: Mapping[str, Any], new: TaskState, now: datetime) -> None:
    """Delete what an end in time makes good, in the transaction of the end: all of a task that is done, else its try's."""
    if new not in FINISHED and new != TaskState.UP_FOR_RETRY:
        return
    keys = [each.key for each in _of_task(row) if new in DONE or each.from_start]
    if keys:
        write(
            f"DELETE FROM runs_app_deadline WHERE run_id = %s AND map_index = %s AND key IN ({placeholders(keys)}) "
            "AND NOT missed AND deadline_time >= %s",
            [row["run_id"], row["map_index"], *keys, now],
        )


# ---- of runs


def queued_again(run: DagRun, spec: DagSpec, now: datetime) -> None:
    """Move the open deadlines that count from when a run was queued, because it is queued anew."""
    run.queued_at = now
    for alert in alerts_of(spec).values():
        if alert.is_own and alert.counts_from_queue:
            plugin_questions.ask_reference(run, alert, now)
        if alert.is_own or not alert.counts_from_queue or (at := time_of(run, alert, now)) is None:
            continue
        Deadline.objects.filter(run=run, key=alert.key, missed=False).update(deadline_time=at, updated_at=now)
        transaction.on_commit(partial(wake.due, at))


def upgraded(run: DagRun, old: DagSpec, new: DagSpec, now: datetime) -> None:
    """The run moves to another version: what that defines no more goes, and what only that defines begins."""
    before, after = alerts_of(old), alerts_of(new)
    gone = sorted(before.keys() - after.keys())
    if gone:
        Deadline.objects.filter(run=run, key__in=gone, missed=False).delete()
    for key in sorted(after.keys() - before.keys()):
        if not after[key].from_start and not Deadline.objects.filter(run=run, key=key).exists():
            _make(run, after[key], now)


def met(run_pk: int, ended_at: datetime) -> None:
    """Delete the deadlines of a run that succeeded in time, its tasks' too, in the transaction of its end."""
    write(
        "DELETE FROM runs_app_deadline WHERE run_id = %s AND missed = %s AND deadline_time >= %s",
        [run_pk, False, ended_at],
    )


# ---- missed


@retrying()
def judge_due(now: datetime, most: int) -> int:
    """Miss what is due and not done, and drop what was done in time after all; return how many were missed."""
    missed = 0
    with transaction.atomic():
        rows = fetch(
            "SELECT d.id, d.run_id, d.key, d.task_id, d.map_index, d.deadline_time, r.state, r.ended_at, r.dag_id, "
            "r.version_id FROM runs_app_deadline d JOIN runs_app_dagrun r ON r.id = d.run_id "
            f"WHERE d.missed = %s AND d.deadline_time <= %s ORDER BY d.deadline_time, d.id LIMIT {most}"
            + _of_deadline(),
            [False, now],
        )
        for pk, run_pk, key, task_id, map_index, at, state, ended_at, dag_id, version_pk in rows:
            alert = alerts_of(load_spec(version_pk)).get(key)
            when = moment(at) or now
            if task_id:
                is_met = alert is None or _task_is_done(run_pk, alert, map_index, when)
            else:
                is_met = alert is None or (state == RunState.SUCCESS and (moment(ended_at) or when) <= when)
            if alert is None or is_met:
                write("DELETE FROM runs_app_deadline WHERE id = %s", [pk])
                continue
            write("UPDATE runs_app_deadline SET missed = %s, updated_at = %s WHERE id = %s", [True, now, pk])
            missed += 1
            on_triggerer = bool(alert.document["callback"]["is_async"])
            Callback.objects.create(run_id=run_pk, kind="deadline", deadline_id=pk, on_triggerer=on_triggerer)
            transaction.on_commit(wake.deferred if on_triggerer else partial(wake.invite, "default", 1))
            log.warning("deadline_missed run=%s dag=%s task=%s deadline=%s", run_pk, dag_id, task_id or "-", when)
            notify.run_changed(run_pk, dag_id)
    return missed


def _task_is_done(run_pk: int, alert: Alert, map_index: int, at: datetime) -> bool:
    """Whether a task was done by then: all its instances, or with a deadline from its start that one's try."""
    rows = TaskInstance.objects.filter(run_id=run_pk, task_id=alert.task_id)
    if not alert.from_start:
        ends = list(rows.values_list("state", "ended_at"))
        return all(state in DONE and ended_at <= at for state, ended_at in ends)
    for ended_at, began_at in rows.filter(map_index=map_index).values_list("ended_at", "first_started_at"):
        return bool(ended_at <= at) if ended_at is not None else began_at is None
    return True


def _of_deadline() -> str:
    return for_update().replace("UPDATE", "UPDATE OF d SKIP LOCKED") if for_update() else ""


def order_of(callback: Callback, run: Mapping[str, Any]) -> dict[str, Any]:
    """What the callback of a missed deadline is called with: its path, its arguments, and its context, as JSON."""
    deadline = callback.deadline
    assert deadline is not None
    told: dict[str, Any] = {
        "dag_run": {**run, "dag_run_id": run["run_id"]},
        "deadline": {"id": str(deadline.pk), "name": deadline.name, "deadline_time": deadline.deadline_time},
    }
    if deadline.task_id:
        told["task_instance"] = _told_of(deadline)
    alert = alerts_of(load_spec(callback.run.version_id)).get(deadline.key)
    called = alert.document["callback"] if alert is not None else {"path": "", "kwargs": encode({})}
    return {"path": called["path"], "kwargs": called["kwargs"], "context": encode(told)}


def _told_of(deadline: Deadline) -> dict[str, Any]:
    """The task instance that is late, as the callback's context has it; of a mapped task one that is not done."""
    rows = TaskInstance.objects.filter(run_id=deadline.run_id, task_id=deadline.task_id)
    if deadline.map_index != -1:
        rows = rows.filter(map_index=deadline.map_index)
    names = ("task_id", "map_index", "state", "try_number", "started_at", "hostname")
    rows = rows.order_by("map_index").values(*names)
    found = rows.exclude(state__in=sorted(DONE)).first() or rows.first() or {"task_id": deadline.task_id}
    return {"start_date" if name == "started_at" else name: value for name, value in found.items()}
