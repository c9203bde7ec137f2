"""The scheduler's core: a DAG and the states of a run in, every move that is due now out.

Pure: no clock, no rows. With the moves applied a second call is quiet until something else changes.
Skips, failures and expansions travel inside one call, so one call does all that is due.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .graph import descendants
from .group_retries import GroupRetry, Groups, GroupState, after, around, with_retries
from .mapping import expand_count, sources
from .setups import deciding_leaves, has_setups, relevant_setups
from .spec import DagSpec, MapSpec, TaskSpec
from .states import FAILED_STATES, FINISHED, UNFINISHED, WAITING, RunState, TaskState
from .trigger_rules import EAGER, Counts, Verdict, judge

Key = tuple[str, int]
HELD = "held"
"""Why what somebody holds waits, once nothing else keeps it."""
UNTRIED = frozenset({TaskState.NONE, TaskState.SCHEDULED})
"""What a branch may still skip: a task that has begun, or waits for its next try, goes on."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One task instance as the decision sees it."""

    state: TaskState
    due: bool = True  # up_for_retry and up_for_reschedule: its time has come
    skip_note: Mapping[str, Any] | None = None  # {"followed": [...]} or {"skipped": [...]}: what a branch left
    try_number: int = 0
    held: bool = False  # somebody keeps it from starting


@dataclass(frozen=True, slots=True)
class RunView:
    """A run, or with ``complete`` False the part of it that :func:`needs` named."""

    spec: DagSpec
    instances: Mapping[str, Mapping[int, Instance]]  # task id -> map index; only -1 until it is expanded
    lengths: Mapping[tuple[str, int, str], int | None] = field(default_factory=dict)  # (task, index, XCom key)
    logical_date: datetime | None = None
    run_type: str = "manual"
    run_after: datetime | None = None
    is_latest: bool | None = None  # for latest-only tasks
    past: Mapping[str, str] = field(default_factory=dict)  # task id -> why an earlier run holds it back
    complete: bool = True
    groups: Mapping[Key, GroupState] | None = field(default_factory=dict)  # None: no group is run again any more
    left_out: frozenset[str] = frozenset()  # of a part: tasks that its caller sees to


@dataclass(frozen=True, slots=True)
class Move:
    task_id: str
    map_index: int
    old: TaskState
    new: TaskState
    reason: str


@dataclass(frozen=True, slots=True)
class Expansion:
    """The unexpanded instance of a mapped task becomes instances 0 to ``count`` - 1."""

    task_id: str
    count: int

    @property
    def indexes(self) -> range:
        return range(self.count)


@dataclass(frozen=True, slots=True)
class Decision:
    moves: tuple[Move, ...] = ()
    expansions: tuple[Expansion, ...] = ()
    run_state: RunState | None = None  # None = goes on
    run_reason: str = ""
    notes: Mapping[Key, Mapping[str, Any]] = field(default_factory=dict)  # skip notes of tasks decided here
    waits: Mapping[Key, str] = field(default_factory=dict)  # why each waiting instance waits
    unseen: bool = False  # a partial view was too small: decide again on the whole run
    retries: tuple[GroupRetry, ...] = ()  # groups to run again: apply them, then decide again


DEADLOCK = "deadlock: no task can ever become ready"


def callback_reason(state: RunState, reason: str) -> str:
    """What a DAG's callbacks are told as ``reason``: Airflow's words for how a run ends by itself."""
    if state == RunState.SUCCESS:
        return "success"
    return "all_tasks_deadlocked" if reason == DEADLOCK else "task_failure"


def needs(spec: DagSpec, changed: Collection[Key]) -> set[str]:
    """Return the tasks whose instances a partial view must hold, for ``decide(view, changed)``."""
    tasks = _touched(spec, changed)
    found = {task_id for task_id, _ in changed} | tasks
    for task_id in tasks:
        task = spec.tasks[task_id]
        found.update(task.upstream, relevant_setups(spec, task_id))
        for mapped in _maps_around(spec, task):
            found.update(sources(mapped))
    return found & spec.tasks.keys()


