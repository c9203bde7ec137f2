"""Setup and teardown: which setups a task stands under, and which tasks decide a run."""

from __future__ import annotations

from .graph import ancestors, descendants
from .spec import DagSpec


def relevant_setups(spec: DagSpec, task_id: str) -> frozenset[str]:
    """Return the setups above a task that are open there: without teardown, or with one below the task."""
    cache: dict[str, frozenset[str]] = spec.__dict__.setdefault("_relevant_setups", {})
    if task_id not in cache:
        cache[task_id] = _relevant(spec, task_id)
    return cache[task_id]


def _relevant(spec: DagSpec, task_id: str) -> frozenset[str]:
    if not has_setups(spec) or spec.tasks[task_id].is_teardown:
        return frozenset()
    below = {other for other in descendants(spec, [task_id]) if spec.tasks[other].is_teardown}
    found = set()
    for other in ancestors(spec, [task_id]):
        if not spec.tasks[other].is_setup:
            continue
        teardowns = {each for each in spec.downstream[other] if spec.tasks[each].is_teardown}
        if not teardowns or teardowns & below:
            found.add(other)
    return frozenset(found)


def has_setups(spec: DagSpec) -> bool:
    if "_has_setups" not in spec.__dict__:
        spec.__dict__["_has_setups"] = any(task.is_setup for task in spec.tasks.values())
    return bool(spec.__dict__["_has_setups"])


def deciding_leaves(spec: DagSpec) -> frozenset[str]:
    """Return the tasks whose states make the run's: the last ones, teardowns aside unless they fail the run."""
    if "_leaves" not in spec.__dict__:
        counted = {each.task_id for each in spec.tasks.values() if not each.is_teardown or each.on_failure_fail_dagrun}
        found = {task_id for task_id in counted if not counted & set(spec.downstream[task_id])}
        spec.__dict__["_leaves"] = frozenset(found or spec.tasks)
    return spec.__dict__["_leaves"]
