"""Which tasks a clear touches besides those that were named. Pure.

To run a task again takes the setups it runs under and their teardowns. Above and below one instance of a mapped
group's task stand the instances of its own index only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from .graph import ancestors, descendants
from .setups import relevant_setups
from .spec import DagSpec

Key = tuple[str, int]


def around(spec: DagSpec, task_ids: Iterable[str], *, upstream: bool, downstream: bool) -> set[str]:
    """Return the tasks to clear along with ``task_ids``; these themselves only where they stand around another."""
    named = set(task_ids) & spec.tasks.keys()
    found: set[str] = set()
    for task_id in named:
        task = spec.tasks[task_id]
        if downstream:
            below = descendants(spec, [task_id])
            found |= below
            for other in below - named:  # its setups may stand on another path
                found |= _setups_of(spec, other)
        if upstream:
            found |= _above(spec, task_id)
        else:
            found |= _setups_of(spec, task_id)
        if task.is_setup and not downstream:
            found |= _teardowns(spec, task_id)
    return found


def _setups_of(spec: DagSpec, task_id: str) -> set[str]:
    """The setups that a task runs under, and their teardowns."""
    task = spec.tasks[task_id]
    if task.is_setup or task.is_teardown:
        return set()
    setups = relevant_setups(spec, task_id)
    return set(setups).union(*(_teardowns(spec, setup) for setup in setups)) - {task_id}


def _above(spec: DagSpec, task_id: str) -> set[str]:
    """All upstream, and the teardowns of the setups among it."""
    found = ancestors(spec, [task_id])
    setups = [other for other in found if spec.tasks[other].is_setup]
    return found.union(*(_teardowns(spec, setup) for setup in setups)) - {task_id}


def _teardowns(spec: DagSpec, setup: str) -> set[str]:
    return {other for other in spec.downstream[setup] if spec.tasks[other].is_teardown}


def widened(
    spec: DagSpec, names: Collection[str], keys: Collection[Key], counts: Mapping[str, int], *, above: bool
) -> tuple[set[str], set[Key]]:
    """Return the tasks, and the single instances, that stand above (or below) the named ones, to be cleared with them.

    ``counts``: how many instances each expanded task has in the run.
    """
    found = around(spec, names, upstream=above, downstream=not above)
    found_keys: set[Key] = set()
    pending = list(keys)
    while pending:
        task_id, index = pending.pop()
        task = spec.tasks.get(task_id)
        if task is None:
            continue
        if task.map is None and spec.mapped_group_of[task_id] is None:
            found |= around(spec, [task_id], upstream=above, downstream=not above)
            continue
        for other in (ancestors if above else descendants)(spec, [task_id]):
            if other in found:
                continue
            indexes = _indexes_beside(spec, task_id, index, other, counts)
            if indexes is None:
                found |= {other} | around(spec, [other], upstream=above, downstream=not above)
                continue
            fresh = [(other, each) for each in indexes if (other, each) not in found_keys]
            found_keys.update(fresh)
            pending += fresh
    return found, found_keys


def _indexes_beside(
    spec: DagSpec, task_id: str, index: int, other: str, counts: Mapping[str, int]
) -> Collection[int] | None:
    """Return which instances of ``other`` belong to one of ``task_id``; None = all."""
    group, count = spec.mapped_group_of[task_id], counts.get(task_id)
    if group is None or spec.mapped_group_of[other] != group or not count:
        return None
    inside = (name for name, around in spec.mapped_group_of.items() if around == group and name in counts)
    of_group = min((counts[name] for name in inside if spec.tasks[name].map is None), default=count)
    own = index * of_group // count
    if spec.tasks[other].map is None:
        return [own]
    each = count // of_group
    return range(own * each, own * each + each)