@dataclass(frozen=True, slots=True)
class Beside:
    """What the end of tasks at some indexes of a mapped group can reach without leaving these indexes."""

    inside: frozenset[str]  # they and what is below them in the group
    own: frozenset[str]  # tasks of the group to be looked at, at these indexes only
    others: frozenset[str]  # tasks outside that those below look at
    below: frozenset[str]  # tasks outside that are directly below


def beside(spec: DagSpec, task_ids: frozenset[str]) -> Beside | None:
    """Return what ends of these tasks of one mapped group reach at their own indexes; None where other indexes matter."""
    cache: dict[frozenset[str], Beside | None] = spec.__dict__.setdefault("_beside", {})
    if task_ids not in cache:
        cache[task_ids] = _beside(spec, task_ids)
    return cache[task_ids]


def _beside(spec: DagSpec, task_ids: frozenset[str]) -> Beside | None:
    groups = {spec.mapped_group_of[task_id] for task_id in task_ids}
    group = groups.pop()
    if group is None or groups or spec.fail_fast or has_setups(spec) or with_retries(spec) or _is_nested(spec, group):
        return None
    members = {task_id for task_id, around in spec.mapped_group_of.items() if around == group}
    inside = (task_ids | descendants(spec, task_ids)) & members
    if any(spec.tasks[task_id].map is not None or spec.tasks[task_id].skips for task_id in inside):
        return None
    seen = inside.union(*(spec.tasks[task_id].upstream for task_id in inside - task_ids))
    below = {other for task_id in inside for other in spec.downstream[task_id]} - inside
    return Beside(frozenset(inside), frozenset(seen & members), frozenset(seen - members), frozenset(below))


def _is_nested(spec: DagSpec, group: str) -> bool:
    parent = spec.groups[group].parent_id
    while parent is not None:
        if spec.groups[parent].map is not None:
            return True
        parent = spec.groups[parent].parent_id
    return False


def _touched(spec: DagSpec, changed: Iterable[Key]) -> set[str]:
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


def _maps_around(spec: DagSpec, task: TaskSpec) -> Iterator[MapSpec]:
    if task.map is not None:
        yield task.map
    group_id = spec.mapped_group_of[task.task_id]
    if group_id is not None:
        mapped = spec.groups[group_id].map
        if mapped is not None:
            yield mapped


def alone(spec: DagSpec, task_id: str) -> Beside | None:
    """Return what to look at for an instance whose own time has come; None where that is the whole run."""
    if task_id not in spec.tasks or spec.fail_fast or has_setups(spec) or with_retries(spec):
        return None
    group, upstream = spec.mapped_group_of[task_id], spec.tasks[task_id].upstream
    own = {other for other in upstream if group is not None and spec.mapped_group_of[other] == group} | {task_id}
    if any(spec.tasks[other].map is not None for other in own - {task_id}):
        return None
    others = frozenset(upstream) - own
    return Beside(frozenset([task_id]), frozenset(own), others, frozenset(spec.tasks.keys() - own - others))


def decide(view: RunView, changed: Collection[Key] | None = None, only: Collection[str] | None = None) -> Decision:
    """Work out all that is due. ``changed``: only what these instances' ends may have moved; ``only``: these tasks."""
    return _Round(view).run(changed, only)


