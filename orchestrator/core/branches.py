"""Where a task instance stands in the mapped groups around its task, and the map index that says so.

Each mapped group around a task is a level, from the outside in; its own mapping is the last. A path is a position at
each level. With one level the map index is that position, as in Airflow. With more it is the path read as a number in
base :data:`BASE`: 20007 is (2, 7). So an index is known the moment its own branch is, whatever the others do, it sorts
as the path does, and all of a branch is one range of numbers. What is not expanded yet at some level has a shorter path
and a negative index: -1 at the first level, below -1 inside a branch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .spec import DagSpec, GroupSpec, MapSpec

BASE = 10_000
"""Where mappings stand in each other, each level has at most so many elements; a constant, since indexes are stored."""
MOST_LEVELS = 4
"""Paths of more do not fit into the numbers that databases keep."""
Path = tuple[int, ...]


def index_of(path: Path, depth: int) -> int:
    """Return the map index of a path in a task of so many levels; a shorter path is not expanded there yet."""
    if not depth:
        return -1
    whole = len(path) >= depth
    number = 0
    for each in path[:depth]:
        number = number * BASE + each + (not whole)  # digits from 1, else (0,) and (0, 0) were the same number
    return number if whole else -1 - number


def path_of(index: int, depth: int) -> Path:
    """Return the path behind a map index, in a task of so many levels."""
    digits: list[int] = []
    if index >= 0:
        for _ in range(depth - 1):
            index, digit = divmod(index, BASE)
            digits.append(digit)
        return (index, *reversed(digits))
    number = -1 - index
    while number:
        number, digit = divmod(number - 1, BASE)
        digits.append(digit)
    return tuple(reversed(digits))


def children(path: Path, count: int, depth: int) -> range:
    """The indexes of ``count`` positions one level below a path."""
    first = index_of((*path, 0), depth)
    return range(first, first + count) if len(path) + 1 >= depth else range(first, first - count, -1)


def whole_range(path: Path, depth: int) -> tuple[int, int]:
    """The first and last index that a fully expanded instance of a branch may have."""
    width = BASE ** max(0, depth - len(path))
    first = index_of((*path, *(0,) * (depth - len(path))), depth)
    return first, first + width - 1


def ranges(path: Path, depth: int) -> Iterator[tuple[int, int]]:
    """Every index that may belong to a branch: its instances, those not expanded in it yet, and what it will come from."""
    path = path[:depth]
    yield whole_range(path, depth) if depth else (-1, -1)
    for length in range(len(path), depth):
        lowest = (*path, *(0,) * (length - len(path)))
        highest = (*path, *(BASE - 1,) * (length - len(path)))
        yield index_of(highest, depth), index_of(lowest, depth)
    for length in range(min(len(path), depth)):
        unexpanded = index_of(path[:length], depth)
        yield unexpanded, unexpanded


def label(index: int, depth: int) -> str:
    """The index as people read it: its path, where there is more than one level."""
    path = path_of(index, depth)
    return str(index) if depth < 2 and index >= 0 else " › ".join(map(str, path))


def name(task_id: str, index: int, depth: int) -> str:
    """A task instance as people read it: ``task``, ``task[2]``, ``task[2][0]``."""
    return task_id + "".join(f"[{each}]" for each in path_of(index, depth)) if depth or index >= 0 else task_id


# ---- what a DAG says of levels; worked out once for each version


def _kept(spec: DagSpec, what: str) -> dict[Any, Any]:
    found: dict[Any, Any] = spec.__dict__.setdefault(what, {})
    return found


def outwards(spec: DagSpec, group_id: str | None) -> Iterator[GroupSpec]:
    while group_id is not None:
        yield spec.groups[group_id]
        group_id = spec.groups[group_id].parent_id


def chain(spec: DagSpec, group_id: str | None) -> tuple[str, ...]:
    """The mapped groups from the outside to this group, itself included."""
    known = _kept(spec, "_mapped_chains")
    if group_id not in known:
        known[group_id] = tuple(each.group_id for each in outwards(spec, group_id) if each.map is not None)[::-1]
    found: tuple[str, ...] = known[group_id]
    return found


def groups_of(spec: DagSpec, task_id: str) -> tuple[str, ...]:
    """The mapped groups around a task, the outermost first."""
    return chain(spec, spec.tasks[task_id].group_id) if task_id in spec.tasks else ()


def maps_of(spec: DagSpec, task_id: str) -> tuple[MapSpec, ...]:
    """What each level of a task maps over."""
    known = _kept(spec, "_maps_of")
    if task_id not in known:
        task = spec.tasks.get(task_id)
        around = [spec.groups[each].map for each in groups_of(spec, task_id)]
        known[task_id] = tuple(each for each in (*around, task.map if task is not None else None) if each is not None)
    found: tuple[MapSpec, ...] = known[task_id]
    return found


def depth_of(spec: DagSpec, task_id: str) -> int:
    return len(maps_of(spec, task_id))


def shared(spec: DagSpec, task_id: str, other: str) -> int:
    """At how many levels two tasks always stand at the same position: the mapped groups around both."""
    known = _kept(spec, "_shared_levels")
    key = task_id, other
    if key not in known:
        count = 0
        for mine, its in zip(groups_of(spec, task_id), groups_of(spec, other), strict=False):
            if mine != its:
                break
            count += 1
        known[key] = count
    found: int = known[key]
    return found


class Branches:
    """Which instances of a run stand in which branch. ``instances`` may change; :meth:`forget` what was asked before."""

    def __init__(self, spec: DagSpec, instances: Mapping[str, Mapping[int, Any]]) -> None:
        self.spec, self.instances = spec, instances
        self._known: dict[str, dict[int, dict[Path, list[int]]]] = {}

    def forget(self, task_id: str) -> None:
        """Instances were added to a task, or taken away."""
        self._known.pop(task_id, None)

    def under(self, task_id: str, path: Path) -> Collection[int]:
        """The indexes of a task's instances in a branch, or of the one not expanded yet that they will come from."""
        found = self.instances.get(task_id, {})
        if not path:
            return list(found)
        depth = depth_of(self.spec, task_id)
        index = index_of(path, depth)
        if index in found:
            return (index,)
        if len(path) < depth:
            inside = self._by_path(task_id, len(path)).get(path)
            if inside:
                return inside
        for length in range(min(len(path), depth) - 1, -1, -1):
            unexpanded = index_of(path[:length], depth)
            if unexpanded in found:
                return (unexpanded,)
        return ()

    def is_expanded(self, task_id: str, path: Path) -> bool:
        """Whether a task has been expanded beyond this path."""
        found, depth = self.instances.get(task_id, {}), depth_of(self.spec, task_id)
        return not any(index_of(path[:length], depth) in found for length in range(min(len(path), depth - 1) + 1))

    def positions(self, task_id: str, path: Path) -> Collection[int]:
        """At which positions one level below a path a task has something."""
        return self._by_path(task_id, len(path) + 1, below=True).get(path, ())

    def paths(self, task_id: str, length: int) -> Collection[Path]:
        """The paths of a task's instances, cut to so many levels."""
        depth = depth_of(self.spec, task_id)
        return {path_of(index, depth)[:length] for index in self.instances.get(task_id, ())}

    def _by_path(self, task_id: str, length: int, below: bool = False) -> dict[Path, list[int]]:
        """A task's indexes by their paths of so many levels; ``below``: the last positions by the paths above them."""
        known = self._known.setdefault(task_id, {})
        key = -length if below else length
        if key not in known:
            found: dict[Path, list[int]] = {}
            if below:
                for path in self._by_path(task_id, length):
                    found.setdefault(path[:-1], []).append(path[-1])
            else:
                depth = depth_of(self.spec, task_id)
                for index in self.instances.get(task_id, ()):
                    path = path_of(index, depth)
                    if len(path) >= length:
                        found.setdefault(path[:length], []).append(index)
            known[key] = found
        return known[key]


def in_order(indexes: Collection[int], depth: int) -> list[int]:
    """Indexes in the order of their paths, what is not expanded yet among them."""
    return sorted(indexes, key=lambda index: path_of(index, depth))
