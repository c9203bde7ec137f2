"""Ending an attempt: its result, what follows in its run, and the slot's next claim, in one transaction."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, transaction

from dags_app.versions import load_spec
from orchestrator import wake
from orchestrator.core.mapping import Length
from orchestrator.core.retries import hash_input, retry_wait
from orchestrator.core.spec import TaskSpec
from orchestrator.core.states import FINISHED, TaskState

from . import advance, asset_events, asset_runs, deadlines, hitl, notify, transitions
from .claim import Claimer, adopt, claim_inside
from .locking import fetch, retrying, send, write
from .models import Callback, HITLDetail, Trigger
from .outlet_notes import Note
from .view import run_row
from .xcoms import write_xcom

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Outcome:
    """How an attempt ended, as the slot saw it."""

    kind: str  # success, failed, skipped, deferred, awaiting_input, rescheduled, lost, interrupted
    reason: str = ""
    retry: bool = True  # a failure may be tried again
    xcoms: dict[str, tuple[Any, Length]] = field(default_factory=dict)  # key -> (value, length)
    rendered: dict[str, Any] | None = None
    skip_note: dict[str, Any] | None = None
    map_label: str | None = None
    notes: list[Note] = field(default_factory=list)  # on its outlets
    reschedule_at: datetime | None = None
    trigger: dict[str, Any] | None = None
    cpu_seconds: float | None = None
    peak_bytes: int | None = None
    retry_wait: float | None = None  # seconds until the next try, where its retry policy says how long
    child_ran: bool = True  # False: no user code saw this end, so its callbacks have yet to run


@dataclass(slots=True)
class Finished:
    """What ending an attempt led to."""

    accepted: bool
    next_row: dict[str, Any] | None = None
    ready: Counter[str] = field(default_factory=Counter)  # beyond what this slot took itself
    settled: bool = False  # the run was advanced here; otherwise a mark was left
    consumers: set[str] = field(default_factory=set)  # DAGs scheduled on assets, that may be due by this end


def finish(row: Mapping[str, Any], outcome: Outcome, now: datetime, claimer: Claimer | None = None) -> Finished:
    """Write an attempt's end. ``row`` is what the claim returned; with ``claimer`` the slot claims its next at once.

    A result whose attempt no longer holds its task instance changes nothing (``accepted`` is False). Safe to
    repeat after a lost connection: a second call finds the attempt ended.
    """
    found = _finish(row, outcome, now, claimer)
    if not found.accepted:
        found.ready += advance.stopped(row["run_id"], row["id"], row["token"], now)
    _settle_marked(found, row, now)
    _make_consumers(found, now)
    return found


def _settle_marked(found: Finished, row: Mapping[str, Any], now: datetime) -> None:
    """After the commit: advance the run for the mark that was left because somebody held its lock."""
    if not found.accepted or found.settled:
        return
    try:
        found.ready += advance.advance_marked(row["run_id"], now)
    except (DatabaseError, InterfaceError) as error:  # the result is in: the sweep sees to its mark
        log.warning("mark_left run=%s error=%s", row["run_id"], error)


@retrying(attempts=20)
def _finish(row: Mapping[str, Any], outcome: Outcome, now: datetime, claimer: Claimer | None) -> Finished:
    repeated = claimer is not None and claimer.unsure
    if claimer is not None:
        claimer.unsure = True
    with transaction.atomic():
        found = _finish_inside(row, outcome, now, claimer, repeated)
    if claimer is not None:
        claimer.unsure = False
    return found


def _finish_inside(
    row: Mapping[str, Any], outcome: Outcome, now: datetime, claimer: Claimer | None, repeated: bool
) -> Finished:
    run = run_row(row["run_id"], lock=True)
    task = load_spec(row["version_id"]).tasks.get(row["task_id"])
    new, reason, fields = next_state(row, outcome, task, now)
    due = new == TaskState.UP_FOR_RETRY and fields["not_before"] <= now
    accepted = transitions.end(
        row,
        new,
        actor="worker",
        reason=reason,
        at=now,
        fields=fields,
        also=[_attempt_end(row, outcome, new, reason, now)],
    )
    mark = run is None and (new in FINISHED or due)
    if not accepted and repeated and claimer is not None and _is_ended_as(row, _outcome_name(outcome, new)):
        # The commit before went through, only its answer was lost: so take what it claimed for us, too.
        return Finished(True, adopt(claimer))
    if not accepted:
        log.warning("stale_completion task_instance=%s token=%s outcome=%s", row["id"], row["token"], outcome.kind)
        write(
            "UPDATE runs_app_attempt SET ended_at = %s, outcome = 'stale', reason = %s "
            "WHERE task_instance_id = %s AND token = %s AND outcome IS NULL",
            [now, "its result came too late", row["id"], row["token"]],
        )
        return _claimed(Finished(False), claimer, now)
    if mark:
        transitions.mark(row["id"])
    _keep(row, outcome, new, task, now)
    found = Finished(True, settled=not mark)
    if run is not None and new in FINISHED:
        found.ready = advance.settle(run, [(row["task_id"], row["map_index"], new)], now).ready
    elif run is not None and due:
        found.ready = advance.settle_due(run, row["task_id"], row["map_index"], now).ready
    else:
        found.ready = Counter({row["queue"]: 1}) if new == TaskState.SCHEDULED else Counter()
        notify.run_changed(row["run_id"], row["dag_id"])
    if new == TaskState.SUCCESS and task is not None and task.outlets:
        found.consumers = asset_events.of_task(row, task.outlets, outcome.notes, now)
    if fields["not_before"] is not None:
        transaction.on_commit(partial(wake.due, fields["not_before"]))
    return _claimed(found, claimer, now)


def _is_ended_as(row: Mapping[str, Any], name: str) -> bool:
    """Whether this attempt's own end is in the database."""
    rows = fetch(
        "SELECT outcome FROM runs_app_attempt WHERE task_instance_id = %s AND token = %s", [row["id"], row["token"]]
    )
    return bool(rows) and rows[0][0] == name


