"""The scheduler's core: a DAG and the states of a run in, every move that is due now out.

Pure: no clock, no rows. With the moves applied a second call is quiet until something else changes.
Skips, failures and expansions travel inside one call, so one call does all that is due.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .branches import BASE, Branches, Path, children, depth_of, groups_of, index_of, path_of
from .branches import shared as shared_levels
from .graph import ancestors, descendants
from .group_retries import GroupRetry, Groups, GroupState, after, around, with_retries
from .mapping import Length, Lengths
from .near import touched
from .setups import deciding_leaves, has_setups, relevant_setups
from .spec import DagSpec, TaskSpec
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
    lengths: Mapping[tuple[str, int, str], Length] = field(default_factory=dict)  # (task, index, XCom key)
    logical_date: datetime | None = None
    run_type: str = "manual"
    run_after: datetime | None = None
    is_latest: bool | None = None  # for latest-only tasks
    past: Mapping[str, str] = field(default_factory=dict)  # task id -> why an earlier run holds it back
    complete: bool = True
    groups: Mapping[Key, GroupState] | None = field(default_factory=dict)  # None: no group is run again any more
    left_out: frozenset[str] = frozenset()  # of a part: tasks that its caller sees to
    level: int = 0  # of a part that is a branch of mapped groups: how many levels down it begins
    totals: Mapping[str, int] = field(
        default_factory=dict
    )  # of a part: how many instances nested tasks have in the run
    most_instances: int = 100_000  # so many may a task have whose mappings stand in each other
    stopping: frozenset[str] = frozenset()  # tasks of which an attempt was ended whose process may still run


@dataclass(frozen=True, slots=True)
class Move:
    task_id: str
    map_index: int
    old: TaskState
    new: TaskState
    reason: str


@dataclass(frozen=True, slots=True)
class Expansion:
    """What is unexpanded of a mapped task becomes the instances ``indexes``; the first takes its place.

    Where ``replaces`` is there no more, a task that was expanded before gets those of them that it lacks.
    """

    task_id: str
    count: int
    replaces: int = -1
    indexes: range = range(0)

    def __post_init__(self) -> None:
        if not self.indexes:
            object.__setattr__(self, "indexes", range(self.count))


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


def decide(view: RunView, changed: Collection[Key] | None = None, only: Collection[str] | None = None) -> Decision:
    """Work out all that is due. ``changed``: only what these instances' ends may have moved; ``only``: these tasks."""
    return _Round(view).run(changed, only)


