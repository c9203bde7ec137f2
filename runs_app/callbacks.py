"""Callbacks that no attempt runs: those of listeners that hear of a person's marks, and how each ended."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial

from django.db import transaction

from orchestrator import wake
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import RunState, TaskState

from . import notify
from .locking import retrying
from .models import Callback, DagRun

TOLD = "told_"
"""Before the kind of a callback that only listeners are called for: an author's own callbacks are not, as in Airflow."""


def tell_of_mark(run: DagRun, state: str, spec: DagSpec) -> None:
    """Have listeners told, after the caller's transaction, that somebody marked a run."""
    kind = {RunState.SUCCESS: "success", RunState.FAILED: "failure"}.get(RunState(state))
    if kind in spec.listens:
        Callback.objects.create(run_id=run.pk, kind=f"{TOLD}{kind}", reason="")
        transaction.on_commit(partial(wake.invite, "default", 1))


def tell_of_task_marks(run: DagRun, instance_pks: Collection[int], state: str, spec: DagSpec) -> None:
    """Have listeners told, after the caller's transaction, that somebody marked task instances of a run."""
    kind = {TaskState.SUCCESS: "success", TaskState.FAILED: "failure", TaskState.SKIPPED: "skipped"}[TaskState(state)]
    if not instance_pks or f"task_{state}" not in spec.listens:
        return
    reason = f"TaskInstance's state was manually set to `{state}`."
    rows = (Callback(run_id=run.pk, task_instance_id=pk, kind=f"{TOLD}{kind}", reason=reason) for pk in instance_pks)
    Callback.objects.bulk_create(rows, batch_size=100)
    transaction.on_commit(partial(wake.invite, "default", 1))


@retrying(attempts=20)
def callback_done(callback: Callback, outcome: str, now: datetime) -> None:
    """Write how a callback ended; the pages of its run are told."""
    with transaction.atomic():
        Callback.objects.filter(pk=callback.pk).update(done_at=now, outcome=outcome)
        notify.run_changed(callback.run_id, callback.run.dag_id)