def _outcome_name(outcome: Outcome, new: TaskState) -> str:
    return outcome.kind if outcome.kind in {"lost", "interrupted", "awaiting_input"} else str(new)


def finish_deferred(row: Mapping[str, Any], outcome: Outcome, now: datetime) -> Finished:
    """End a deferred task instance as its trigger says, without going back to a worker."""
    found = _finish_deferred(row, outcome, now)
    _settle_marked(found, row, now)
    _make_consumers(found, now)
    return found


def _make_consumers(found: Finished, now: datetime) -> None:
    """After the commit: make the runs of DAGs that this end's asset events are for."""
    if found.consumers:
        found.ready += asset_runs.make(found.consumers, now)


@retrying(attempts=20)
def _finish_deferred(row: Mapping[str, Any], outcome: Outcome, now: datetime) -> Finished:
    with transaction.atomic():
        run = run_row(row["run_id"], lock=True)
        task = load_spec(row["version_id"]).tasks.get(row["task_id"])
        new, reason, fields = next_state(row, outcome, task, now)
        mark = run is None
        if not transitions.undefer(
            row["id"], row["token"], new, actor="triggerer", reason=reason, at=now, changed=mark, fields=fields
        ):
            return Finished(False)
        _keep(row, outcome, new, task, now)
        kind = {TaskState.SUCCESS: "success", TaskState.SKIPPED: "skipped"}.get(new)
        if task is not None and kind in task.callbacks:
            Callback.objects.create(run_id=row["run_id"], task_instance_id=row["id"], kind=kind, reason=outcome.reason)
        found = Finished(True, settled=run is not None)
        if run is not None:
            found.ready = advance.settle(run, [(row["task_id"], row["map_index"], new)], now).ready
        if new == TaskState.SUCCESS and task is not None and task.outlets:
            found.consumers = asset_events.of_task(row, task.outlets, (), now)
        return found


def _claimed(found: Finished, claimer: Claimer | None, now: datetime) -> Finished:
    if claimer is not None:
        found.next_row, _ = claim_inside(claimer, now)
        if found.next_row is not None and found.ready[found.next_row["queue"]]:
            found.ready[found.next_row["queue"]] -= 1
    return found


def next_state(
    row: Mapping[str, Any], outcome: Outcome, task: TaskSpec | None, now: datetime
) -> tuple[TaskState, str, dict[str, Any]]:
    """Return the state an outcome leads to, why, and what else changes with it."""
    fields: dict[str, Any] = {"not_before": None}
    if outcome.map_label is not None:
        fields["rendered_map_index"] = outcome.map_label[:250]
    if outcome.kind in {"success", "skipped"}:
        fields |= _try_over()
        fields["skip_note"] = json.dumps(outcome.skip_note) if outcome.skip_note else None
        return (TaskState.SUCCESS if outcome.kind == "success" else TaskState.SKIPPED), outcome.reason, fields
    if outcome.kind == "deferred":
        trigger = outcome.trigger or {}
        timeout = trigger.get("timeout_seconds")
        fields["not_before"] = now + timedelta(seconds=timeout) if timeout is not None else None
        fields |= {"next_method": trigger["method"], "next_kwargs": json.dumps(trigger.get("next_kwargs") or {})}
        return TaskState.DEFERRED, outcome.reason, fields
    if outcome.kind == "awaiting_input":
        return _await_input(row, outcome, now, fields)
    if outcome.kind == "rescheduled":
        fields |= {"not_before": outcome.reschedule_at or now, "reschedule_count": row["reschedule_count"] + 1}
        return TaskState.UP_FOR_RESCHEDULE, outcome.reason, fields
    if outcome.kind in {"lost", "interrupted"}:
        return _lost(row, outcome, fields)
    if outcome.retry and task is not None and row["try_number"] <= row["max_tries"]:
        wait = outcome.retry_wait
        if wait is None:
            wait = retry_wait(
                retry_delay=task.retry_delay,
                backoff=task.retry_backoff,
                max_retry_delay=task.max_retry_delay,
                try_number=row["try_number"],
                hash_input=retry_key(row),
            )
        fields |= _try_over()
        fields["not_before"] = now + timedelta(seconds=wait)
        if task.try_weights:
            fields["priority_weight"] = task.try_weights[min(row["try_number"], len(task.try_weights) - 1)]
        return TaskState.UP_FOR_RETRY, outcome.reason, fields
    fields |= _try_over()
    return TaskState.FAILED, outcome.reason, fields


