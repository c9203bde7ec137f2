"""How far the end of a task instance reaches: what must be looked at in its run, and what need not be.

A run may have ten thousand instances, each of which ends: what one end costs must not grow with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from orchestrator.core.decide import Beside, Decision, alone, beside, decide, needs
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

    def elsewhere(self, task_ids: Sequence[str], indexes: Sequence[int]) -> bool:
        """Whether one of the tasks is unfinished at another index."""
        sql = (
            f"SELECT 1 FROM runs_app_taskinstance WHERE run_id = %s AND task_id IN ({placeholders(task_ids)}) "
            f"AND map_index NOT IN ({placeholders(indexes)}) AND {OPEN} LIMIT 1"
        )
        return bool(fetch(sql, [self.run_pk, *task_ids, *indexes]))


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
    keys = {(task_id, map_index) for task_id, map_index, _ in near}
    indexes = sorted({map_index for _, map_index in keys})
    part = beside(spec, frozenset(task_id for task_id, _ in keys)) if indexes[0] >= 0 else None
    if part is None:
        loaded = load(dict(run), spec, needs(spec, keys), now)
    else:
        loaded = load(dict(run), spec, part.others, now, beside=part, indexes=indexes)
        if any(-1 in loaded.view.instances.get(task_id, ()) for task_id in part.own):
            return None
    decision = decide(loaded.view, changed=keys)
    if decision.unseen:  # skips and failures travel further down than what was loaded
        return None
    if part is not None and _leaves(part, spec, near, decision, others, indexes):
        return None
    return loaded, decision


def decide_alone(
    run: Mapping[str, Any], spec: DagSpec, task_id: str, map_index: int, now: datetime
) -> tuple[Loaded, Decision] | None:
    """Decide one instance whose own time has come; None where the whole run has to be looked at."""
    part = alone(spec, task_id)
    if part is None:
        return None
    loaded = load(dict(run), spec, part.others, now, beside=part, indexes=[map_index])
    decision = decide(loaded.view, only=[task_id])
    return None if decision.unseen or decision.expansions else (loaded, decision)


def _leaves(
    part: Beside, spec: DagSpec, near: Iterable[End], decision: Decision, others: Open, indexes: Sequence[int]
) -> bool:
    """Whether these ends, or those that follow from them, may move a task outside of their mapped group."""
    ends = [(task_id, state) for task_id, _, state in near]
    ends += [(move.task_id, move.new) for move in decision.moves if move.new in FINISHED]
    for task_id, state in dict.fromkeys(ends):
        for other in part.below.intersection(spec.downstream[task_id]):
            task = spec.tasks[other]
            if not others.waits(other):
                continue
            if can_settle(task.trigger_rule, state) or not others.elsewhere(task.upstream, indexes):
                return True
    return False
