"""Which tasks a clear touches besides those that were named. Pure.

To run a task again takes the setups it runs under and their teardowns. Above and below one instance of a mapped
group's task stand the instances of its own branch only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .branches import Path, shared
from .graph import ancestors, descendants
from .setups import relevant_setups
from .spec import DagSpec

Key = tuple[str, int]
Branch = tuple[str, Path]
"""A task at one position of the mapped groups around it."""


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
    spec: DagSpec, names: Collection[str], branches: Collection[Branch], *, above: bool
) -> tuple[set[str], set[Branch]]:
    """Return the tasks, and the branches of others, that stand above (or below) the named ones, to be cleared with them."""
    found = around(spec, names, upstream=above, downstream=not above)
    beside: set[Branch] = set()
    pending = list(branches)
    while pending:
        task_id, path = pending.pop()
        task = spec.tasks.get(task_id)
        if task is None:
            continue
        for other in task.upstream if above else spec.downstream[task_id]:
            branch = path[: shared(spec, task_id, other)]
            if not branch:
                if other not in found:
                    found |= {other} | around(spec, [other], upstream=above, downstream=not above)
            elif not any((other, branch[:length]) in beside for length in range(1, len(branch) + 1)):
                beside.add((other, branch))
                pending.append((other, branch))
        if not path:
            found |= around(spec, [task_id], upstream=above, downstream=not above)
    return found, {each for each in beside if each[0] not in found}
