"""Order and reachability over a DAG's tasks. No recursion: a chain may be thousands deep."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from .spec import DagSpec


def descendants(spec: DagSpec, task_ids: Iterable[str]) -> set[str]:
    """Every task below any of ``task_ids``, these themselves left out unless one is below another."""
    return _reach(spec.downstream, task_ids)


def ancestors(spec: DagSpec, task_ids: Iterable[str]) -> set[str]:
    """Every task above any of ``task_ids``."""
    return _reach({task.task_id: task.upstream for task in spec.tasks.values()}, task_ids)


def _reach(edges: Mapping[str, Collection[str]], start: Iterable[str]) -> set[str]:
    found: set[str] = set()
    pending = list(start)
    while pending:
        for other in edges.get(pending.pop(), ()):
            if other not in found:
                found.add(other)
                pending.append(other)
    return found


def tasks_inside(spec: DagSpec, group_id: str) -> set[str]:
    """The tasks of a group and of the groups in it."""
    found = set()
    for task in spec.tasks.values():
        around = task.group_id
        while around is not None and around != group_id:
            around = spec.groups[around].parent_id
        if around == group_id:
            found.add(task.task_id)
    return found


def roots(spec: DagSpec) -> list[str]:
    return [task.task_id for task in spec.tasks.values() if not task.upstream]


def leaves(spec: DagSpec) -> list[str]:
    return [task_id for task_id in spec.tasks if not spec.downstream[task_id]]


def topological(spec: DagSpec) -> list[str]:
    """Task ids so that each comes after its upstream; in the order written where that leaves a choice."""
    missing = {task.task_id: len(task.upstream) for task in spec.tasks.values()}
    ready = [task_id for task_id, count in missing.items() if not count]
    order: list[str] = []
    for task_id in ready:
        order.append(task_id)
        for below in spec.downstream[task_id]:
            missing[below] -= 1
            if not missing[below]:
                ready.append(below)
    return order


def find_cycle(upstream: Mapping[str, Iterable[str]]) -> list[str] | None:
    """Return the ids along one cycle, first and last the same, or None."""
    done: set[str] = set()
    for start in upstream:
        if start in done:
            continue
        path: list[str] = []
        place: dict[str, int] = {}
        stack = [(start, iter(upstream.get(start, ())))]
        place[start] = 0
        path.append(start)
        while stack:
            node, above = stack[-1]
            following = next(above, None)
            if following is None:
                stack.pop()
                path.pop()
                del place[node]
                done.add(node)
            elif following in place:
                return [*path[place[following] :], following][::-1]
            elif following not in done:
                place[following] = len(path)
                path.append(following)
                stack.append((following, iter(upstream.get(following, ()))))
    return None
