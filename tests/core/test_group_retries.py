"""Groups that are run again: over DAGs and histories that nobody thought of, and the cases that have a name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.core.decide import Decision, Instance, decide
from orchestrator.core.group_retries import GroupState, around, crossing
from orchestrator.core.near import needs
from orchestrator.core.spec import DagSpec, GroupSpec, InputSpec, MapSpec, TaskSpec
from orchestrator.core.states import FAILED_STATES, FINISHED, UNFINISHED, RunState, TaskState
from tests.core.test_decide import OUTCOMES, World, moves_of

many = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
RULES = ["all_success", "all_success", "all_success", "all_done", "one_failed", "none_failed", "one_success"]


@st.composite
def specs(draw: Any) -> DagSpec:
    """A group in a group (the outer one mapped at times), with tasks before, between their members and after."""
    mapped = MapSpec("expand", {"x": InputSpec("literal", length=2)}) if draw(st.booleans()) else None
    groups = {
        "outer": GroupSpec(
            "outer", map=mapped, retries=draw(st.integers(0, 2)), retry_delay=draw(st.sampled_from([0.0, 5.0]))
        ),
        "inner": GroupSpec("inner", parent_id="outer", retries=draw(st.integers(0, 2)), retry_delay=0.0),
    }
    places = [
        None,
        *["outer"] * draw(st.integers(0, 1)),
        *["inner"] * draw(st.integers(1, 3)),
        *["outer"] * draw(st.integers(0, 2)),
        None,
        None,
    ]
    tasks: dict[str, TaskSpec] = {}
    for number, place in enumerate(places):
        above = [name for name in tasks if draw(st.booleans())][-3:]
        tasks[f"t{number}"] = TaskSpec(f"t{number}", tuple(above), place, draw(st.sampled_from(RULES)))
        if draw(st.integers(0, 4)) == 0:
            tasks[f"t{number}"] = replace(tasks[f"t{number}"], skips="branch")
    return DagSpec("d", tasks=tasks, groups=groups)


class Retrying(World):
    """A run in memory that runs its groups again as it is told."""

    def __init__(self, spec: DagSpec) -> None:
        super().__init__(spec)
        self.groups: dict[tuple[str, int], GroupState] = {}
        self.runs: list[tuple[str, int, int]] = []  # (group, index, number) in the order they were run again

    def view(self, only: set[str] | None = None) -> Any:
        return replace(super().view(only), groups=self.groups)

    def apply(self, decision: Decision) -> None:
        for expansion in decision.expansions:  # one that is wider in this round
            found = self.instances[expansion.task_id]
            if -1 not in found:
                assert set(found) < set(expansion.indexes)
                found.update({index: Instance(TaskState.NONE) for index in expansion.indexes if index not in found})
        first = tuple(each for each in decision.expansions if -1 in self.instances[each.task_id])
        super().apply(replace(decision, expansions=first))
        for retry in decision.retries:
            key = (retry.group_id, retry.map_index)
            before = self.groups.get(key, GroupState())
            assert retry.number == before.retried + 1 <= retry.most
            if not retry.keys:
                assert retry.delay and before.due is None
                self.groups[key] = replace(before, due=False)
                continue
            for task_id, index in retry.keys:
                assert self.instances[task_id][index].state in FINISHED
                self.instances[task_id][index] = Instance(TaskState.NONE)
                for each in around(self.spec, task_id):
                    if each == retry.group_id:
                        break
                    self.groups.pop((each, index), self.groups.pop((each, -1), None))
            self.groups[key] = GroupState(retry.number)
            self.runs.append((*key, retry.number))

    def settle(self) -> Decision:
        """Decide until nothing changes, letting the time of what is planned come."""
        for _ in range(50):
            decision = decide(self.view())
            if not decision.moves and not decision.expansions and not decision.retries:
                planned = [key for key, each in self.groups.items() if each.due is False]
                if self.scheduled() or not planned:
                    return decision
                self.groups[planned[0]] = replace(self.groups[planned[0]], due=True)
            self.apply(decision)
        raise AssertionError("it never comes to rest")

    def states(self) -> dict[tuple[str, int], TaskState]:
        return {(name, index): each.state for name, rows in self.instances.items() for index, each in rows.items()}


def makes_sense(spec: DagSpec) -> bool:
    return not any(crossing(spec, each) for each, group in spec.groups.items() if group.retries)


@many
@given(specs().filter(makes_sense), st.data())
def test_every_run_ends_and_what_is_outside_never_sees_an_end_that_is_taken_back(spec: DagSpec, data: st.DataObject):
    world = Retrying(spec)
    seen: dict[tuple[str, int], set[Any]] = {}
    for _ in range(400):
        decision = world.settle()
        for key, state in world.states().items():
            if state in FINISHED and not around(spec, key[0]):
                seen.setdefault(key, set()).add(state)
        if decision.run_state is not None:
            break
        ready = world.scheduled()
        assert ready, "the run goes on, so something can run"
        world.end(*data.draw(st.sampled_from(ready)), data.draw(st.sampled_from(OUTCOMES)), data.draw)
    assert decision.run_state is not None
    assert not set(world.states().values()) & UNFINISHED
    assert all(len(states) == 1 for states in seen.values()), "who stands outside ends once"
    for group_id, group in spec.groups.items():
        counts = [number for each, _, number in world.runs if each == group_id]
        assert all(number <= group.retries for number in counts)


@many
@given(specs().filter(makes_sense), st.data())
def test_what_comes_after_a_group_starts_only_once_the_group_is_done_for_good(spec: DagSpec, data: st.DataObject):
    world = Retrying(spec)
    begun: dict[tuple[str, str], int] = {}  # (task, group above it) -> how often the group had been run again by then
    for _ in range(400):
        decision = world.settle()
        for task_id, index in world.scheduled():
            task = spec.tasks[task_id]
            above = {each for other in task.upstream for each in around(spec, other)} - set(around(spec, task_id))
            if index < 0 and task.trigger_rule in {"all_success", "all_done"}:  # it needs all of them
                for group_id in above:
                    begun.setdefault((task_id, group_id), sum(each == group_id for each, *_ in world.runs))
        if decision.run_state is not None:
            break
        world.end(*data.draw(st.sampled_from(world.scheduled())), data.draw(st.sampled_from(OUTCOMES)), data.draw)
    for (task_id, group_id), count in begun.items():
        if group_id == "inner" and "outer" in around(spec, task_id):
            continue  # it is run again itself, along with the outer group
        assert count == sum(each == group_id for each, *_ in world.runs), (task_id, group_id)


@many
@given(specs().filter(makes_sense), st.data())
def test_a_partial_look_is_right_or_says_that_it_saw_too_little(spec: DagSpec, data: st.DataObject):
    world = Retrying(spec)
    for _ in range(200):
        world.settle()
        ready = world.scheduled()
        if not ready:
            break
        key = data.draw(st.sampled_from(ready))
        world.end(*key, data.draw(st.sampled_from(OUTCOMES)), data.draw)
        whole = decide(world.view())
        part = decide(world.view(needs(spec, [key])), changed=[key])
        if not part.unseen:
            assert moves_of(part) <= moves_of(whole)
            if not around(spec, key[0]):
                assert moves_of(part) == moves_of(whole)


# ---- cases


def chain(*, retries: int = 1, delay: float = 0.0, inner: int | None = None, mapped: int | None = None) -> DagSpec:
    """before >> [a >> b] >> after, the two in group g; with ``inner`` b is in a group h of its own."""
    over = MapSpec("expand", {"x": InputSpec("literal", length=mapped)}) if mapped is not None else None
    groups = {"g": GroupSpec("g", retries=retries, retry_delay=delay, map=over)}
    if inner is not None:
        groups["h"] = GroupSpec("h", parent_id="g", retries=inner, retry_delay=0.0)
    tasks = [
        TaskSpec("before"),
        TaskSpec("a", ("before",), "g"),
        TaskSpec("b", ("a",), "h" if inner is not None else "g"),
        TaskSpec("after", ("b",)),
    ]
    return DagSpec("d", tasks={task.task_id: task for task in tasks}, groups=groups)


def play(world: Retrying, *ends: tuple[str, TaskState] | str) -> Decision:
    """Let these tasks end in turn; a name alone succeeds."""
    decision = world.settle()
    for each in ends:
        name, state = (each, TaskState.SUCCESS) if isinstance(each, str) else each
        task_id, _, index = name.partition("[")
        key = (task_id, int(index[:-1]) if index else -1)
        assert key in world.scheduled(), (key, world.scheduled(), world.states())
        world.instances[task_id][key[1]] = Instance(state, try_number=1)
        decision = world.settle()
    return decision


FAILED = TaskState.FAILED


def test_a_failed_group_is_run_again_as_a_whole():
    world = Retrying(chain())
    play(world, "before", "a", ("b", FAILED))
    assert world.runs == [("g", -1, 1)]
    assert world.scheduled() == [("a", -1)], "from its beginning, and nothing outside has learnt of it"
    assert play(world, "a", "b", "after").run_state == RunState.SUCCESS


def test_when_its_retries_are_spent_the_failure_spreads():
    world = Retrying(chain(retries=2))
    decision = play(world, "before", *(["a", ("b", FAILED)] * 3))
    assert [number for *_, number in world.runs] == [1, 2]
    assert world.states()["after", -1] == TaskState.UPSTREAM_FAILED
    assert decision.run_state == RunState.FAILED


def test_a_delay_is_planned_once_and_the_run_does_not_end_meanwhile():
    spec = chain(delay=5.0)
    world = Retrying(spec)
    play(world, "before", "a")
    world.instances["b"][-1] = Instance(FAILED)
    decision = decide(world.view())
    assert [(each.delay, each.keys) for each in decision.retries] == [(5.0, ())]
    world.apply(decision)
    again = decide(world.view())
    assert (again.retries, again.run_state, again.moves) == ((), None, ())


def test_the_inner_group_goes_first_and_the_outer_begins_its_count_anew():
    world = Retrying(chain(retries=1, inner=1))
    play(world, "before", "a", ("b", FAILED), ("b", FAILED), "a", ("b", FAILED), "b", "after")
    assert world.runs == [("h", -1, 1), ("g", -1, 1), ("h", -1, 1)]


def test_each_index_of_a_mapped_group_has_its_own_count():
    world = Retrying(chain(mapped=2))
    play(world, "before", "a[0]", ("b[0]", FAILED))
    assert world.runs == [("g", 0, 1)]
    assert world.scheduled() == [("a", 0), ("a", 1)]
    play(world, "a[1]", ("b[1]", FAILED), "a[0]", "b[0]", "a[1]")
    assert world.runs == [("g", 0, 1), ("g", 1, 1)]
    assert play(world, "b[1]", "after").run_state == RunState.SUCCESS


def test_a_failure_that_the_group_makes_up_for_is_none():
    spec = chain()
    spec = DagSpec(
        "d", tasks={**spec.tasks, "b": replace(spec.tasks["b"], trigger_rule="all_done")}, groups=spec.groups
    )
    world = Retrying(spec)
    assert play(world, "before", ("a", FAILED), "b", "after").run_state == RunState.SUCCESS
    assert world.runs == []


def test_what_failed_before_the_group_does_not_run_it_again():
    world = Retrying(chain(retries=3))
    assert play(world, ("before", FAILED)).run_state == RunState.FAILED
    assert world.runs == []


def test_teardowns_run_before_the_group_is_run_again():
    tasks = [
        TaskSpec("up", (), "g", is_setup=True),
        TaskSpec("work", ("up",), "g"),
        TaskSpec("down", ("up", "work"), "g", "all_done_setup_success", is_teardown=True),
        TaskSpec("after", ("work",)),
    ]
    spec = DagSpec(
        "d", tasks={task.task_id: task for task in tasks}, groups={"g": GroupSpec("g", retries=1, retry_delay=0.0)}
    )
    world = Retrying(spec)
    play(world, "up", ("work", FAILED))
    assert (world.runs, world.scheduled()) == ([], [("down", -1)])
    play(world, ("down", FAILED))
    assert (world.runs, world.scheduled()) == ([("g", -1, 1)], [("up", -1)])
    assert play(world, "up", "work").run_state is None, "the group is done when it is cleaned up"
    assert play(world, ("down", FAILED), "after").run_state == RunState.SUCCESS, "as for the run, a teardown forgives"


def test_a_task_outside_sees_no_success_of_a_group_that_may_yet_be_run_again():
    spec = chain()
    spec = DagSpec("d", tasks={**spec.tasks, "early": TaskSpec("early", ("a",))}, groups=spec.groups)
    world = Retrying(spec)
    play(world, "before", "a")
    assert world.scheduled() == [("b", -1)]
    play(world, ("b", FAILED), "a", "b")
    assert world.scheduled() == [("after", -1), ("early", -1)]


def test_fail_fast_waits_until_the_retries_are_spent():
    spec = replace(chain(), fail_fast=True)
    spec = DagSpec("d", tasks={**spec.tasks, "other": TaskSpec("other")}, groups=spec.groups, fail_fast=True)
    world = Retrying(spec)
    play(world, "before", "a", ("b", FAILED))
    assert ("other", -1) in world.scheduled()
    play(world, "a", ("b", FAILED))
    assert world.states()["other", -1] == TaskState.SKIPPED


@pytest.mark.parametrize("state", sorted(FAILED_STATES - {TaskState.FAILED}))
def test_only_a_failure_of_its_own_runs_a_group_again(state):
    world = Retrying(chain())
    play(world, "before", "a")
    world.instances["b"][-1] = Instance(state)
    world.settle()
    assert world.runs == []


def test_a_mapped_task_is_as_wide_as_what_the_new_round_gave_it():
    spec = chain(retries=3)
    over = MapSpec("expand", {"x": InputSpec("xcom", task_id="a")})
    spec = DagSpec("d", tasks={**spec.tasks, "b": replace(spec.tasks["b"], map=over)}, groups=spec.groups)
    world = Retrying(spec)
    play(world, "before")
    for length, fails in ((2, True), (3, True), (1, True), (2, False)):
        world.lengths["a", -1, "return_value"] = length
        play(world, "a")
        assert world.scheduled() == [("b", index) for index in range(length)]
        play(world, *((f"b[{index}]", FAILED if fails else TaskState.SUCCESS) for index in range(length)))
    states = world.states()
    assert [str(states["b", index]) for index in range(3)] == ["success", "success", "removed"]
    assert world.scheduled() == [("after", -1)]


def test_a_task_that_would_wait_for_a_group_that_waits_for_it_is_found():
    spec = chain()
    assert crossing(spec, "g") is None
    between = {**spec.tasks, "x": TaskSpec("x", ("a",)), "b": replace(spec.tasks["b"], upstream=("a", "x"))}
    assert crossing(DagSpec("d", tasks=between, groups=spec.groups), "g") == "x"


def test_a_branch_that_leaves_out_the_last_task_of_a_group_concerns_what_comes_after_the_group():
    """Nothing but the group leads from the skipped task to the one that waits for the group's end."""
    tasks = [
        TaskSpec("a", (), "g"),
        TaskSpec("choose", skips="branch"),
        TaskSpec("left_out", ("choose",), "g"),
        TaskSpec("after", ("a",)),
    ]
    spec = DagSpec("d", tasks={task.task_id: task for task in tasks}, groups={"g": GroupSpec("g", retries=1)})
    world = Retrying(spec)
    play(world, "a")
    world.instances["choose"][-1] = Instance(TaskState.SUCCESS, skip_note={"followed": []}, try_number=1)
    assert decide(world.view(needs(spec, [("choose", -1)])), changed=[("choose", -1)]).unseen
    whole = decide(world.view(), changed=[("choose", -1)])
    assert ("after", -1) in {(move.task_id, move.map_index) for move in whole.moves}