def _await_input(
    row: Mapping[str, Any], outcome: Outcome, now: datetime, fields: dict[str, Any]
) -> tuple[TaskState, str, dict[str, Any]]:
    """A task that asked people waits for the answer, unless somebody was quicker than the end of its attempt."""
    asked, wish = hitl.parked(row), outcome.trigger or {}
    if asked is None:
        return TaskState.FAILED, "it waits for an answer, and asked nothing", fields | _try_over()
    kwargs, timeout = wish.get("next_kwargs") or {}, wish.get("timeout_seconds")
    fields["next_method"] = wish["method"]
    if asked.responded_at is not None:
        HITLDetail.objects.filter(pk=asked.pk).update(delivered=True)
        fields["next_kwargs"] = json.dumps({**kwargs, "event": hitl.event_of(asked)})
        return TaskState.SCHEDULED, "answered before it waited", fields
    fields["next_kwargs"] = json.dumps(kwargs)
    fields["not_before"] = now + timedelta(seconds=timeout) if timeout is not None else None
    return TaskState.AWAITING_INPUT, outcome.reason, fields


def _try_over() -> dict[str, Any]:
    return {"first_started_at": None, "next_method": None, "next_kwargs": None, "reschedule_count": 0}


def _lost(row: Mapping[str, Any], outcome: Outcome, fields: dict[str, Any]) -> tuple[TaskState, str, dict[str, Any]]:
    """An attempt that ended through no fault of its own goes back to the queue without spending a retry."""
    if outcome.kind == "interrupted":
        return TaskState.SCHEDULED, outcome.reason, fields
    fields["losses"] = row["losses"] + 1
    if fields["losses"] > settings.ORCH.max_losses:
        fields |= _try_over()
        reason = (
            f"lost {fields['losses']} times with the worker that ran it ({outcome.reason}): it may be what ends them"
        )
        return TaskState.FAILED, reason, fields
    return TaskState.SCHEDULED, outcome.reason, fields


def retry_key(row: Mapping[str, Any]) -> str:
    """What the jitter of an exponential wait is drawn from: the same for all indexes of a task, as in Airflow."""
    run = run_row(row["run_id"], lock=False) or {}
    return hash_input(row["dag_id"], row["task_id"], run.get("logical_date"), row["try_number"])


def _attempt_end(
    row: Mapping[str, Any], outcome: Outcome, new: TaskState, reason: str, now: datetime
) -> tuple[str, list[Any]]:
    """The statement that closes the attempt, once its task instance has moved."""
    return (
        "UPDATE runs_app_attempt SET ended_at = %s, outcome = %s, reason = %s, cpu_seconds = %s, peak_bytes = %s "
        "WHERE task_instance_id = %s AND token = %s AND outcome IS NULL AND EXISTS (SELECT 1 FROM changed)",
        [now, _outcome_name(outcome, new), reason, outcome.cpu_seconds, outcome.peak_bytes, row["id"], row["token"]],
    )


def _keep(row: Mapping[str, Any], outcome: Outcome, new: TaskState, task: TaskSpec | None, now: datetime) -> None:
    """Write what the attempt leaves behind."""
    for key, (value, length) in outcome.xcoms.items():
        write_xcom(row, key, value, length, now)
    if deadlines.has_some(task):
        deadlines.task_ended(row, new, now)
    if new == TaskState.SUCCESS and settings.ORCH.store_clear_on_success:
        send("DELETE FROM runs_app_taskstoreentry WHERE task_instance_id = %s", [row["id"]])
    if outcome.rendered:
        send(
            "INSERT INTO runs_app_renderedfields (task_instance_id, fields) VALUES (%s, %s) "
            "ON CONFLICT (task_instance_id) DO UPDATE SET fields = excluded.fields",
            [row["id"], json.dumps(outcome.rendered)],
        )
    if new == TaskState.DEFERRED:
        trigger = outcome.trigger or {}
        Trigger.objects.update_or_create(
            task_instance_id=row["id"],
            defaults={
                "token": row["token"],
                "classpath": trigger["classpath"],
                "kwargs": trigger.get("kwargs") or {},
                "process": None,
                "created_at": now,
            },
        )
        transaction.on_commit(wake.deferred)
    if outcome.child_ran or task is None:
        return
    kind = {TaskState.FAILED: "failure", TaskState.UP_FOR_RETRY: "retry"}.get(new)
    if kind and (kind in task.callbacks or task.email or "task_failed" in load_spec(row["version_id"]).listens):
        Callback.objects.create(run_id=row["run_id"], task_instance_id=row["id"], kind=kind, reason=outcome.reason)
