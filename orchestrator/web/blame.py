"""Which tasks failed, where one never ran because of them: its reason counts them and names none."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.core.spec import DagSpec
from orchestrator.core.states import TaskState
from runs_app.models import TaskInstance

MOST = 5
OWN = (TaskState.FAILED, TaskState.CANCELLED)


def blamed(instance: TaskInstance, spec: DagSpec) -> list[TaskInstance]:
    """Return the nearest failed instances above this one; nothing where it did not wait in vain."""
    if instance.state != TaskState.UPSTREAM_FAILED:
        return []
    of_run = TaskInstance.objects.filter(run_id=instance.run_id)
    bad = of_run.filter(state__in=[*OWN, TaskState.UPSTREAM_FAILED]).order_by()
    states: dict[str, set[str]] = {}
    for task_id, state in bad.values_list("task_id", "state").distinct():
        states.setdefault(task_id, set()).add(state)
    found = of_run.filter(task_id__in=list(_failed_above(instance.task_id, spec, states)), state__in=OWN)
    return list(found.order_by("task_id", "map_index")[:MOST])


def _failed_above(task_id: str, spec: DagSpec, states: dict[str, set[str]]) -> Iterator[str]:
    """The tasks that failed themselves, through those that did not run because of them either."""
    seen, ahead = {task_id}, [task_id]
    while ahead:
        task = spec.tasks.get(ahead.pop())
        for above in task.upstream if task is not None else ():
            if above in seen or above not in states:
                continue
            seen.add(above)
            if states[above].isdisjoint(OWN):
                ahead.append(above)
            else:
                yield above
