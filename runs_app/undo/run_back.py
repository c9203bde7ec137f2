"""Putting one run back to what it was before a clear or a mark, if nothing has begun that the action led to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from dags_app.models import Dag
from dags_app.versions import load_spec
from orchestrator import wake
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import HELD_BY_AN_ATTEMPT, RUN_FINISHED, RunState, TaskState
from runs_app import advance, notify, transitions
from runs_app.exceptions import CannotUndo
from runs_app.models import Backfill, Callback, DagRun, Deadline, GroupRetry, StateEvent, TaskInstance
from runs_app.view import run_row

from . import columns
from .run_part import deadlines_of, groups_of

REASON = "undone"


def put_back(part: Mapping[str, Any], *, actor: str, now: datetime) -> Counter[str]:
    """Put a run back, within the caller's transaction and under its DAG's lock; return what is ready again.

    Raises:
        CannotUndo: something has begun, or changed, since.
    """
    run = DagRun.objects.filter(pk=part["run"]).first()
    if run is None or run_row(part["run"], lock=True, wait=True) is None:
        raise CannotUndo("The run is gone")
    run.refresh_from_db()
    spec = load_spec(run.version_id)
    before = columns.unpacked(DagRun, part["before"])
    _untouched(part, run)
    changed = _changed_rows(part, run)
    _nothing_came_of_it(part, run, spec)
    for pk, token, values in changed:
        if not transitions.put_back(pk, token, values, actor=actor, reason=REASON, at=now):
            raise CannotUndo(f"A task of {run.run_id} has begun meanwhile")
    _callbacks(part, run)
    _group_retries(part, run, spec)
    if before["state"] != run.state or before["generation"] != run.generation:
        _has_place(run, before)
        _deadlines(part, run, now)
    transitions.put_run_back(run.pk, before, actor=actor, reason=REASON, at=now)
    return _goes_on(run, changed, before["state"], now)


def _untouched(part: Mapping[str, Any], run: DagRun) -> None:
    """Nobody has done anything to the run since, and it is of the version it was."""
    since = StateEvent.objects.filter(run=run, pk__gt=part["last_event"], actor__startswith="user:").first()
    if since is not None:
        raise CannotUndo(f"{since.actor.removeprefix('user:')} has changed run {run.run_id} since")
    if run.version_id != part["version"]:
        raise CannotUndo(f"Run {run.run_id} has moved to another version since")


def _changed_rows(part: Mapping[str, Any], run: DagRun) -> list[tuple[int, int, dict[str, Any]]]:
    """Lock the task instances; return (row, token, columns) of those that are to be put back.

    What holds an attempt as it did before the action has nothing to do with it.
    """
    tasks = set(part["tasks"])
    rows = TaskInstance.objects.select_for_update(no_key=True).filter(run=run).order_by("pk")
    found = {row.pk: row for row in rows if row.task_id in tasks}
    known = {pk for pk, *_ in part["rows"]}
    if not known <= found.keys():
        raise CannotUndo(f"Task instances of {run.run_id} are gone")
    _unexpand(run, [row for pk, row in found.items() if pk not in known])
    changed = []
    for pk, token, packed in part["rows"]:
        row = found[pk]
        if packed["state"] in HELD_BY_AN_ATTEMPT and row.token == token:
            continue
        if row.token != token:
            raise CannotUndo(f"{row.task_name} has begun in {run.run_id}")
        if columns.packed(row, columns.INSTANCE) != packed:
            changed.append((pk, token, columns.unpacked(TaskInstance, packed)))
    return changed


def _unexpand(run: DagRun, rows: list[TaskInstance]) -> None:
    """Take away the instances into which mapped tasks were expanded since, if none has begun."""
    begun = next((row for row in rows if row.token), None)
    if begun is not None:
        raise CannotUndo(f"{begun.task_name} has begun in {run.run_id}")
    TaskInstance.objects.filter(pk__in=[row.pk for row in rows]).delete()


def _nothing_came_of_it(part: Mapping[str, Any], run: DagRun, spec: DagSpec) -> None:
    """No later run of the DAG went on because of what its tasks came to. (What it updates, and tells, an attempt does.)"""
    at, tasks = datetime.fromisoformat(part["at"]), set(part["tasks"])
    looking = [
        task.task_id
        for task in spec.tasks.values()
        if (task.depends_on_past or task.wait_for_downstream)
        and (task.task_id in tasks or (task.wait_for_downstream and spec.downstream[task.task_id] & tasks))
    ]
    if not looking or run.logical_date is None:
        return
    later = TaskInstance.objects.filter(dag_id=run.dag_id, task_id__in=looking, updated_at__gte=at)
    later = later.filter(run__logical_date__gt=run.logical_date).exclude(state=TaskState.NONE)
    if (row := later.select_related("run").first()) is not None:
        raise CannotUndo(f"{row.task_name} of the later run {row.run.run_id} has gone on since")


def _callbacks(part: Mapping[str, Any], run: DagRun) -> None:
    """Take back what is to be told of the action, if nobody was told yet."""
    rows = {pk for pk, *_ in part["rows"]}
    since = Callback.objects.filter(run=run, pk__gt=part["last_callback"])
    own = [each.pk for each in since if each.task_instance_id is None or each.task_instance_id in rows]
    waiting = Callback.objects.filter(pk__in=own, claimed_at__isnull=True, done_at__isnull=True, process__isnull=True)
    if own and waiting.delete()[0] != len(own):
        raise CannotUndo(f"A callback of {run.run_id} was called since")


def _group_retries(part: Mapping[str, Any], run: DagRun, spec: DagSpec) -> None:
    present = groups_of(run.pk, spec)
    if present == part["groups"]:
        return
    if present != part["groups_after"]:
        raise CannotUndo(f"A task group of {run.run_id} is run again since")
    GroupRetry.objects.filter(run=run).delete()
    GroupRetry.objects.bulk_create(GroupRetry(**columns.unpacked(GroupRetry, each)) for each in part["groups"])


def _deadlines(part: Mapping[str, Any], run: DagRun, now: datetime) -> None:
    """Deadlines that the end, or the new beginning, of a run moved or deleted are as they were."""
    present = {each["id"]: each for each in deadlines_of(run.pk)}
    for each in part["deadlines"]:
        found = present.get(each["id"])
        if found == each:
            continue
        if found is not None and found["missed"] and not each["missed"]:
            raise CannotUndo(f"A deadline of {run.run_id} was missed since, and told of")
        values = columns.unpacked(Deadline, each)
        Deadline.objects.update_or_create(pk=values.pop("id"), defaults=values)
        transaction.on_commit(lambda at=values["deadline_time"]: wake.due(at))


def _has_place(run: DagRun, before: Mapping[str, Any]) -> None:
    """A run that runs again must not be one too many: another may have taken its place."""
    if before["state"] != RunState.RUNNING or run.state == RunState.RUNNING:
        return
    running = DagRun.objects.filter(dag_id=run.dag_id, state=RunState.RUNNING, backfill=run.backfill_id)
    most = Dag.objects.values_list("max_active_runs", flat=True).get(pk=run.dag_id)
    if run.backfill_id is not None:
        backfill = Backfill.objects.get(pk=run.backfill_id)
        most = backfill.max_active_runs
        if backfill.completed_at is not None:
            raise CannotUndo("Its backfill is over since")
    if running.count() >= most:
        raise CannotUndo(f"Another run of {run.dag_id} has taken the place of {run.run_id}")


def _goes_on(run: DagRun, changed: list[tuple[int, int, dict[str, Any]]], state: str, now: datetime) -> Counter[str]:
    """Have a run under way go on from where it is; one that is over gives its place to the next."""
    ready: Counter[str] = Counter()
    again = [pk for pk, _, values in changed if values["state"] == TaskState.SCHEDULED]
    ready.update(TaskInstance.objects.filter(pk__in=again).values_list("queue", flat=True))
    held = run_row(run.pk, lock=False)
    if held is not None and held["state"] == RunState.RUNNING:
        ready += advance.settle_whole(held, now).ready
    if state in RUN_FINISHED:
        advance.ended(run.dag_id, now)
    notify.run_changed(run.pk, run.dag_id)
    return ready
