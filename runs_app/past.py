"""What an earlier run says about a task of this one: ``depends_on_past`` and ``wait_for_downstream``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.core.decide import Instance
from orchestrator.core.spec import DagSpec, TaskSpec
from orchestrator.core.states import SUCCESS_STATES, RunType, TaskState

from .models import DagRun, TaskInstance


def blocked(
    run: Mapping[str, Any], spec: DagSpec, tasks: Iterable[str], instances: Mapping[str, Mapping[int, Instance]]
) -> dict[str, str]:
    """Return why each task that looks back must still wait; tasks that may go on are left out.

    A skipped task counts as good, a failed one does not; the DAG's first run, and a task's first run
    with ``ignore_first_depends_on_past``, have nothing to wait for.
    """
    asking = [
        spec.tasks[task_id]
        for task_id in tasks
        if (spec.tasks[task_id].depends_on_past or spec.tasks[task_id].wait_for_downstream)
        and any(each.state == TaskState.NONE for each in instances[task_id].values())
    ]
    if not asking or run["logical_date"] is None:
        return {}
    earlier = DagRun.objects.filter(dag_id=run["dag_id"], logical_date__lt=run["logical_date"])
    if spec.catchup:
        earlier = earlier.exclude(run_type=RunType.MANUAL)
    before = earlier.order_by("-logical_date").values_list("pk", "logical_date").first()
    if before is None:
        return {}
    last, date = before
    if spec.catchup:  # a task that had not begun by then has no past
        asking = [task for task in asking if task.start_date is None or date >= task.start_date]
    wanted = {task.task_id for task in asking}
    for task in asking:
        if task.wait_for_downstream:
            wanted.update(spec.downstream[task.task_id])
    states: dict[str, set[str]] = {}
    for task_id, state in TaskInstance.objects.filter(run=last, task_id__in=wanted).values_list("task_id", "state"):
        states.setdefault(task_id, set()).add(state)
    reasons = {}
    for task in asking:
        reason = _verdict(task, spec, states, run, last)
        if reason:
            reasons[task.task_id] = reason
    return reasons


def _verdict(
    task: TaskSpec, spec: DagSpec, states: Mapping[str, set[str]], run: Mapping[str, Any], last: int
) -> str | None:
    if task.task_id not in states:
        if task.ignore_first_depends_on_past:
            before = TaskInstance.objects.filter(
                dag_id=run["dag_id"], task_id=task.task_id, run__logical_date__lt=run["logical_date"]
            )
            if not before.exists():
                return None
        return f"the run before has no task instance of {task.task_id}"
    bad = states[task.task_id] - SUCCESS_STATES
    if bad:
        return f"depends on its past: it is {_word(bad)} in the run before"
    if task.wait_for_downstream:
        for below in spec.downstream[task.task_id]:
            unfinished = states.get(below, set()) - SUCCESS_STATES
            if unfinished:
                return f"waits for downstream: {below} is {_word(unfinished)} in the run before"
    return None


def _word(states: set[str]) -> str:
    return ", ".join(sorted("not started" if state == TaskState.NONE else state for state in states))