class _Round:
    """One call of :func:`decide`: the working copy of the states and what was found so far."""

    def __init__(self, view: RunView) -> None:
        self.view = view
        self.spec = view.spec
        self.instances = {task_id: dict(found) for task_id, found in view.instances.items()}
        self.moves: dict[Key, Move] = {}
        self.ended: dict[Key, Instance] = {}  # in this round
        self.expansions: dict[str, Expansion] = {}
        self.lengths_now: dict[str, int | None] = {}  # of tasks that may go, what they map over now
        self.notes: dict[Key, Mapping[str, Any]] = {}
        self.waits: dict[Key, str] = {}
        self.unseen = False
        self.groups: Groups | None = None  # where some have retries
        if view.groups is not None and with_retries(self.spec):
            self.groups = Groups(self.spec, view.groups, self.instances, complete=view.complete)
        self.noted = True  # notes are there that no round has gone by yet
        self.skipped_by_note: dict[str, list[tuple[str, int, str | None]]] = {}
        for task_id, found in self.instances.items():
            for index, instance in found.items():
                if instance.skip_note:
                    self._note(task_id, index, instance.skip_note)

    def run(self, changed: Collection[Key] | None, only: Collection[str] | None) -> Decision:
        everything = list(self.spec.tasks) if only is None else list(only)
        start = everything if changed is None else sorted(_touched(self.spec, changed))
        self._fail_fast()
        pending = dict.fromkeys(start)
        while pending:
            pending = self._round(pending)
        retries = tuple(self.groups.retries()) if self.groups is not None and self.view.complete else ()
        state, reason = self._run_state()
        return Decision(
            tuple(self.moves.values()),
            tuple(self.expansions.values()),
            state,
            reason,
            self.notes,
            self.waits,
            self.unseen or (self.groups is not None and self.groups.incomplete),
            retries,
        )

    def _round(self, pending: Iterable[str]) -> dict[str, None]:
        """Decide these tasks by the states as the round found them; return those that its ends concern.

        Not by what other tasks of the round came to: else which skip or failure reaches a task first, and so its
        state, would depend on the order in which tasks are looked at.
        """
        following: dict[str, None] = dict.fromkeys(self._skip_left_out())
        for task_id in dict.fromkeys((*pending, *following)):
            if task_id not in self.instances:
                self.unseen |= not self.view.complete and task_id not in self.view.left_out
                continue
            if self._evaluate(self.spec.tasks[task_id]):
                below: Iterable[str] = self.spec.downstream[task_id]
                if self.spec.tasks[task_id].is_setup or self.spec.tasks[task_id].inline == "latest_only":
                    below = descendants(self.spec, [task_id])
                following.update(dict.fromkeys(below))
                if self.groups is not None:  # it may have been the last of a group that others wait for
                    for group_id in around(self.spec, task_id):
                        following.update(dict.fromkeys(sorted(after(self.spec, group_id))))
        self._end_round()
        return following

    def _skip_left_out(self) -> Iterator[str]:
        """Skip what finished branches left out, before anything else is decided; yield the tasks below."""
        if not self.noted:
            return
        self.noted = False
        for task_id in list(self.skipped_by_note):
            task = self.spec.tasks.get(task_id)
            if task is None or task_id not in self.instances:
                continue
            for index, instance in list(self.instances[task_id].items()):
                reason = self._left_out(task, index) if instance.state in UNTRIED else None
                if reason:
                    self._move(task, index, TaskState.SKIPPED, reason)
                    yield from self.spec.downstream[task_id]
        self._end_round()

    def _end_round(self) -> None:
        for (task_id, index), instance in self.ended.items():
            self.instances[task_id][index] = instance
        self.ended.clear()
        if self.groups is not None:
            self.groups.forget()

    # ---- one task

    def _evaluate(self, task: TaskSpec) -> bool:
        """Decide the waiting instances of one task; True if one of them ended or the task was expanded."""
        found = self.instances[task.task_id]
        ended = False
        if -1 in found and found[-1].state == TaskState.NONE and any(True for _ in _maps_around(self.spec, task)):
            expanded = self._expand(task)
            if expanded is not True:
                return expanded is None
            ended = True
        shared = self._shared_counts(task)
        pending = list(found.items())
        while pending:
            for index, instance in pending:
                if (instance.state in WAITING and instance.due) or instance.state == TaskState.SCHEDULED:
                    ended |= self._decide(task, index, instance, shared)
            pending = self._grown(task)
        return ended

    def _decide(self, task: TaskSpec, index: int, instance: Instance, shared: Counts | None) -> bool:
        """Decide one instance; True if it ended here."""
        reason = self._left_out(task, index) if instance.state in UNTRIED else None
        if reason:
            return self._move(task, index, TaskState.SKIPPED, reason)
        if instance.state == TaskState.SCHEDULED:
            return False
        verdict, reason = self._judge(task, index, shared)
        if verdict == Verdict.WAIT:
            self.waits[task.task_id, index] = reason
            return False
        if verdict != Verdict.RUN:
            return self._move(task, index, TaskState(verdict.value), reason)
        if task.task_id in self.view.past and instance.state == TaskState.NONE:
            self.waits[task.task_id, index] = self.view.past[task.task_id]
            return False
        length = self._length_now(task) if index >= 0 else None
        if length is not None and index >= length:
            return self._move(task, index, TaskState.REMOVED, f"what it maps over has {length} elements now")
        if instance.held:
            self.waits[task.task_id, index] = HELD
            return False
        if task.inline and instance.state == TaskState.NONE:
            if task.inline == "latest_only" and self.view.is_latest is False:
                self._note(task.task_id, index, {"followed": []})
                self.notes[task.task_id, index] = {"followed": []}
            return self._move(task, index, TaskState.SUCCESS, "nothing to run")
        self._move(task, index, TaskState.SCHEDULED, reason)
        return False

    def _move(self, task: TaskSpec, index: int, new: TaskState, reason: str) -> bool:
        key = (task.task_id, index)
        old = self.instances[task.task_id][index]
        first = self.moves[key].old if key in self.moves else old.state
        self.moves[key] = Move(task.task_id, index, first, new, reason)
        note = self.notes.get(key) or old.skip_note
        made = Instance(new, True, note, old.try_number)
        if new in FINISHED:
            self.ended[key] = made
        else:
            self.instances[task.task_id][index] = made
        self.waits.pop(key, None)
        return new in FINISHED

    # ---- branches

    def _note(self, task_id: str, index: int, note: Mapping[str, Any]) -> None:
        task = self.spec.tasks.get(task_id)
        if task is None or task.map is not None:
            return  # a branch that is itself mapped skips nothing, as in Airflow
        self.noted = True
        if "followed" in note:
            left_out = [other for other in self.spec.downstream[task_id] if other not in note["followed"]]
        else:
            left_out = note.get("skipped", [])
        for other in left_out:
            self.skipped_by_note.setdefault(other, []).append((task_id, index, self.spec.mapped_group_of[task_id]))

    def _left_out(self, task: TaskSpec, index: int) -> str | None:
        """Return which branch left this instance out; one inside a mapped group speaks for its own index only."""
        for other, at, group in self.skipped_by_note.get(task.task_id, ()):
            state = self.instances[other][at].state
            if state not in {TaskState.SUCCESS, TaskState.SKIPPED} or self._is_hidden(other, at, task):
                continue
            if group is None or group != self.spec.mapped_group_of[task.task_id] or at in (index, -1):
                return f"{other} did not choose it"
        return None

    def _is_hidden(self, task_id: str, map_index: int, beholder: TaskSpec) -> bool:
        """Whether an end may be taken back because its group is run again, which who stands outside must wait for."""
        return self.groups is not None and self.groups.is_hidden(task_id, map_index, beholder.task_id)

    # ---- trigger rules and setups

    def _judge(
        self, task: TaskSpec, index: int, shared: Counts | None, unexpanded: bool = False
    ) -> tuple[Verdict, str]:
        """``unexpanded``: the task stands in a mapped group and its instances are not made yet."""
        waits = None
        if has_setups(self.spec) and not task.is_teardown:
            verdict, reason = self._judge_setups(task, index)
            if verdict == Verdict.WAIT:
                waits = reason  # its upstream may end it before they have ended
            elif verdict != Verdict.RUN:
                return verdict, reason
        counts = shared if shared is not None else self._count(task.upstream, task, index, unexpanded)
        verdict = judge(task.trigger_rule, counts, index, vacuous=not (unexpanded and task.upstream))
        if waits is not None and verdict == Verdict.RUN:
            return Verdict.WAIT, waits
        return verdict, f"{task.trigger_rule} {counts}"

    def _judge_setups(self, task: TaskSpec, index: int) -> tuple[Verdict, str]:
        """Every open setup above must have succeeded, whatever the task's own rule says."""
        setups = relevant_setups(self.spec, task.task_id) - set(task.upstream)
        if not setups:
            return Verdict.RUN, ""
        counts = self._count(sorted(setups), task, index)
        return judge("all_success", counts, index), f"its setups: {counts}"

    def _shared_counts(self, task: TaskSpec) -> Counts | None:
        """The counts that hold for every index of a task; None where each index has its own."""
        group = self.spec.mapped_group_of[task.task_id]
        if group is not None and any(self.spec.mapped_group_of[other] == group for other in task.upstream):
            return None
        return self._count(task.upstream, task, -1)

    def _count(self, upstream: Iterable[str], task: TaskSpec, index: int, unexpanded: bool = False) -> Counts:
        group = self.spec.mapped_group_of[task.task_id]
        tally: dict[TaskState, int] = {}
        total = setups = good_setups = skipped_setups = 0
        for other in upstream:
            found = self.instances.get(other)
            if found is None:
                self.unseen |= not self.view.complete
                continue
            beside = group is not None and self.spec.mapped_group_of[other] == group
            relevant: Iterable[tuple[int, Instance]]
            if beside and unexpanded and -1 not in found and task.trigger_rule not in EAGER:
                relevant = []  # which of the other's instances is whose is not known yet
            elif beside and index >= 0 and -1 not in found and self.spec.tasks[other].map is None:
                relevant = [(index, found[index])] if index in found else []
            else:
                relevant = found.items()
            is_setup = self.spec.tasks[other].is_setup
            may_hide = self.groups is not None and bool(around(self.spec, other))
            for at, instance in relevant:
                state = instance.state
                if may_hide and self._is_hidden(other, at, task):
                    state = TaskState.NONE
                total += 1
                tally[state] = tally.get(state, 0) + 1
                if is_setup:
                    setups += 1
                    good_setups += state == TaskState.SUCCESS
                    skipped_setups += state == TaskState.SKIPPED
        return Counts(
            total=total,
            success=tally.get(TaskState.SUCCESS, 0),
            skipped=tally.get(TaskState.SKIPPED, 0),
            failed=tally.get(TaskState.FAILED, 0) + tally.get(TaskState.CANCELLED, 0),
            upstream_failed=tally.get(TaskState.UPSTREAM_FAILED, 0),
            removed=tally.get(TaskState.REMOVED, 0),
            setups=setups,
            success_setups=good_setups,
            skipped_setups=skipped_setups,
        )

    # ---- mapping

    def _expand(self, task: TaskSpec) -> bool | None:
        """Expand a mapped task. True: it is expanded now. None: it ended unexpanded. False: it still waits."""
        reason = self._left_out(task, -1)
        if reason:
            self._move(task, -1, TaskState.SKIPPED, reason)
            return None
        maps = list(_maps_around(self.spec, task))
        over = {source for mapped in maps for source in sources(mapped)}
        in_group = self.spec.mapped_group_of[task.task_id] is not None
        count = 1
        for mapped in maps if not over else ():
            count *= expand_count(mapped, self._length) or 0
        if over or not count:
            verdict, reason = self._judge(task, -1, None, in_group)
            if verdict == Verdict.WAIT:
                self.waits[task.task_id, -1] = reason
                return False
            if verdict != Verdict.RUN:
                self._move(task, -1, TaskState(verdict.value), reason)
                return None
        if over:
            verdict, reason = self._judge_sources(over)
            if verdict == Verdict.WAIT:
                self.waits[task.task_id, -1] = reason
                return False
            if verdict != Verdict.RUN:
                self._move(task, -1, TaskState(verdict.value), reason)
                return None
        count = 1
        for mapped in maps:
            length = expand_count(mapped, self._length)
            if length is None:
                self._move(task, -1, TaskState.FAILED, "what it maps over has no length: nothing was pushed")
                return None
            count *= length
        if count == 0:
            self._move(task, -1, TaskState.SKIPPED, "maps over nothing")
            return None
        found = self.instances[task.task_id]
        found[0] = found.pop(-1)
        for index in range(1, count):
            found[index] = Instance(TaskState.NONE, held=found[0].held)
        self.expansions[task.task_id] = Expansion(task.task_id, count)
        self.lengths_now[task.task_id] = count
        return True

    def _length_now(self, task: TaskSpec) -> int | None:
        """How many instances a task that may go would be made into now: what it maps over may have been run again.

        None while that is not known.
        """
        if task.task_id not in self.lengths_now:
            maps = list(_maps_around(self.spec, task))
            over = {source for mapped in maps for source in sources(mapped)}
            known = [expand_count(mapped, self._length) for mapped in maps]
            seen = over <= self.instances.keys()  # a part of the run may leave out what is mapped over
            if not over or not seen or None in known or self._judge_sources(over)[0] != Verdict.RUN:
                self.lengths_now[task.task_id] = None
            else:
                self.lengths_now[task.task_id] = math.prod(length or 0 for length in known)
        return self.lengths_now[task.task_id]

    def _grown(self, task: TaskSpec) -> list[tuple[int, Instance]]:
        """Add the instances that a task lacks which was expanded before what it maps over grew; return them."""
        found, length = self.instances[task.task_id], self.lengths_now.get(task.task_id)
        if length is None or len(found) >= length:
            return []
        held = bool(found) and all(each.held for each in found.values())
        fresh = [(index, Instance(TaskState.NONE, held=held)) for index in range(length) if index not in found]
        found.update(fresh)
        self.expansions[task.task_id] = Expansion(task.task_id, length)
        return fresh

    def _judge_sources(self, over: Collection[str]) -> tuple[Verdict, str]:
        """What the tasks that are mapped over have come to.

        One that ended before it was expanded decides this one's end; of one that was expanded only the
        results count, however many there are, once all its instances have ended.
        """
        states = {each.state for name in over for each in self.instances.get(name, {}).values()}
        unexpanded = {found[-1].state for name in over if -1 in (found := self.instances.get(name, {}))}
        if unexpanded & FAILED_STATES:
            return Verdict.UPSTREAM_FAILED, "what it maps over failed"
        if TaskState.SKIPPED in unexpanded:
            return Verdict.SKIP, "what it maps over was skipped"
        if states & UNFINISHED:
            # Its trigger rule lets it go already; what it would be made of is not there, and it does not wait for it.
            return Verdict.UPSTREAM_FAILED, "maps over results that are not there yet"
        return Verdict.RUN, ""

    def _length(self, task_id: str, key: str) -> int | None:
        """How long what a task pushed is; a mapped task's output is as long as its instances that pushed."""
        single = self.view.lengths.get((task_id, -1, key))
        if -1 in self.instances.get(task_id, {}) or single is not None:
            return single
        return sum(1 for task, index, name in self.view.lengths if task == task_id and name == key and index >= 0)

    # ---- the run

    def _fail_fast(self) -> None:
        """One final failure ends the run: what has not started is skipped, teardowns aside."""
        if not self.spec.fail_fast:
            return
        failed = [
            task_id
            for task_id, found in self.instances.items()
            if any(each.state == TaskState.FAILED and not self._may_recover(task_id, at) for at, each in found.items())
        ]
        if not failed:
            return
        for task_id, found in self.instances.items():
            task = self.spec.tasks.get(task_id)
            if task is None or task.is_teardown or failed == [task_id]:
                continue  # the other instances of the mapped task that failed go on, as in Airflow
            for index, instance in list(found.items()):
                if instance.state in WAITING or instance.state == TaskState.SCHEDULED:
                    self._move(task, index, TaskState.SKIPPED, f"fail_fast: {failed[0]} failed")
        self._end_round()

    def _may_recover(self, task_id: str, map_index: int) -> bool:
        """Whether a failure may yet be made good because a group around it is run again."""
        if self.groups is None:
            return False
        groups = ((each, self.groups.index_in(each, map_index)) for each in around(self.spec, task_id))
        return any(not self.groups.is_final(*each) for each in groups)

    def _holds(self) -> bool:
        return any(each.held for found in self.instances.values() for each in found.values())

    def _run_state(self) -> tuple[RunState | None, str]:
        if not self.view.complete or (self.groups is not None and not self.groups.all_final()):
            return None, ""
        states = [each.state for found in self.instances.values() for each in found.values()]
        if any(state in UNFINISHED for state in states):
            stuck = all(state == TaskState.NONE for state in states if state in UNFINISHED)
            if stuck and not self.moves and not self.expansions and not self.view.past and not self._holds():
                return RunState.FAILED, DEADLOCK
            return None, ""
        bad = [
            task_id
            for task_id in sorted(deciding_leaves(self.spec) & self.instances.keys())
            if any(each.state in FAILED_STATES for each in self.instances[task_id].values())
        ]
        if bad:
            return RunState.FAILED, f"failed: {', '.join(bad[:5])}"
        return RunState.SUCCESS, "all tasks are done"
