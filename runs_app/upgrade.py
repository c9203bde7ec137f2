"""Taking a run to its DAG's latest version: its tasks become those of that version."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from dags_app.models import Dag
from dags_app.versions import load_spec
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import TaskState

from . import create, deadlines, transitions
from .models import DagRun, TaskInstance


def new_tasks(run: DagRun) -> list[str]:
    """The tasks of the DAG's latest version that the run has no instance of."""
    spec = load_spec(_latest(run))
    there = set(TaskInstance.objects.filter(run=run).values_list("task_id", flat=True))
    return [task.task_id for task in create.tasks_of(run, spec) if task.task_id not in there]


def to_latest(run: DagRun, *, actor: str, now: datetime) -> None:
    """Move a run, whose lock the caller holds, to its DAG's latest version.

    Instances of tasks that are gone become ``removed``, those of tasks that are back are opened again, and new tasks get
    theirs. What runs goes on under the version it began with.
    """
    version_pk = _latest(run)
    if version_pk == run.version_id:
        return
    old, spec = load_spec(run.version_id), load_spec(version_pk)
    reason = "moved to the latest version"
    DagRun.objects.filter(pk=run.pk).update(version_id=version_pk, updated_at=now)
    run.version_id = version_pk
    rows = list(TaskInstance.objects.filter(run=run))
    gone = [row for row in rows if not _has(spec, row)]
    transitions.set_by_user(
        [row for row in gone if row.state != TaskState.REMOVED],
        TaskState.REMOVED,
        actor=actor,
        reason=reason,
        at=now,
        changed=False,
    )
    back = [row for row in rows if row.state == TaskState.REMOVED and _has(spec, row)]
    tries = {row.pk: row.try_number + spec.tasks[row.task_id].retries for row in back}
    transitions.reset(back, actor=actor, reason=reason, at=now, max_tries=tries, version_pk=version_pk)
    _rewrite(run, spec, {row.task_id for row in rows} & spec.tasks.keys())
    there = {row.task_id for row in rows if _has(spec, row)}
    added = [task for task in create.tasks_of(run, spec) if task.task_id not in there]
    create.add_instances(run, spec, added, made_at=now)
    deadlines.upgraded(run, old, spec, now)


def _latest(run: DagRun) -> int:
    found = Dag.objects.values_list("version_id", flat=True).get(pk=run.dag_id)
    return run.version_id if found is None else found


def _has(spec: DagSpec, row: TaskInstance) -> bool:
    """Whether the version has this instance: a task that is mapped no more has only the one without an index."""
    task = spec.tasks.get(row.task_id)
    if task is None:
        return False
    return row.map_index < 0 or task.map is not None or spec.mapped_group_of[row.task_id] is not None


def _rewrite(run: DagRun, spec: DagSpec, task_ids: Collection[str]) -> None:
    """Give instances what they copy from their tasks anew; one that runs keeps what it was started with."""
    for task_id in task_ids:
        values = create.columns(run.pk, run.dag_id, run.version_id, spec.tasks[task_id])
        for name in ("run_id", "dag_id", "task_id", "map_index", "max_tries"):
            del values[name]
        TaskInstance.objects.filter(run=run, task_id=task_id).exclude(state=TaskState.RUNNING).update(**values)
