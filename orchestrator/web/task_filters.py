"""The tasks of a DAG's version, narrowed by what the address says: a few hundred rows that are in memory already."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.http import HttpRequest
from django.utils.translation import gettext

from orchestrator.core.spec import TaskSpec

from .filters import Filter, Filters

WAYS: dict[str, Callable[[TaskSpec], str]] = {
    "operator": lambda task: task.operator_name,
    "trigger_rule": lambda task: task.trigger_rule,
    "retries": lambda task: str(task.retries),
    "mapped": lambda task: "mapped" if task.is_mapped else "not_mapped",
}
"""What tasks are chosen by -> what stands in its list."""


def narrowed(request: HttpRequest, tasks: Sequence[TaskSpec]) -> tuple[Filters, list[TaskSpec]]:
    """Return the filters of a list of tasks, and those that fit."""
    labels = {
        "operator": gettext("Operator"),
        "trigger_rule": gettext("Trigger rule"),
        "retries": gettext("Retries"),
        "mapped": gettext("Mapped"),
    }
    table = [Filter("task_id", gettext("Task"), "task_id", first=True)]
    for name, way in WAYS.items():
        table.append(Filter(name, labels[name], name, "choice", sorted({way(task) for task in tasks}), first=True))
    filters = Filters(request, table)
    found = list(tasks)
    for each in filters.fields:
        name = each.filter.name
        if name in WAYS and each.chosen:
            found = [task for task in found if WAYS[name](task) in each.chosen]
            filters.also(each.filter.label, ", ".join(value.replace("_", " ") for value in each.chosen), name)
        elif name == "task_id" and each.value:
            found = [task for task in found if _is_named(task, each.value.lower(), filters.anywhere)]
            filters.also(each.filter.label, each.value, each.key)
    return filters, found


def _is_named(task: TaskSpec, text: str, anywhere: bool) -> bool:
    names = {task.task_id, task.task_id.rpartition(".")[2], str(task.display.get("display_name") or "")}
    return any(text in name.lower() if anywhere else name.lower().startswith(text) for name in names)
