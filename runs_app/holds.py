"""Holding tasks back: what is held does not start before it is released, however often it is cleared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from dags_app.models import Dag
from dags_app.versions import load_spec
from orchestrator import wake
from orchestrator.core.states import RUN_UNFINISHED, RunState, TaskState

from . import advance, notify, transitions
from .actions import actor_of, audit
from .exceptions import DagNotFound, DagRunNotFound, InvalidHold, NotHeld, TaskNotFound
from .locking import retrying
from .models import DagRun, Hold, TaskInstance
from .view import run_row


def hold(
    dag_id: str,
    task_id: str,
    *,
    run_pk: int | None = None,
    map_index: int = -1,
    reason: str = "",
    until: datetime | None = None,
    user: Any = None,
) -> Hold:
    """Keep a task of a run, or without ``run_pk`` of every run, from starting; what has started goes on.

    A retry, and a sensor's next look, are starts, too. Holding again changes the reason and the date.

    Raises:
        DagNotFound, DagRunNotFound, TaskNotFound, InvalidHold: nothing was changed.
    """
    now = timezone.now()
    if until is not None and until <= now:
        raise InvalidHold(f"A task can be held until a time to come, not until {until.isoformat()}")
    run = _checked(dag_id, task_id, run_pk, map_index)
    made = _write(dag_id, task_id, run, map_index, reason, until, user, now)
    if until is not None:
        wake.due(until)
    return made


@retrying()
def _write(
    dag_id: str,
    task_id: str,
    run: DagRun | None,
    map_index: int,
    reason: str,
    until: datetime | None,
    user: Any,
    now: datetime,
) -> Hold:
    values = {"held_by": actor_of(user), "reason": reason, "until": until}
    key = {"dag_id": dag_id, "run": run, "task_id": task_id, "map_index": map_index}
    with transaction.atomic():
        # A start of a run takes the DAG's lock, too: so it sees the hold, or we see the run.
        dag = Dag.objects.select_for_update(no_key=True).get(pk=dag_id)
        made, _ = Hold.objects.update_or_create(**key, defaults=values, create_defaults={**values, "created_at": now})
        if run is None and not dag.has_held_tasks:
            Dag.objects.filter(pk=dag_id).update(has_held_tasks=True)
        for run_pk in _runs_of(dag_id, run):
            run_row(run_pk, lock=True, wait=True)
            _hold_rows(_covered(made, run_pk), actor=f"user:{actor_of(user)}", reason=f"held: {reason}", now=now)
            notify.run_changed(run_pk, dag_id)
        audit(user, "hold_task", run=run, dag_id=dag_id, task_ids=[task_id], map_index=map_index, reason=reason)
        return made


def _checked(dag_id: str, task_id: str, run_pk: int | None, map_index: int) -> DagRun | None:
    dag = Dag.objects.filter(pk=dag_id).first()
    if dag is None:
        raise DagNotFound(dag_id)
    run = DagRun.objects.filter(pk=run_pk, dag=dag).first() if run_pk is not None else None
    if run_pk is not None and run is None:
        raise DagRunNotFound(run_pk)
    version_pk = run.version_id if run else dag.version_id
    if version_pk is None or task_id not in load_spec(version_pk).tasks:
        raise TaskNotFound(task_id, dag_id)
    if map_index != -1 and run is None:
        raise InvalidHold("One map index can be held in a run only, not in every run")
    if map_index < -1:
        raise InvalidHold("What is not expanded yet cannot be held by itself: hold its task, or an instance of it")
    if map_index != -1 and not TaskInstance.objects.filter(run=run, task_id=task_id, map_index=map_index).exists():
        raise TaskNotFound(f"{task_id}[{map_index}]", dag_id)
    return run


def _runs_of(dag_id: str, run: DagRun | None) -> list[int]:
    if run is not None:
        return [run.pk]
    unfinished = DagRun.objects.filter(dag_id=dag_id, state__in=RUN_UNFINISHED)
    return list(unfinished.order_by("pk").values_list("pk", flat=True))


def _covered(held: Hold, run_pk: int) -> QuerySet[TaskInstance]:
    rows = TaskInstance.objects.filter(run_id=run_pk, task_id=held.task_id)
    return rows if held.map_index < 0 else rows.filter(map_index=held.map_index)


def _hold_rows(rows: QuerySet[TaskInstance], *, actor: str, reason: str, now: datetime) -> None:
    """Mark task instances of a run whose lock the caller holds; those that are ready are taken out of the queue."""
    rows.update(held=True, updated_at=now)
    by_run: dict[int, list[transitions.Step]] = {}
    ready = rows.filter(state=TaskState.SCHEDULED, first_started_at__isnull=True)
    for pk, run_pk in ready.values_list("pk", "run_id"):
        by_run.setdefault(run_pk, []).append(transitions.Step(pk, TaskState.SCHEDULED, TaskState.NONE, reason))
    for run_pk, steps in by_run.items():
        transitions.move_many(run_pk, steps, actor=actor, at=now, by_user=True)


def release(held_pk: int, *, user: Any = None) -> None:
    """Let what is held start again.

    Raises:
        NotHeld: there is no such hold.
    """
    _release(held_pk, timezone.now(), actor_of(user), user)


def release_task(
    dag_id: str, task_id: str, *, run_pk: int | None = None, map_index: int = -1, user: Any = None
) -> None:
    """Release by name what :func:`hold` held.

    Raises:
        NotHeld: it is not held so.
    """
    found = Hold.objects.filter(dag_id=dag_id, task_id=task_id, run_id=run_pk, map_index=map_index).first()
    if found is None:
        raise NotHeld(f"Task `{task_id}` of Dag `{dag_id}` is not held{' in this run' if run_pk else ''}")
    release(found.pk, user=user)


def release_due(now: datetime) -> Counter[str]:
    """Release what was held until now at most; return what became ready."""
    ready: Counter[str] = Counter()
    for pk in list(Hold.objects.filter(until__lte=now).values_list("pk", flat=True)[:500]):
        try:
            ready += _release(pk, now, "engine", None)
        except NotHeld:  # another was faster
            continue
    return ready


@retrying()
def _release(held_pk: int, now: datetime, actor: str, user: Any) -> Counter[str]:
    ready: Counter[str] = Counter()
    with transaction.atomic():
        held = Hold.objects.filter(pk=held_pk).select_related("run").first()
        dag = Dag.objects.select_for_update(no_key=True).filter(pk=held.dag_id).first() if held else None
        if held is None or dag is None or not Hold.objects.filter(pk=held_pk).delete()[0]:
            raise NotHeld("There is no such hold any more")
        if held.run_id is None:
            more = Hold.objects.filter(dag=dag, run__isnull=True).exists()
            Dag.objects.filter(pk=dag.pk).update(has_held_tasks=more)
        marked = TaskInstance.objects.filter(dag_id=dag.pk, task_id=held.task_id, held=True)
        if held.run_id is not None:
            marked = marked.filter(run_id=held.run_id)
        free = marked.filter(~Exists(_of_instance()))
        for run_pk in sorted(set(free.values_list("run_id", flat=True))):
            row = run_row(run_pk, lock=True, wait=True)
            free.filter(run_id=run_pk).update(held=False, updated_at=now)
            if row is not None and row["state"] == RunState.RUNNING:
                ready += advance.settle_whole(row, now).ready
            notify.run_changed(run_pk, dag.pk)
        audit(user, "release_task", run=held.run, dag_id=dag.pk, task_ids=[held.task_id], by=actor)
    advance.tell(ready)
    return ready


def _of_instance() -> QuerySet[Hold]:
    """The holds that cover the task instance of an outer query."""
    of_run = Q(run_id=OuterRef("run_id")) & (Q(map_index=-1) | Q(map_index=OuterRef("map_index")))
    return Hold.objects.filter(of_run | Q(run__isnull=True), dag_id=OuterRef("dag_id"), task_id=OuterRef("task_id"))


def on(instances: Iterable[TaskInstance]) -> list[Hold]:
    """Return what holds any of these task instances of one run, the widest first."""
    found = list(instances)
    if not any(each.held for each in found):
        return []
    first = found[0]
    of_run = Q(run_id=first.run_id) & (Q(map_index=-1) | Q(map_index__in=[each.map_index for each in found]))
    rows = Hold.objects.filter(of_run | Q(run__isnull=True), dag_id=first.dag_id)
    return list(rows.filter(task_id__in={each.task_id for each in found}).order_by("run_id", "pk"))
