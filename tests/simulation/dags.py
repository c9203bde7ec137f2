"""Random DAGs, what their tasks do, and what comes of a run that nothing disturbs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations
from random import Random
from typing import Any

from orchestrator.core.decide import Instance, RunView, decide
from orchestrator.core.spec import DagSpec, InputSpec, MapSpec, TaskSpec
from orchestrator.core.states import TaskState
from orchestrator.core.trigger_rules import RULES

Key = tuple[str, int]
RULES_OF_WORK = sorted(set(RULES) - {"all_done_setup_success", "always"})
KINDS = ("plain", "plain", "plain", "plain", "inline", "branch", "literal", "over", "teardown")
ORDERS = [(ends, newest) for ends in permutations(("success", "failed", "skipped")) for newest in (False, True)]
"""Which ends come first, and whether the newest tries do: where two ends race for a task below, each wins in one."""


def random_spec(rng: Random, dag_id: str) -> DagSpec:
    """Up to eight tasks: rules, branches, mapping, setups with teardowns, retries, limits, two queues, a small pool."""
    names = [f"t{number}" for number in range(rng.randint(2, 8))]
    tasks: dict[str, TaskSpec] = {}
    for place, name in enumerate(names):
        upstream = tuple(sorted(each for each in names[:place] if rng.random() < 0.45)[-3:])
        rule = rng.choice(RULES_OF_WORK) if rng.random() < 0.4 else "all_success"
        task = TaskSpec(
            name,
            upstream=upstream,
            trigger_rule=rule,
            retries=rng.choice((0, 0, 1, 2)),
            retry_delay=rng.choice((0.0, 1.0, 5.0)),
            priority_weight=rng.randint(1, 5),
            effective_weight=rng.randint(1, 9),
            queue=rng.choice(("default", "default", "other")),
            pool=rng.choice(("default_pool", "default_pool", "narrow")),
            max_active_tis_per_dag=rng.choice((None, None, None, 1)),
            max_active_tis_per_dagrun=rng.choice((None, None, None, 1)),
        )
        tasks[name] = _of_kind(rng, rng.choice(KINDS), task, tasks)
    return DagSpec(
        dag_id,
        tasks=tasks,
        max_active_tasks=rng.choice((16, 16, 2)),
        max_active_runs=rng.choice((16, 1)),
        fail_fast=False,
    )


def _of_kind(rng: Random, kind: str, task: TaskSpec, tasks: dict[str, TaskSpec]) -> TaskSpec:
    if kind == "inline":
        return replace(task, inline="empty", retries=0)
    if kind == "branch":
        return replace(task, skips="branch")
    if kind == "literal":
        return replace(task, map=MapSpec("expand", {"x": InputSpec("literal", length=rng.randint(0, 4))}))
    if kind == "over" and task.upstream:
        return replace(task, map=MapSpec("expand", {"x": InputSpec("xcom", task_id=rng.choice(task.upstream))}))
    if kind == "teardown" and task.upstream:
        setup = rng.choice(task.upstream)
        if tasks[setup].trigger_rule == "all_success" and not tasks[setup].is_teardown:
            tasks[setup] = replace(tasks[setup], is_setup=True)
            return replace(task, is_teardown=True, trigger_rule="all_done_setup_success")
    return task


@dataclass(frozen=True, slots=True)
class Plan:
    """What each try of each task does, by the seed alone: nothing that happens around it changes it."""

    seed: int
    spec: DagSpec

    def _rng(self, *what: object) -> Random:
        return Random(f"{self.seed}/{self.spec.dag_id}/{'/'.join(map(str, what))}")

    def end(self, task_id: str, index: int, try_number: int) -> str:
        return self._rng("end", task_id, index, try_number).choices(("success", "failed", "skipped"), (75, 17, 8))[0]

    def length(self, task_id: str, index: int) -> int:
        return self._rng("length", task_id, index).randint(0, 3)

    def followed(self, task_id: str) -> list[str]:
        rng = self._rng("followed", task_id)
        return [each for each in self.spec.downstream[task_id] if rng.random() < 0.6]

    def defers(self, task_id: str) -> bool:
        return self._rng("defers", task_id).random() < 0.2

    def pokes(self, task_id: str) -> int:
        return self._rng("pokes", task_id).choice((0, 0, 0, 0, 1, 2))


def undisturbed(spec: DagSpec, plan: Plan) -> dict[Key, str] | None:
    """Return the states that every order of the same tries leads to; None where the order decides, as it may."""
    found = [_in_memory(spec, plan, ends, newest) for ends, newest in ORDERS]
    return found[0] if all(each == found[0] for each in found) else None


def _in_memory(spec: DagSpec, plan: Plan, ends: tuple[str, ...], newest: bool) -> dict[Key, str]:
    instances: dict[str, dict[int, Instance]] = {name: {-1: Instance(TaskState.NONE)} for name in spec.tasks}
    lengths: dict[tuple[str, int, str], int | None] = {}
    while True:
        found = decide(RunView(spec, {name: dict(rows) for name, rows in instances.items()}, lengths))
        for expansion in found.expansions:
            first = instances[expansion.task_id].pop(expansion.replaces)
            instances[expansion.task_id].update(dict.fromkeys(expansion.indexes, first))
        for move in found.moves:
            old = instances[move.task_id][move.map_index]
            note = found.notes.get((move.task_id, move.map_index), old.skip_note)
            instances[move.task_id][move.map_index] = replace(old, state=move.new, skip_note=note)
        if found.run_state is not None:
            states: dict[Key, str] = {
                (name, index): str(each.state) for name, rows in instances.items() for index, each in rows.items()
            }
            return states | {("", -1): str(found.run_state)}
        ready = [
            (n, i) for n, rows in instances.items() for i, each in rows.items() if each.state == TaskState.SCHEDULED
        ]
        ready = ready[::-1] if newest else ready
        name, index = min(ready, key=lambda key: ends.index(_next_end(plan, *key, instances)))
        instances[name][index] = _tried(spec, plan, name, index, instances[name][index], lengths)


def _next_end(plan: Plan, name: str, index: int, instances: dict[str, dict[int, Instance]]) -> str:
    return plan.end(name, index, instances[name][index].try_number + 1)


def _tried(spec: DagSpec, plan: Plan, name: str, index: int, old: Instance, lengths: dict[Any, Any]) -> Instance:
    task, number = spec.tasks[name], old.try_number + 1
    end = plan.end(name, index, number)
    if end == "failed" and number <= task.retries:
        return Instance(TaskState.UP_FOR_RETRY, try_number=number)
    if end == "success":
        lengths[name, index, "return_value"] = plan.length(name, index)
    note = {"followed": plan.followed(name)} if task.skips and end == "success" else None
    return Instance(TaskState(end), skip_note=note, try_number=number)
