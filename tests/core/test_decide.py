"""``decide`` over DAGs and histories that nobody thought of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.core.decide import Decision, Instance, RunView, decide
from orchestrator.core.near import needs
from orchestrator.core.spec import DagSpec, InputSpec, MapSpec, TaskSpec
from orchestrator.core.states import FINISHED, UNFINISHED, TaskState, is_legal
from orchestrator.core.trigger_rules import RULES

NORMAL_RULES = sorted(set(RULES) - {"all_done_setup_success"})
OUTCOMES = [TaskState.SUCCESS, TaskState.SUCCESS, TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED]
many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def specs(draw: Any) -> DagSpec:
    """Up to eight tasks: rules, branches, mapping over literals and results, setups with teardowns."""
    names = [f"t{number}" for number in range(draw(st.integers(1, 8)))]
    tasks: dict[str, TaskSpec] = {}
    for place, name in enumerate(names):
        upstream = [each for each in names[:place] if draw(st.booleans())][-3:]
        kind = draw(st.sampled_from(["plain", "plain", "plain", "inline", "branch", "literal", "over", "teardown"]))
        task = TaskSpec(name, upstream=tuple(upstream), trigger_rule=draw(st.sampled_from(NORMAL_RULES)))
        if kind == "inline":
            task = replace(task, inline="empty")
        elif kind == "branch":
            task = replace(task, skips="branch")
        elif kind == "literal":
            task = replace(task, map=MapSpec("expand", {"x": InputSpec("literal", length=draw(st.integers(0, 3)))}))
        elif kind == "over" and upstream and task.trigger_rule != "always":
            source = draw(st.sampled_from(upstream))
            task = replace(task, map=MapSpec("expand", {"x": InputSpec("xcom", task_id=source)}))
        elif kind == "teardown" and upstream:
            setup = draw(st.sampled_from(upstream))
            if tasks[setup].trigger_rule == "all_success" and not tasks[setup].is_teardown:
                tasks[setup] = replace(tasks[setup], is_setup=True)
                task = replace(task, is_teardown=True, trigger_rule="all_done_setup_success")
        tasks[name] = task
    return DagSpec("d", tasks=tasks, fail_fast=False)


class World:
    """A run in memory that applies decisions and checks each move."""

    def __init__(self, spec: DagSpec) -> None:
        self.spec = spec
        self.instances = {name: {-1: Instance(TaskState.NONE)} for name in spec.tasks}
        self.lengths: dict[tuple[str, int, str], int | None] = {}
        self.decision = Decision()

    def view(self, only: set[str] | None = None) -> RunView:
        chosen = self.instances if only is None else {name: self.instances[name] for name in only}
        return RunView(
            self.spec, {name: dict(rows) for name, rows in chosen.items()}, self.lengths, complete=only is None
        )

    def apply(self, decision: Decision) -> None:
        for expansion in decision.expansions:
            assert list(self.instances[expansion.task_id]) == [-1]
            first = self.instances[expansion.task_id].pop(-1)
            self.instances[expansion.task_id] = {
                index: first if index == 0 else Instance(TaskState.NONE) for index in expansion.indexes
            }
        for move in decision.moves:
            old = self.instances[move.task_id][move.map_index]
            assert old.state == move.old, "it starts from the real state"
            assert old.state not in FINISHED, "nothing leaves an end"
            assert is_legal(move.old, move.new), move
            note = decision.notes.get((move.task_id, move.map_index), old.skip_note)
            self.instances[move.task_id][move.map_index] = replace(old, state=move.new, skip_note=note)

    def scheduled(self) -> list[tuple[str, int]]:
        return sorted(
            (name, index)
            for name, rows in self.instances.items()
            for index, each in rows.items()
            if each.state == TaskState.SCHEDULED
        )

    def end(self, name: str, index: int, state: TaskState, draw: Any) -> None:
        note = None
        if self.spec.tasks[name].skips and state == TaskState.SUCCESS:
            note = {"followed": [each for each in self.spec.downstream[name] if draw(st.booleans())]}
        if state == TaskState.SUCCESS:
            self.lengths[name, index, "return_value"] = draw(st.integers(0, 3))
        self.instances[name][index] = Instance(state, skip_note=note, try_number=1)


def moves_of(decision: Decision) -> set[Any]:
    return {(each.task_id, each.map_index, each.old, each.new) for each in decision.moves}


@many
@given(specs(), st.data())
def test_every_run_ends_by_legal_moves_and_a_second_look_is_quiet(spec: DagSpec, data: st.DataObject):
    world = World(spec)
    for _ in range(200):
        decision = decide(world.view())
        world.apply(decision)
        again = decide(world.view())
        assert not again.moves and not again.expansions, "a second look is quiet"
        if again.run_state is not None:
            break
        ready = world.scheduled()
        assert ready, "the run goes on, so something can run"
        name, index = data.draw(st.sampled_from(ready))
        world.end(name, index, data.draw(st.sampled_from(OUTCOMES)), data.draw)
    states = [each.state for rows in world.instances.values() for each in rows.values()]
    assert not set(states) & UNFINISHED, "nothing is left waiting"


@many
@given(specs(), st.data())
def test_looking_only_at_what_an_end_can_move_gives_the_same_decision(spec: DagSpec, data: st.DataObject):
    world = World(spec)
    world.apply(decide(world.view()))
    for _ in range(200):
        ready = world.scheduled()
        if not ready:
            break
        key = data.draw(st.sampled_from(ready))
        world.end(*key, data.draw(st.sampled_from(OUTCOMES)), data.draw)
        whole = decide(world.view())
        part = decide(world.view(needs(spec, [key])), changed=[key])
        if not part.unseen:
            assert moves_of(part) == moves_of(whole)
            assert set(part.expansions) == set(whole.expansions)
        world.apply(whole)


@many
@given(specs(), st.randoms(use_true_random=False), st.data())
def test_the_order_in_which_tasks_are_written_changes_nothing(spec: DagSpec, shuffle: Any, data: st.DataObject):
    world = World(spec)
    names = list(spec.tasks)
    shuffle.shuffle(names)
    other = replace(spec, tasks={name: spec.tasks[name] for name in names})
    for _ in range(200):
        decision = decide(world.view())
        shuffled = decide(replace(world.view(), spec=other, instances={name: world.instances[name] for name in names}))
        assert moves_of(decision) == moves_of(shuffled)
        assert (decision.run_state, set(decision.expansions)) == (shuffled.run_state, set(shuffled.expansions))
        world.apply(decision)
        ready = world.scheduled()
        if not ready:
            break
        world.end(*data.draw(st.sampled_from(ready)), data.draw(st.sampled_from(OUTCOMES)), data.draw)


def test_a_waiting_task_says_what_it_waits_for():
    spec = DagSpec("d", tasks={"a": TaskSpec("a"), "b": TaskSpec("b", upstream=("a",))})
    world = World(spec)
    decision = decide(world.view())
    assert decision.waits["b", -1] == "all_success of 1 upstream: 1 not done"


def test_a_skip_and_a_failure_that_come_together_meet_a_task_in_the_order_they_lie():
    """A skipped task right above is seen before a failure further up has travelled down."""
    tasks = {
        "skipped": TaskSpec("skipped"),
        "failed": TaskSpec("failed"),
        "between": TaskSpec("between", upstream=("failed",)),
        "last": TaskSpec("last", upstream=("between", "skipped")),
    }
    world = World(DagSpec("d", tasks=tasks))
    world.instances["skipped"] = {-1: Instance(TaskState.SKIPPED)}
    world.instances["failed"] = {-1: Instance(TaskState.FAILED)}
    assert moves_of(decide(world.view())) == {
        ("between", -1, TaskState.NONE, TaskState.UPSTREAM_FAILED),
        ("last", -1, TaskState.NONE, TaskState.SKIPPED),
    }


def test_a_branch_may_skip_what_is_scheduled_but_not_what_runs():
    tasks = {
        "branch": TaskSpec("branch", skips="short_circuit"),
        "early": TaskSpec("early", upstream=("branch",), trigger_rule="always"),
        "running": TaskSpec("running", upstream=("branch",), trigger_rule="always"),
    }
    world = World(DagSpec("d", tasks=tasks))
    world.instances["branch"] = {-1: Instance(TaskState.SUCCESS, skip_note={"skipped": ["early", "running"]})}
    world.instances["early"] = {-1: Instance(TaskState.SCHEDULED)}
    world.instances["running"] = {-1: Instance(TaskState.RUNNING)}
    assert moves_of(decide(world.view())) == {("early", -1, TaskState.SCHEDULED, TaskState.SKIPPED)}
