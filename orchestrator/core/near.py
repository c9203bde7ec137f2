"""How far the end of a task instance reaches: which part of a run a decision must see because of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from .branches import Path, chain, depth_of, groups_of, maps_of, path_of, shared
from .graph import descendants
from .group_retries import with_retries
from .mapping import sources
from .setups import has_setups, relevant_setups
from .spec import DagSpec

Key = tuple[str, int]


def needs(spec: DagSpec, changed: Collection[Key]) -> set[str]:
    """Return the tasks whose instances a partial view must hold, for ``decide(view, changed)``."""
    tasks = touched(spec, changed)
    found = {task_id for task_id, _ in changed} | tasks
    for task_id in tasks:
        task = spec.tasks[task_id]
        found.update(task.upstream, relevant_setups(spec, task_id))
        for mapped in maps_of(spec, task_id):
            found.update(sources(mapped))
    return found & spec.tasks.keys()


def touched(spec: DagSpec, changed: Iterable[Key]) -> set[str]:
    """The tasks that the end of ``changed`` may move."""
    found: set[str] = set()
    for task_id, _ in changed:
        task = spec.tasks.get(task_id)
        if task is None:
            continue
        if spec.fail_fast:
            return set(spec.tasks)
        if task.is_setup or task.skips:
            found |= descendants(spec, [task_id])
        found.update(spec.downstream[task_id])
    return found


@dataclass(frozen=True, slots=True)
class Beside:
    """What ends in some branches of a mapped group can reach without leaving these branches."""

    level: int  # so many positions of a path name such a branch
    inside: frozenset[str]  # they and what is below them in the group
    own: frozenset[str]  # tasks of the group to be looked at, in these branches only
    levels: Mapping[str, int]  # of each task to be looked at, how much of the branches' paths it has; 0: all of it
    below: frozenset[str]  # tasks outside that are directly below


def branch_levels(spec: DagSpec, task_ids: Iterable[str]) -> int:
    """At how many levels all these tasks stand in the same mapped groups."""
    chains = [groups_of(spec, task_id) for task_id in task_ids]
    return next((n for n, each in enumerate(zip(*chains, strict=False)) if len(set(each)) > 1), min(map(len, chains)))


def branch_of(spec: DagSpec, key: Key, level: int) -> Path:
    return path_of(key[1], depth_of(spec, key[0]))[:level]


def beside(spec: DagSpec, task_ids: frozenset[str], level: int) -> Beside | None:
    """Return what ends of these tasks reach in their own branches of so many levels; None where others matter, too."""
    known: dict[tuple[frozenset[str], int], Beside | None] = spec.__dict__.setdefault("_beside", {})
    if (task_ids, level) not in known:
        known[task_ids, level] = _beside(spec, task_ids, level)
    return known[task_ids, level]


def _beside(spec: DagSpec, task_ids: frozenset[str], level: int) -> Beside | None:
    if level < 1 or level > branch_levels(spec, task_ids) or _is_intricate(spec):
        return None
    group = groups_of(spec, min(task_ids))[level - 1]
    members = {task_id for task_id in spec.tasks if group in groups_of(spec, task_id)}
    inside = (task_ids | descendants(spec, task_ids)) & members
    if any(spec.tasks[task_id].skips for task_id in inside):
        return None
    # Those that ended are judged no more, unless the branch holds more of their instances.
    judged = inside - {task_id for task_id in task_ids if depth_of(spec, task_id) == level}
    seen = inside.union(*(spec.tasks[task_id].upstream for task_id in judged))
    for task_id in inside:
        seen = seen.union(*(sources(mapped) for mapped in maps_of(spec, task_id)[level:]))
    below = {other for task_id in inside for other in spec.downstream[task_id]} - inside
    if below & seen:  # it would be judged by what these branches alone came to
        return None
    levels = {task_id: _common(spec, group, task_id, level) for task_id in seen & spec.tasks.keys()}
    return Beside(level, frozenset(inside), frozenset(seen & members), levels, frozenset(below))


def _common(spec: DagSpec, group: str, task_id: str, level: int) -> int:
    pairs = zip(chain(spec, group)[:level], groups_of(spec, task_id), strict=False)
    return next((n for n, (mine, its) in enumerate(pairs) if mine != its), min(level, len(groups_of(spec, task_id))))


def _is_intricate(spec: DagSpec) -> bool:
    return spec.fail_fast or has_setups(spec) or bool(with_retries(spec))


def alone(spec: DagSpec, task_id: str) -> Beside | None:
    """Return what to look at for an instance whose own time has come; None where that is the whole run."""
    if task_id not in spec.tasks or _is_intricate(spec):
        return None
    levels = {other: shared(spec, task_id, other) for other in spec.tasks[task_id].upstream}
    own = frozenset({task_id}.union(other for other, level in levels.items() if level))
    depth = depth_of(spec, task_id)
    levels[task_id] = depth
    return Beside(depth, frozenset([task_id]), own, levels, frozenset(spec.tasks.keys() - levels.keys()))
