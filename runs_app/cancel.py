"""Cancelling: a run ends before its time, in a state of its own, and cleans up after itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from dags_app.versions import load_spec
from orchestrator.core.spec import DagSpec, TaskSpec
from orchestrator.core.states import RUN_FINISHED, UNFINISHED, RunState, TaskState

from . import advance, notify, transitions
from .actions import actor_of, audit
from .exceptions import DagRunNotFound, InvalidState
from .models import DagRun, TaskInstance
from .view import run_row


def cancel_run(run_pk: int, *, reason: str = "", user: Any = None) -> None:
    """Cancel a run: what runs is stopped, what has not begun never will.

    Teardowns whose setup succeeded still run, and the run ends with them.

    Raises:
        DagRunNotFound, InvalidState: it has ended; nothing was changed.
    """
    run = DagRun.objects.filter(pk=run_pk).first()
    if run is None:
        raise DagRunNotFound(run_pk)
    now = timezone.now()
    why = f"cancelled by {actor_of(user)}" + (f": {reason}" if reason else "")
    with transaction.atomic():
        held = run_row(run_pk, lock=True, wait=True)
        if held is None:
            raise DagRunNotFound(run_pk)
        if held["state"] in RUN_FINISHED:
            raise InvalidState(
                f"The DagRun with dag_id: `{run.dag_id}` and run_id: `{run.run_id}` has ended as {held['state']}: "
                "there is nothing to cancel"
            )
        ready = cancel_held(held, actor=f"user:{actor_of(user)}", reason=why, now=now)
        audit(user, "cancel_dag_run", run=run, reason=reason)
    advance.tell(ready)


def cancel_held(run: Mapping[str, Any], *, actor: str, reason: str, now: datetime) -> Counter[str]:
    """Cancel an unfinished run whose lock the caller holds; return what of its teardowns is ready at once.

    Whoever runs or waits for a task of it notices at its next heartbeat that the token is not its own any more:
    processes get SIGTERM (``on_kill`` runs) and after the grace period SIGKILL, triggers are cancelled and clean up.
    """
    spec = load_spec(run["version_id"])
    rows = list(TaskInstance.objects.filter(run_id=run["id"], state__in=sorted(UNFINISHED)))
    kept = _teardowns_to_run(run, spec, rows)
    stopped = [row for row in rows if row.pk not in kept]
    transitions.set_by_user(stopped, TaskState.CANCELLED, actor=actor, reason=reason, at=now, changed=False)
    notify.run_changed(run["id"], run["dag_id"])
    if kept:
        transitions.ask_to_cancel(run["id"], now)
        return advance.settle_whole({**run, "cancelled_at": now}, now).ready
    transitions.move_run(run["id"], RunState.CANCELLED, actor=actor, reason=reason, at=now)
    advance.ended(run["dag_id"], now)
    return Counter()


def _teardowns_to_run(run: Mapping[str, Any], spec: DagSpec, rows: list[TaskInstance]) -> set[int]:
    """The unfinished teardowns that have something to tear down; none where the run never began."""
    waiting = [row for row in rows if row.task_id in spec.tasks and spec.tasks[row.task_id].is_teardown]
    if not waiting or run["state"] != RunState.RUNNING:
        return set()
    setups = {above for row in waiting for above in _setups(spec, spec.tasks[row.task_id])}
    done = TaskInstance.objects.filter(run_id=run["id"], task_id__in=setups, state=TaskState.SUCCESS)
    made = set(done.values_list("task_id", flat=True))
    kept = set()
    for row in waiting:
        its_setups = _setups(spec, spec.tasks[row.task_id])
        if not its_setups or made.intersection(its_setups):
            kept.add(row.pk)
    return kept


def _setups(spec: DagSpec, teardown: TaskSpec) -> list[str]:
    return [above for above in teardown.upstream if spec.tasks[above].is_setup]
