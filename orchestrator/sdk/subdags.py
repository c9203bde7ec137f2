"""Taking a whole DAG into another one as a task group, which is what is left of Airflow 2's SubDAGs."""

from __future__ import annotations

from typing import Any

from .exceptions import DagError
from .taskgroup import TaskGroup


def take_in(inner: Any, group: TaskGroup) -> None:
    """Make the tasks of ``inner`` tasks of ``group``; ``inner`` is no DAG of its own from here on.

    What is added to it later comes to the group as well.

    Raises:
        DagError: it is no DAG, the group's own, or taken in already.
    """
    outer = group.dag
    if not hasattr(inner, "task_dict") or inner is outer:
        raise DagError(f"SubDagOperator {group.group_id!r}: subdag must be another DAG, not {inner!r}")
    if inner.taken_into is not None:
        raise DagError(
            f"SubDagOperator {group.group_id!r}: the DAG {inner.dag_id!r} is in another SubDagOperator already"
        )
    inner.taken_into = group
    outer.subdags[inner.dag_id] = group.group_id
    outer.subdags.update({name: f"{group.group_id}.{inside}" for name, inside in inner.subdags.items()})
    for name in ("user_defined_macros", "user_defined_filters"):
        setattr(outer, name, {**getattr(inner, name), **getattr(outer, name)})
    outer.template_searchpath += [each for each in inner.template_searchpath if each not in outer.template_searchpath]
    _take_groups(inner, group)
    tasks = list(inner.task_dict.values())
    for task in tasks:
        _rename(task, group)
    for task in tasks:
        _take_task(task, inner, group)
    for start, ends in inner.edge_labels.items():
        outer.edge_labels[f"{group.group_id}.{start}"] = {
            f"{group.group_id}.{end}": label for end, label in ends.items()
        }

    def later(task: Any) -> None:
        _rename(task, group)
        _take_task(task, inner, group)

    inner.add_task = later


def _take_groups(inner: Any, group: TaskGroup) -> None:
    prefix = f"{group.group_id}."
    for each in inner.groups.values():
        if each.parent_group is inner.task_group:
            each.parent_group = group
        each.dag = group.dag
        for name in ("upstream_group_ids", "downstream_group_ids", "upstream_task_ids", "downstream_task_ids"):
            setattr(each, name, {prefix + other for other in getattr(each, name)})
        each.children = {prefix + key: child for key, child in each.children.items()}
    for each in inner.groups.values():
        if each.parent_group is group:
            group.children[each.group_id] = each
        group.dag.groups[each.group_id] = each


def _rename(task: Any, group: TaskGroup) -> None:
    prefix = f"{group.group_id}."
    task.task_id = prefix + task.task_id
    task.upstream_task_ids = {prefix + each for each in task.upstream_task_ids}
    task.downstream_task_ids = {prefix + each for each in task.downstream_task_ids}


def _take_task(task: Any, inner: Any, group: TaskGroup) -> None:
    task.dag = group.dag
    if task.task_group is inner.task_group:
        task.task_group = group
        group.children[task.task_id] = task
    if inner.params:
        task.params = {**inner.params, **(task.params or {})}
    task.start_date = _within(task.start_date, group.dag.start_date, max)
    task.end_date = _within(task.end_date, group.dag.end_date, min)
    group.dag.task_dict[task.task_id] = task


def _within(own: Any, outer: Any, pick: Any) -> Any:
    return pick(own, outer) if own is not None and outer is not None else own or outer


def of_subdags(task: Any, task_ids: list[str], dag_id: str | None) -> tuple[list[str], str | None]:
    """What ids of tasks mean that were written for a SubDAG, or in one: ids of the group's tasks, in this DAG."""
    dag = task.dag
    if dag_id in dag.subdags:
        return [f"{dag.subdags[dag_id]}.{each}" for each in task_ids], None
    if dag_id not in (None, dag.dag_id):
        return task_ids, dag_id
    around = [f"{group}." for group in dag.subdags.values() if task.task_id.startswith(f"{group}.")]
    around.sort(key=len, reverse=True)
    return [
        each if each in dag.task_dict else next((p + each for p in around if p + each in dag.task_dict), each)
        for each in task_ids
    ], dag_id