class _Round:
    """One call of :func:`decide`: the working copy of the states and what was found so far."""

    def __init__(self, view: RunView) -> None:
        self.view = view
        self.spec = view.spec
        self.instances = {task_id: dict(found) for task_id, found in view.instances.items()}
        self.branches = Branches(self.spec, self.instances)
        self.lengths = Lengths(self.spec, self.branches, view.lengths)
        self.moves: dict[Key, Move] = {}
        self.ended: dict[Key, Instance] = {}  # in this round
        self.expansions: list[Expansion] = []
        self.lengths_now: dict[str, dict[Path, int | None]] = {}  # of tasks that may go, what they map over now
        self.to_grow: set[str] = set()  # tasks of groups that have grown
        self.notes: dict[Key, Mapping[str, Any]] = {}
        self.waits: dict[Key, str] = {}
        self.unseen = False
        self.groups: Groups | None = None  # where some have retries
        if view.groups is not None and with_retries(self.spec):
            self.groups = Groups(self.spec, view.groups, self.instances, self.branches, complete=view.complete)
        self.noted = True  # notes are there that no round has gone by yet
        self.skipped_by_note: dict[str, dict[str, dict[Path, list[int]]]] = {}  # task, branch, where it speaks for
        for task_id, found in self.instances.items():
            for index, instance in found.items():
                if instance.skip_note:
                    self._note(task_id, index, instance.skip_note)

    def run(self, changed: Collection[Key] | None, only: Collection[str] | None) -> Decision:
        everything = list(self.spec.tasks) if only is None else list(only)
        start = everything if changed is None else sorted(touched(self.spec, changed))
        self._fail_fast()
        pending = dict.fromkeys(start)
        while pending:
            pending = self._round(pending)
        retries = tuple(self.groups.retries()) if self.groups is not None and self.view.complete else ()
        state, reason = self._run_state()
        return Decision(
            tuple(self.moves.values()),
            tuple(self.expansions),
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
                following.update(dict.fromkeys(self._concerned(self.spec.tasks[task_id])))
        self._end_round()
        following.update(dict.fromkeys(sorted(self.to_grow)))
        self.to_grow.clear()
        return following

    def _concerned(self, task: TaskSpec) -> Iterator[str]:
        """The tasks that an end of this one may move."""
        if task.is_setup or task.inline == "latest_only":
            yield from descendants(self.spec, [task.task_id])
        else:
            yield from self.spec.downstream[task.task_id]
        if self.groups is not None:  # it may have been the last of a group that others wait for
            for group_id in around(self.spec, task.task_id):
                yield from sorted(after(self.spec, group_id))

    def _skip_left_out(self) -> Iterator[str]:
        """Skip what finished branches left out, before anything else is decided; yield the tasks that this concerns."""
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
                    yield from self._concerned(task)
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
        depth = depth_of(self.spec, task.task_id)
        ended = self._expand_all(task, depth) if depth and any(index < 0 for index in found) else False
        shared = self._shared_counts(task)
        pending = list(found.items())
        while pending:
            for index, instance in pending:
                if depth and index < 0 and instance.state == TaskState.NONE:
                    continue  # it has yet to be expanded
                if (instance.state in WAITING and instance.due) or instance.state == TaskState.SCHEDULED:
                    ended |= self._decide(task, index, instance, shared)
            pending = self._grown(task)
        return ended

    def _expand_all(self, task: TaskSpec, depth: int) -> bool:
        """Expand what can be expanded of a task, level by level; True if something was, or ended."""
        found, any_moved = self.instances[task.task_id], False
        pending = [index for index, each in found.items() if index < 0 and each.state == TaskState.NONE]
        for index in pending:  # which grows
            expanded = self._expand(task, index)
            any_moved |= expanded is not False
            if expanded:
                pending += [each for each in self.expansions[-1].indexes if each < 0]
        return any_moved

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
        length = self._is_past_end(task, index) if index >= 0 else None
        if length is not None:
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
        path = path_of(index, depth_of(self.spec, task_id))
        for other in left_out:
            at = path[: shared_levels(self.spec, task_id, other)]
            self.skipped_by_note.setdefault(other, {}).setdefault(task_id, {}).setdefault(at, []).append(index)

    def _left_out(self, task: TaskSpec, index: int) -> str | None:
        """Return which branch left this instance out; one inside a mapped group speaks for its own position only."""
        noted = self.skipped_by_note.get(task.task_id)
        if not noted:
            return None
        path = path_of(index, depth_of(self.spec, task.task_id))
        for other, places in noted.items():
            for length in range(min(len(path), shared_levels(self.spec, other, task.task_id)) + 1):
                for at in places.get(path[:length], ()):
                    state = self.instances[other][at].state
                    if state in {TaskState.SUCCESS, TaskState.SKIPPED} and not self._is_hidden(other, at, task):
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
        place = index if index < BASE else path_of(index, depth_of(self.spec, task.task_id))[-1]
        verdict = judge(task.trigger_rule, counts, place, vacuous=not (unexpanded and task.upstream))
        if waits is not None and verdict == Verdict.RUN:
            return Verdict.WAIT, waits
        if verdict == Verdict.RUN and task.is_teardown and (still := self._still_stopping(task)):
            return Verdict.WAIT, f"{task.trigger_rule}: {', '.join(still)} still being stopped"
        return verdict, f"{task.trigger_rule} {counts}"

    def _still_stopping(self, task: TaskSpec) -> list[str]:
        """What a teardown would pull the ground away from: tasks above it that were ended and have not stopped yet."""
        return sorted(self.view.stopping & ancestors(self.spec, [task.task_id])) if self.view.stopping else []

    def _judge_setups(self, task: TaskSpec, index: int) -> tuple[Verdict, str]:
        """Every open setup above must have succeeded, whatever the task's own rule says."""
        setups = relevant_setups(self.spec, task.task_id) - set(task.upstream)
        if not setups:
            return Verdict.RUN, ""
        counts = self._count(sorted(setups), task, index)
        return judge("all_success", counts, index), f"its setups: {counts}"

    def _shared_counts(self, task: TaskSpec) -> Counts | None:
        """The counts that hold for every index of a task; None where each index has its own."""
        if self._is_grouped(task) and any(shared_levels(self.spec, task.task_id, other) for other in task.upstream):
            return None
        return self._count(task.upstream, task, -1)

    def _count(self, upstream: Iterable[str], task: TaskSpec, index: int, unexpanded: bool = False) -> Counts:
        path = path_of(index, depth_of(self.spec, task.task_id)) if self._is_grouped(task) else ()
        tally: dict[TaskState, int] = {}
        total = setups = good_setups = skipped_setups = 0
        for other in upstream:
            found = self.instances.get(other)
            if found is None:
                self.unseen |= not self.view.complete
                continue
            relevant = self._beside(task, path, other, found, unexpanded)
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

    def _is_grouped(self, task: TaskSpec) -> bool:
        return self.spec.mapped_group_of[task.task_id] is not None

    def _beside(
        self, task: TaskSpec, path: Path, other: str, found: Mapping[int, Instance], unexpanded: bool
    ) -> Iterable[tuple[int, Instance]]:
        """The instances of a task that one at this path looks at: those of its own branch, where both stand in it."""
        level = shared_levels(self.spec, task.task_id, other) if self._is_grouped(task) else 0
        if not level:
            return found.items()
        above = unexpanded and len(path) < level and task.trigger_rule not in EAGER
        if above and self.branches.is_expanded(other, path):
            return ()  # which of the other's instances is whose is not known yet
        return [(at, found[at]) for at in self.branches.under(other, path[:level])]

    # ---- mapping

    def _expand(self, task: TaskSpec, index: int) -> bool | None:
        """Expand a mapped task by one level. True: it is expanded now. None: it ended unexpanded. False: it waits."""
        reason = self._left_out(task, index)
        if reason:
            self._move(task, index, TaskState.SKIPPED, reason)
            return None
        depth = depth_of(self.spec, task.task_id)
        path = path_of(index, depth)
        over = self.lengths.sources(task.task_id, path)
        if over or not self.lengths.count(task.task_id, path):
            verdict, reason = self._judge(task, index, None, len(path) < len(groups_of(self.spec, task.task_id)))
            if verdict == Verdict.RUN and over:
                verdict, reason = self._judge_sources(task, path, over)
            if verdict == Verdict.WAIT:
                self.waits[task.task_id, index] = reason
                return False
            if verdict != Verdict.RUN:
                self._move(task, index, TaskState(verdict.value), reason)
                return None
        count = self.lengths.count(task.task_id, path)
        refusal = self._refusal(task, path, count, depth)
        if refusal:
            self._move(task, index, TaskState.FAILED, refusal)
            return None
        if not count:
            self._move(task, index, TaskState.SKIPPED, "maps over nothing")
            return None
        found, expansion = self.instances[task.task_id], self._expansion(task, path, count)
        first = found.pop(index)
        found[expansion.indexes[0]] = first
        for each in expansion.indexes[1:]:
            found[each] = Instance(TaskState.NONE, held=first.held)
        self.branches.forget(task.task_id)
        self.expansions.append(expansion)
        self.lengths_now.setdefault(task.task_id, {})[path] = count
        return True

    def _expansion(self, task: TaskSpec, path: Path, count: int) -> Expansion:
        depth = depth_of(self.spec, task.task_id)
        return Expansion(task.task_id, count, index_of(path, depth), children(path, count, depth))

    def _refusal(self, task: TaskSpec, path: Path, count: int | None, depth: int) -> str:
        """Why a task cannot have as many instances as it would be expanded to."""
        if count is None:
            return "what it maps over has no length: nothing was pushed"
        if depth < 2:
            return ""
        if count > BASE:
            return f"maps over {count} elements inside of other mappings, where each level may have {BASE}"
        there = max(len(self.instances[task.task_id]), self.view.totals.get(task.task_id, 0))
        if there + count - 1 > self.view.most_instances:
            return (
                f"would have {there + count - 1} instances, and may have {self.view.most_instances} "
                "(ORCHESTRATOR_MAX_MAPPED_INSTANCES)"
            )
        return ""

    def _is_past_end(self, task: TaskSpec, index: int) -> int | None:
        """The length that leaves no place for an instance: what it maps over may have been run again since."""
        path = path_of(index, depth_of(self.spec, task.task_id))
        for level in range(self.view.level, depth_of(self.spec, task.task_id)):
            length = self._length_now(task, path[:level])
            if length is not None and path[level] >= length:
                return length
        return None

    def _length_now(self, task: TaskSpec, path: Path) -> int | None:
        """How many instances a task that may go would be made into below a path now; None while that is not known."""
        known = self.lengths_now.setdefault(task.task_id, {})
        if path not in known:
            over = self.lengths.sources(task.task_id, path)
            seen = over <= self.instances.keys()  # a part of the run may leave out what is mapped over
            is_known = over and seen and self._judge_sources(task, path, over)[0] == Verdict.RUN
            known[path] = self.lengths.count(task.task_id, path) if is_known else None
        return known[path]

    def _grown(self, task: TaskSpec) -> list[tuple[int, Instance]]:
        """Add the instances that a task lacks which was expanded before what it maps over grew; return them."""
        found, fresh = self.instances[task.task_id], list[int]()
        depth = depth_of(self.spec, task.task_id)
        held = bool(found) and all(each.held for each in found.values())
        for path, length in list(self.lengths_now.get(task.task_id, {}).items()):
            if length is None or (depth < 2 and len(found) >= length):
                continue
            there = set(self.branches.positions(task.task_id, path))
            missing = [at for at in range(length) if at not in there]
            if missing and there:  # else it ended unexpanded
                self.expansions.append(self._expansion(task, path, length))
                fresh += [index_of((*path, at), depth) for at in missing]
                self._grow_beside(task, path, length)
        if not fresh:
            return []
        before = set(found)
        found.update((index, Instance(TaskState.NONE, held=held)) for index in fresh)
        self.branches.forget(task.task_id)
        if min(fresh) < 0:
            self._expand_all(task, depth)
        return [(index, each) for index, each in found.items() if index >= 0 and index not in before]

    def _grow_beside(self, task: TaskSpec, path: Path, length: int) -> None:
        """What has grown is a mapped group: so have its other tasks, though nothing of them may go yet."""
        groups = groups_of(self.spec, task.task_id)
        if len(path) == len(groups):
            return
        for other in self.spec.tasks:
            if groups[len(path)] in groups_of(self.spec, other) and other != task.task_id:
                if other in self.instances:
                    self.lengths_now.setdefault(other, {})[path] = length
                    self.to_grow.add(other)
                else:
                    self.unseen |= not self.view.complete

    def _judge_sources(self, task: TaskSpec, path: Path, over: Collection[str]) -> tuple[Verdict, str]:
        """What the tasks that are mapped over have come to.

        One that ended before it was expanded decides this one's end; of one that was expanded only the
        results count, however many there are, once all its instances have ended.
        """
        states: set[TaskState] = set()
        unexpanded: set[TaskState] = set()
        for name in over:
            found, depth = self.instances.get(name, {}), depth_of(self.spec, name)
            for at, each in self._beside(task, path, name, found, False):
                states.add(each.state)
                if at < 0 or shared_levels(self.spec, task.task_id, name) == depth:
                    unexpanded.add(each.state)
        if unexpanded & FAILED_STATES:
            return Verdict.UPSTREAM_FAILED, "what it maps over failed"
        if TaskState.SKIPPED in unexpanded:
            return Verdict.SKIP, "what it maps over was skipped"
        if states & UNFINISHED:
            # Its trigger rule lets it go already; what it would be made of is not there, and it does not wait for it.
            return Verdict.UPSTREAM_FAILED, "maps over results that are not there yet"
        return Verdict.RUN, ""

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
        groups = ((each, self.groups.index_in(each, task_id, map_index)) for each in around(self.spec, task_id))
        return any(not self.groups.is_final(*each) for each in groups)

    def _holds(self) -> bool:
        return any(each.held for found in self.instances.values() for each in found.values())

    def _run_state(self) -> tuple[RunState | None, str]:
        if not self.view.complete or (self.groups is not None and not self.groups.all_final()):
            return None, ""
        states = [each.state for found in self.instances.values() for each in found.values()]
        if any(state in UNFINISHED for state in states):
            stuck = all(state == TaskState.NONE for state in states if state in UNFINISHED)
            if stuck and not (self.moves or self.expansions or self.view.past or self.view.stopping or self._holds()):
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
