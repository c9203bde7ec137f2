"""Retries of task groups: a group that failed is run again as a whole, before anything outside learns of it.

A group instance is a group, or one index of a mapped group. It has failed when nothing in it is left to do, one of its
tasks failed, and one that ends the group (see :func:`ends_of`) did not come to a good end: a failure that the group
itself makes up for is none. Until it has ended for good, what comes after the group sees its tasks as not done.
Of groups in each other the innermost is run again first; the outer one begins the inner one's count anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .branches import Branches, chain, depth_of, index_of, path_of
from .branches import outwards as _outwards
from .spec import DagSpec, TaskSpec
from .states import UNFINISHED, TaskState

Key = tuple[str, int]
BAD = frozenset({TaskState.FAILED, TaskState.UPSTREAM_FAILED})


@dataclass(frozen=True, slots=True)
class GroupState:
    """What is known of a group instance beside the states of its tasks."""

    retried: int = 0  # so many times it was run again
    due: bool | None = None  # whether the time of its next retry has come; None = none is planned


@dataclass(frozen=True, slots=True)
class GroupRetry:
    """A group instance failed: run it again now (``keys`` are its task instances), or in ``delay`` seconds (no keys)."""

    group_id: str
    map_index: int
    number: int  # of this retry, from 1
    most: int
    keys: tuple[Key, ...] = ()
    delay: float = 0.0


class HasState(Protocol):
    @property
    def state(self) -> TaskState: ...


Instances = Mapping[str, Mapping[int, Any]]  # of HasState


def _cached(spec: DagSpec, name: str, make: Any) -> Any:
    """Worked out once for each version."""
    if name not in spec.__dict__:
        spec.__dict__[name] = make()
    return spec.__dict__[name]


def with_retries(spec: DagSpec) -> tuple[str, ...]:
    """The groups that have retries, inner ones before those around them."""
    return _cached(spec, "_retrying", lambda: tuple(sorted(_with_retries(spec), key=lambda each: -_depth(spec, each))))


def _with_retries(spec: DagSpec) -> Iterator[str]:
    return (group.group_id for group in spec.groups.values() if group.retries > 0)


def _depth(spec: DagSpec, group_id: str) -> int:
    return sum(1 for _ in _outwards(spec, group_id))


def around(spec: DagSpec, task_id: str) -> tuple[str, ...]:
    """The groups with retries that a task stands in, the innermost first."""

    def make() -> dict[str, tuple[str, ...]]:
        return {
            task.task_id: tuple(group.group_id for group in _outwards(spec, task.group_id) if group.retries > 0)
            for task in spec.tasks.values()
        }

    return _cached(spec, "_retrying_around", make).get(task_id, ())


def members(spec: DagSpec, group_id: str) -> tuple[str, ...]:
    """The tasks of a group with retries and of the groups in it."""

    def make() -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {each: [] for each in with_retries(spec)}
        for task_id in spec.tasks:
            for each in around(spec, task_id):
                found[each].append(task_id)
        return {each: tuple(tasks) for each, tasks in found.items()}

    return _cached(spec, "_retrying_members", make)[group_id]


def ends_of(spec: DagSpec, group_id: str) -> frozenset[str]:
    """The tasks that say whether a group failed: those that nothing in it comes after, and those that others build on.

    Teardowns count as little as they do for the run, and do not take the place of what they clean up after.
    """

    def make() -> dict[str, frozenset[str]]:
        return {each: frozenset(_ends(spec, set(members(spec, each)))) for each in with_retries(spec)}

    return _cached(spec, "_retrying_ends", make)[group_id]


def _ends(spec: DagSpec, inside: set[str]) -> Iterator[str]:
    for task_id in inside:
        task = spec.tasks[task_id]
        if task.is_teardown and not task.on_failure_fail_dagrun:
            continue
        below = {other for other in spec.downstream[task_id] if not _forgiven(spec.tasks[other])}
        if not below & inside or below - inside:
            yield task_id


def _forgiven(task: TaskSpec) -> bool:
    return task.is_teardown and not task.on_failure_fail_dagrun


def after(spec: DagSpec, group_id: str) -> frozenset[str]:
    """The tasks outside of a group that come right after one of its own."""

    def make() -> dict[str, frozenset[str]]:
        found = {}
        for each in with_retries(spec):
            inside = set(members(spec, each))
            found[each] = frozenset(other for task_id in inside for other in spec.downstream[task_id]) - inside
        return found

    return _cached(spec, "_retrying_after", make)[group_id]


def instance_of(spec: DagSpec, group_id: str, task_id: str, map_index: int) -> int:
    """The index of the group instance that a task instance stands in: its position at the mapped levels of the group."""
    levels = len(chain(spec, group_id))
    return index_of(path_of(map_index, depth_of(spec, task_id))[:levels], levels) if levels else -1


class Groups:
    """The group instances of one run, as a decision sees them; ``instances`` may change between the calls."""

    def __init__(
        self,
        spec: DagSpec,
        states: Mapping[Key, GroupState],
        instances: Instances,
        branches: Branches,
        *,
        complete: bool = True,
    ) -> None:
        self.spec, self.states, self.instances, self.branches = spec, states, instances, branches
        self.complete = complete  # a task without instances is none of the run's
        self.incomplete = False  # a task of a group that was asked about is not in the view
        self._final: dict[Key, bool] = {}

    def forget(self) -> None:
        """The states have changed."""
        self._final.clear()

    def index_in(self, group_id: str, task_id: str, map_index: int) -> int:
        """The index of the group instance that a task instance stands in."""
        return instance_of(self.spec, group_id, task_id, map_index)

    def indexes(self, group_id: str) -> list[int]:
        """The instances that a group has now; of what is not expanded yet, one for all that it will become."""
        levels = len(chain(self.spec, group_id))
        if not levels:
            return [-1]
        found = {path for task_id in members(self.spec, group_id) for path in self.branches.paths(task_id, levels)}
        above = {path[:length] for path in found for length in range(len(path))}
        return [index_of(path, levels) for path in sorted(found - above)] or [-1]

    def keys(self, group_id: str, map_index: int) -> Iterator[Key]:
        """The task instances of a group instance; what is not expanded yet belongs to each that it will become."""
        path = path_of(map_index, len(chain(self.spec, group_id)))
        for task_id in members(self.spec, group_id):
            if task_id not in self.instances:
                self.incomplete |= not self.complete
            else:
                yield from ((task_id, index) for index in self.branches.under(task_id, path))

    def is_hidden(self, task_id: str, map_index: int, beholder: str) -> bool:
        """Whether ``beholder`` has to take a task instance for not done, since it may be run again."""
        outside = [each for each in around(self.spec, task_id) if each not in around(self.spec, beholder)]
        return any(not self.is_final(each, self.index_in(each, task_id, map_index)) for each in outside)

    def is_final(self, group_id: str, map_index: int) -> bool:
        """Whether a group instance has ended and is not run again."""
        key = (group_id, map_index)
        if key not in self._final:
            failed = self._failed(group_id, map_index)
            self._final[key] = failed is not None and not (failed and self._is_left(group_id, map_index))
        return self._final[key]

    def _is_left(self, group_id: str, map_index: int) -> bool:
        return self._state(group_id, map_index).retried < self.spec.groups[group_id].retries

    def _state(self, group_id: str, map_index: int) -> GroupState:
        return self.states.get((group_id, map_index), GroupState())

    def _failed(self, group_id: str, map_index: int) -> bool | None:
        """Whether a group instance failed; None while something in it is still to come."""
        any_failed = end_failed = False
        ends = ends_of(self.spec, group_id)
        inner: set[Key] = set()
        for task_id, index in self.keys(group_id, map_index):
            state = self.instances[task_id][index].state
            if state in UNFINISHED:
                return None
            any_failed |= state == TaskState.FAILED
            end_failed |= state in BAD and task_id in ends
            for each in around(self.spec, task_id):
                if each == group_id:
                    break
                inner.add((each, self.index_in(each, task_id, index)))
        if self.incomplete or any(not self.is_final(*each) for each in inner):
            return None
        return any_failed and end_failed

    def retries(self) -> Iterator[GroupRetry]:
        """What is to be run again, now or later; a retry that is planned already is not told again."""
        for group_id in with_retries(self.spec):
            group = self.spec.groups[group_id]
            for index in self.indexes(group_id):
                if not self._failed(group_id, index) or not self._is_left(group_id, index):
                    continue
                state = self._state(group_id, index)
                number = state.retried + 1
                if state.due or (state.due is None and not group.retry_delay):
                    yield GroupRetry(group_id, index, number, group.retries, tuple(self.keys(group_id, index)))
                elif state.due is None:
                    yield GroupRetry(group_id, index, number, group.retries, delay=group.retry_delay)

    def all_final(self) -> bool:
        return all(self.is_final(each, index) for each in with_retries(self.spec) for index in self.indexes(each))


def crossing(spec: DagSpec, group_id: str) -> str | None:
    """Return a task outside of a group that comes both after and before tasks of it; None where there is none.

    It would wait for the group's end, and the group for it.
    """
    from .graph import ancestors, descendants

    inside = set(members(spec, group_id))
    between = (descendants(spec, inside) & ancestors(spec, inside)) - inside
    return min(between, default=None)
