"""How far the end of a task instance reaches: what must be looked at in its run, and what need not be.

A run may have ten thousand instances, each of which ends: what one end costs must not grow with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from orchestrator.core.branches import Path, depth_of, path_of, ranges, shared
from orchestrator.core.decide import Decision, decide
from orchestrator.core.near import Beside, alone, beside, branch_levels, branch_of, needs
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import FINISHED, UNFINISHED, WAITING, TaskState
from orchestrator.core.trigger_rules import can_settle

from .locking import fetch, placeholders
from .view import Loaded, load

OPEN = "state IN ({})".format(", ".join(f"'{state}'" for state in sorted(UNFINISHED)))
"""Word for word the condition of the index over unfinished instances: with its states as values no database would see that
the index has all that is asked for, and look through what has ended, too."""
_WAITING = "state IN ({})".format(", ".join(f"'{state}'" for state in sorted(WAITING)))
End = tuple[str, int, TaskState]


class Open:
    """What is unfinished in a run, asked for only where it matters."""

    def __init__(self, run_pk: int) -> None:
        self.run_pk = run_pk
        self._waits: dict[str, bool] = {}

    @cached_property
    def tasks(self) -> set[str]:
        """The tasks behind a few unfinished instances."""
        rows = fetch(f"SELECT task_id FROM runs_app_taskinstance WHERE run_id = %s AND {OPEN} LIMIT 32", [self.run_pk])
        return {row[0] for row in rows}

    def waits(self, task_id: str) -> bool:
        """Whether an instance of the task is still to be decided."""
        if task_id not in self._waits:
            sql = f"SELECT 1 FROM runs_app_taskinstance WHERE run_id = %s AND task_id = %s AND {OPEN} AND {_WAITING} LIMIT 1"
            self._waits[task_id] = bool(fetch(sql, [self.run_pk, task_id]))
        return self._waits[task_id]

    def is_there(
        self, task_id: str, depth: int, branch: Path, without: Collection[Path], states: Collection[TaskState]
    ) -> bool:
        """Whether a task has instances in these states in a branch, those in the branches ``without`` left out.

        Asked from the last index down by the index over them, since what has ended began first, mostly; of a whole run, by
        the index over what is unfinished.
        """
        inside, values = _spans([branch], depth)
        outside, others = _spans(without, depth)
        wanted = sorted(states)
        sql = "SELECT 1 FROM runs_app_taskinstance WHERE run_id = %s AND task_id = %s"
        if branch:
            sql += f" AND ({inside})"
        else:
            sql, values = f"{sql} AND {OPEN}", []
        sql += f" AND NOT ({outside or '1 = 0'}) AND state IN ({placeholders(wanted)})"
        sql += " ORDER BY map_index DESC LIMIT 1" if branch else " LIMIT 1"
        return bool(fetch(sql, [self.run_pk, task_id, *values, *others, *wanted]))

    def at_other_indexes(self, task_ids: Sequence[str], indexes: Sequence[int]) -> bool:
        """Whether one of the tasks is unfinished at another index."""
        sql = (
            f"SELECT 1 FROM runs_app_taskinstance WHERE run_id = %s AND task_id IN ({placeholders(task_ids)}) "
            f"AND map_index NOT IN ({placeholders(indexes)}) AND {OPEN} LIMIT 1"
        )
        return bool(fetch(sql, [self.run_pk, *task_ids, *indexes]))


def _spans(branches: Collection[Path], depth: int) -> tuple[str, list[int]]:
    spans = [span for path in branches for span in ranges(path, depth)]
    return " OR ".join(["map_index BETWEEN %s AND %s"] * len(spans)), [each for span in spans for each in span]


def matters(others: Open, spec: DagSpec, task_id: str, map_index: int, state: TaskState) -> bool:
    """Whether this end can free or settle anything now.

    It cannot while every task below waits for others of its upstream and its rule does not fire early.
    """
    below = spec.downstream.get(task_id, ())
    task = spec.tasks.get(task_id)
    if task is None or task.is_setup or task.skips or spec.fail_fast or not below:
        return bool(below) or (spec.fail_fast and state == TaskState.FAILED)
    if spec.mapped_group_of[task_id] is not None:
        return True
    wide: set[str] = set()
    decided: set[str] = set()  # by an end before this one
    for other in below:
        rule = spec.tasks[other].trigger_rule
        narrow = len(spec.tasks[other].upstream) < 8 and not task.is_mapped
        if narrow or spec.tasks[other].is_teardown:
            return True
        if can_settle(rule, state):
            if others.waits(other):
                return True
            decided.add(other)
        wide.update(spec.tasks[other].upstream)
    waiting = others.tasks & wide
    return not all(waiting & set(spec.tasks[other].upstream) for other in below if other not in decided)


def decide_near(
    run: Mapping[str, Any], spec: DagSpec, near: Sequence[End], others: Open, now: datetime
) -> tuple[Loaded, Decision] | None:
    """Decide what these ends reach; None where the whole run has to be looked at."""
    keys = {(task_id, map_index) for task_id, map_index, _ in near if task_id in spec.tasks}
    task_ids = frozenset(task_id for task_id, _ in keys)
    if not keys:
        return None
    level = min(branch_levels(spec, task_ids), *(len(branch_of(spec, key, BOTTOM)) for key in keys))
    is_branch = False
    while level > 0:  # from the innermost branch outwards
        part = beside(spec, task_ids, level)
        if part is not None:
            is_branch = True
            found = _decide_branches(run, spec, near, part, others, now)
            if found is not None:
                return found
        level -= 1
    if is_branch:
        return None
    loaded = load(dict(run), spec, needs(spec, keys), now)
    decision = decide(loaded.view, changed=keys)
    return None if decision.unseen else (loaded, decision)  # skips and failures may travel further down than was loaded


BOTTOM = 99


def _decide_branches(
    run: Mapping[str, Any], spec: DagSpec, near: Sequence[End], part: Beside, others: Open, now: datetime
) -> tuple[Loaded, Decision] | None:
    """Decide what ends reach in their own branches; None where it may be more."""
    keys = {(task_id, map_index) for task_id, map_index, _ in near}
    branches = sorted({branch_of(spec, key, part.level) for key in keys})
    loaded = load(dict(run), spec, None, now, beside=part, branches=branches)
    if _is_above(loaded, spec, part):
        return None
    decision = decide(loaded.view, changed=keys)
    if decision.unseen or _leaves(part, spec, near, decision, others, branches):
        return None
    return loaded, decision


def _is_above(loaded: Loaded, spec: DagSpec, part: Beside) -> bool:
    """Whether a task of these branches is yet to be expanded into them: that is for who sees all branches."""
    for task_id in part.own:
        depth = depth_of(spec, task_id)
        for index, each in loaded.view.instances.get(task_id, {}).items():
            if index < 0 and each.state in UNFINISHED and len(path_of(index, depth)) < part.level:
                return True
    return False


def decide_alone(
    run: Mapping[str, Any], spec: DagSpec, task_id: str, map_index: int, now: datetime
) -> tuple[Loaded, Decision] | None:
    """Decide one instance whose own time has come; None where the whole run has to be looked at."""
    part = alone(spec, task_id)
    if part is None:
        return None
    loaded = load(dict(run), spec, None, now, beside=part, branches=[branch_of(spec, (task_id, map_index), BOTTOM)])
    decision = decide(loaded.view, only=[task_id])
    return None if decision.unseen or decision.expansions else (loaded, decision)


def _leaves(
    part: Beside, spec: DagSpec, near: Iterable[End], decision: Decision, others: Open, branches: Sequence[Path]
) -> bool:
    """Whether these ends, or those that follow from them, may move a task outside of their mapped group."""
    ends = [(task_id, state) for task_id, _, state in near]
    ends += [(move.task_id, move.new) for move in decision.moves if move.new in FINISHED]
    for task_id, state in dict.fromkeys(ends):
        for other in part.below.intersection(spec.downstream.get(task_id, ())):
            if _may_move(part, spec, task_id, state, other, others, branches):
                return True
    return False


def _may_move(
    part: Beside, spec: DagSpec, task_id: str, state: TaskState, other: str, others: Open, branches: Sequence[Path]
) -> bool:
    """Whether an end may move a task outside, in the branch of outer groups where both stand."""
    rule, upstream = spec.tasks[other].trigger_rule, spec.tasks[other].upstream
    level = shared(spec, task_id, other)
    if not level and part.level == 1 and all(depth_of(spec, each) == 1 for each in part.own):
        if not others.waits(other):
            return False
        return can_settle(rule, state) or not others.at_other_indexes(upstream, [path[0] for path in branches])
    for outer in dict.fromkeys(path[:level] for path in branches):
        if not others.is_there(other, depth_of(spec, other), outer, (), WAITING):
            continue
        if can_settle(rule, state):
            return True
        for each in upstream:
            seen = branches if each in part.own else ()
            within = outer[: shared(spec, other, each)]
            if others.is_there(each, depth_of(spec, each), within, seen, UNFINISHED):
                break
        else:
            return True
    return False
