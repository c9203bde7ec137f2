"""The order in which pages list a DAG: in each group what waits for nothing beside it first, as Airflow's grid does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from .graph import topological
from .spec import DagSpec

Child = tuple[str, str]
"""``("task" | "group", full id)``."""


def listed(spec: DagSpec) -> list[tuple[int, Child]]:
    """Return every task and group with its depth, each group followed by what it holds."""
    ordered = children_in_order(spec)
    found: list[tuple[int, Child]] = []
    pending = [(0, child) for child in reversed(ordered[None])]
    while pending:
        depth, child = pending.pop()
        found.append((depth, child))
        if child[0] == "group":
            pending += [(depth + 1, each) for each in reversed(ordered[child[1]])]
    return found


def children_in_order(spec: DagSpec) -> dict[str | None, list[Child]]:
    """Return what each group holds (None: the DAG itself), in order.

    Read by name from top to bottom as often as needed, taking each time what waits for nothing that is not taken yet.
    A group waits for what its first tasks wait for. Groups that wait for each other keep their tasks' order.
    """
    waits = _waits(spec)
    held: dict[str | None, list[Child]] = {None: list(spec.children)}
    held.update({group.group_id: list(group.children) for group in spec.groups.values()})
    return {parent: _ordered(spec, sorted(children, key=_name), waits[parent]) for parent, children in held.items()}


def _name(child: Child) -> str:
    return child[1]


def _waits(spec: DagSpec) -> dict[str | None, dict[str, set[str]]]:
    """Parent group -> child -> the children beside it that it waits for."""
    around = {task_id: _around(spec, task.group_id) for task_id, task in spec.tasks.items()}
    first: dict[tuple[str, str], bool] = {}
    found: dict[str | None, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for task_id, task in spec.tasks.items():
        path = (*around[task_id], task_id)
        for above in task.upstream:
            theirs = (*around[above], above)
            depth = next(at for at, (a, b) in enumerate(zip(path, theirs, strict=False)) if a != b)
            mine = path[depth]
            if mine != task_id:
                key = (task_id, mine)
                if key not in first:
                    first[key] = not any(mine in around[other] for other in task.upstream)
                if not first[key]:
                    continue
            found[path[depth - 1] if depth else None][mine].add(theirs[depth])
    return found


def _around(spec: DagSpec, group_id: str | None) -> tuple[str, ...]:
    """The groups around a task, outermost first."""
    found = []
    while group_id is not None:
        found.append(group_id)
        group_id = spec.groups[group_id].parent_id
    return tuple(reversed(found))


def _ordered(spec: DagSpec, children: list[Child], waits: dict[str, set[str]]) -> list[Child]:
    """Order by the reading in which each child is taken, worked out without reading again and again."""
    place = {name: at for at, (_, name) in enumerate(children)}
    missing = {name: len(waits.get(name, ())) for name in place}
    below: dict[str, list[str]] = defaultdict(list)
    for name, others in waits.items():
        for other in others:
            below[other].append(name)
    reading = dict.fromkeys(place, 1)
    taken = [name for name, count in missing.items() if not count]
    for name in taken:
        for other in below[name]:
            # One further down in the list is met in the same reading, one further up only in the next.
            reading[other] = max(reading[other], reading[name] + (place[other] < place[name]))
            missing[other] -= 1
            if not missing[other]:
                taken.append(other)
    kinds = {name: kind for kind, name in children}
    good = sorted(taken, key=lambda name: (reading[name], place[name]))
    circular = [name for name in place if missing[name]]
    return [(kinds[name], name) for name in (*good, *_by_first_task(spec, circular))]


def _by_first_task(spec: DagSpec, names: Iterable[str]) -> list[str]:
    names = list(names)
    if not names:
        return []
    first: dict[str, int] = {}
    for at, task_id in enumerate(topological(spec)):
        for name in (*_around(spec, spec.tasks[task_id].group_id), task_id):
            first.setdefault(name, at)
    return sorted(names, key=lambda name: first.get(name, len(first)))
