"""What a new version of a DAG changes for those who run it, trigger it and wait for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from .spec import DagSpec, TaskSpec

SHAPE = frozenset({"task_id", "upstream", "group_id", "effective_weight", "display"})
"""Fields of a task that are no settings of its own, or that are told otherwise."""
OF_DAG = (
    *("max_active_tasks", "max_active_runs", "max_consecutive_failed_dag_runs", "dagrun_timeout", "fail_fast"),
    *("catchup", "start_date", "end_date", "timezone", "is_paused_upon_creation", "render_template_as_native_obj"),
)
TEXTS = ("description", "display_name", "doc_md", "tags", "owners")


@dataclass(frozen=True, slots=True)
class Change:
    """``kind`` is a word for machines. ``breaking``: something that works now would not any more."""

    kind: str
    text: str
    breaking: bool = False
    task_id: str | None = None


def compare(old: DagSpec, new: DagSpec) -> list[Change]:
    """Return what differs, nothing where the two mean the same."""
    renamed = dict(_renamed(old, new))
    return [
        *_tasks(old, new, renamed),
        *_edges(old, new, renamed),
        *_settings(old, new, renamed),
        *_params(old.params, new.params),
        *_schedule(old, new),
        *_of_dag(old, new),
    ]


def _renamed(old: DagSpec, new: DagSpec) -> Iterator[tuple[str, str]]:
    """Yield (old id, new id) of tasks that are the same but for their name and their neighbours' names."""
    gone = [each for each in old.tasks if each not in new.tasks]
    come = [each for each in new.tasks if each not in old.tasks]
    for before in gone:
        alike = [after for after in come if _alike(old, before, new, after, set(gone), set(come))]
        rivals = [other for other in gone if alike and _alike(old, other, new, alike[0], set(gone), set(come))]
        if len(alike) == 1 and len(rivals) == 1:
            yield before, alike[0]


def _alike(old: DagSpec, before: str, new: DagSpec, after: str, gone: set[str], come: set[str]) -> bool:
    one, other = old.tasks[before], new.tasks[after]
    same_neighbours = set(one.upstream) - gone == set(other.upstream) - come and (
        set(old.downstream[before]) - gone == set(new.downstream[after]) - come
    )
    return same_neighbours and one.group_id == other.group_id and not list(_differing(one, other))


def _tasks(old: DagSpec, new: DagSpec, renamed: Mapping[str, str]) -> Iterator[Change]:
    for task_id in old.tasks:
        if task_id in renamed:
            text = f"task {task_id} becomes {renamed[task_id]}: its history stays under the old name"
            yield Change("task_renamed", text, True, task_id)
        elif task_id not in new.tasks:
            yield Change("task_removed", f"task {task_id} ({old.tasks[task_id].operator_name}) goes", True, task_id)
    for task_id in new.tasks:
        if task_id not in old.tasks and task_id not in renamed.values():
            yield Change("task_added", f"task {task_id} ({new.tasks[task_id].operator_name}) comes", task_id=task_id)


def _edges(old: DagSpec, new: DagSpec, renamed: Mapping[str, str]) -> Iterator[Change]:
    def name(task_id: str) -> str:
        return renamed.get(task_id, task_id)

    before = {(name(above), name(task.task_id)) for task in old.tasks.values() for above in task.upstream}
    after = {(above, task.task_id) for task in new.tasks.values() for above in task.upstream}
    kept = set(map(name, old.tasks)) & set(new.tasks)
    for above, below in sorted(before - after):
        if above in kept and below in kept:
            yield Change("edge_removed", f"{below} no longer waits for {above}", task_id=below)
    for above, below in sorted(after - before):
        if above in kept and below in kept:
            yield Change("edge_added", f"{below} waits for {above}, too", task_id=below)


def _settings(old: DagSpec, new: DagSpec, renamed: Mapping[str, str]) -> Iterator[Change]:
    for task_id, before in old.tasks.items():
        after = new.tasks.get(renamed.get(task_id, task_id))
        if after is None:
            continue
        told = [f"{name} {_shown(one)} → {_shown(other)}" for name, one, other in _written(before, after)]
        if before.group_id != after.group_id:
            told.append(f"group {_shown(before.group_id)} → {_shown(after.group_id)}")
        if told:
            yield Change("task_changed", f"task {after.task_id}: {', '.join(told)}", task_id=after.task_id)


def _differing(one: TaskSpec, other: TaskSpec) -> Iterator[tuple[str, Any, Any]]:
    for each in fields(TaskSpec):
        before, after = getattr(one, each.name), getattr(other, each.name)
        if each.name not in SHAPE and before != after:
            yield each.name, before, after


def _written(one: TaskSpec, other: TaskSpec) -> Iterator[tuple[str, Any, Any]]:
    """What differs, with operators under the names that the author wrote: ``@task``, and not the class behind it."""
    for name, before, after in _differing(one, other):
        yield (name, one.operator_name, other.operator_name) if name == "operator" else (name, before, after)


def _params(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in old.keys() - new.keys():
        yield Change("param_removed", f"param {name} goes: a conf that sets it has no effect on it", True)
    for name in sorted(new.keys()):
        before, after = old.get(name), new[name]
        required = "value" not in after
        if before is None:
            text = f"param {name} comes" + (" without a default: each trigger must give it" if required else "")
            yield Change("param_added", text, required)
        elif "value" in before and required:
            yield Change("param_changed", f"param {name} loses its default: each trigger must give it", True)
        elif before != after:
            told = [
                f"{what} {_shown(before.get(what))} → {_shown(after.get(what))}"
                for what in ("value", "schema", "description")
                if before.get(what) != after.get(what)
            ]
            yield Change(
                "param_changed", f"param {name}: {', '.join(told)}", before.get("schema") != after.get("schema")
            )


def _schedule(old: DagSpec, new: DagSpec) -> Iterator[Change]:
    if old.timetable == new.timetable:
        return
    if new.timetable.get("type") == "null":
        yield Change("schedule_removed", "the schedule goes: it runs only when it is triggered", True)
    else:
        yield Change("schedule_changed", "the schedule changes")


def _of_dag(old: DagSpec, new: DagSpec) -> Iterator[Change]:
    told = [
        f"{name} {_shown(getattr(old, name))} → {_shown(getattr(new, name))}"
        for name in OF_DAG
        if getattr(old, name) != getattr(new, name)
    ]
    if told:
        yield Change("dag_changed", f"the DAG: {', '.join(told)}")
    texts = [name for name in TEXTS if getattr(old, name) != getattr(new, name)]
    if texts:
        yield Change("texts_changed", f"its {', '.join(texts)} change{'s' if len(texts) == 1 else ''}")


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_shown, value)) or "none"
    text = "none" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
