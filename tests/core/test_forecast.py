"""How well the end of a run is told from the runs before it."""

from __future__ import annotations

import math
from random import Random
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.forecast import Left, Scene, Taken, beyond, forecast, quantile
from orchestrator.core.scheduling import Batch, Work, ends
from orchestrator.core.spec import DagSpec, TaskSpec

RUN = ("run", "")
RUNS = 200
Spans = dict[str, tuple[float, float]]


def world(spec: DagSpec, takes: dict[str, float], slots: int) -> Spans:
    """A run as it would go: a free slot takes the best task that is ready. Told apart from what is tested."""
    spans: Spans = {}
    free = [0.0] * slots
    ready = {task_id: 0.0 for task_id, task in spec.tasks.items() if not task.upstream}
    while ready:
        now = max(free[0], min(ready.values()))
        due = [task_id for task_id, since in ready.items() if since <= now]
        task_id = min(due, key=lambda each: (-spec.tasks[each].effective_weight, ready[each], each))
        del ready[task_id]
        spans[task_id] = (now, now + takes[task_id])
        free = sorted([*free[1:], now + takes[task_id]])
        for below in spec.downstream[task_id]:
            above = spec.tasks[below].upstream
            if all(each in spans for each in above):
                ready[below] = max(spans[each][1] for each in above)
    return spans


def drawn(random: Random, layers: int) -> DagSpec:
    """A DAG of parallel branches: each task waits for some of the layer before."""
    tasks: dict[str, TaskSpec] = {}
    before: list[str] = []
    for layer in range(layers):
        names = [f"t{layer}_{number}" for number in range(random.randint(1, 4))]
        for name in names:
            above = tuple(sorted(random.sample(before, random.randint(1, len(before))))) if before else ()
            tasks[name] = TaskSpec(name, upstream=above, effective_weight=random.randint(1, 3))
        before = names
    return DagSpec("d", tasks)


def lasted(random: Random, usual: dict[str, float], noise: str) -> dict[str, float]:
    """How long the tasks of one run take."""
    shared = random.lognormvariate(0, 0.5) if noise == "shared" else 1.0
    drawn_from = {
        "mild": lambda: random.lognormvariate(0, 0.2),
        "heavy": lambda: random.lognormvariate(0, 1.0),
        "pareto": lambda: random.paretovariate(1.5),
        "shared": lambda: random.lognormvariate(0, 0.2),
    }[noise]
    return {task_id: seconds * drawn_from() * shared for task_id, seconds in usual.items()}


def seen(spec: DagSpec, spans: Spans, now: float, slots: int) -> Scene:
    """What there is to see of a run after ``now`` seconds."""
    left = {}
    for task_id, (began, ended) in spans.items():
        if ended > now:
            left[task_id] = Left(begun=(now - began,)) if began <= now else Left(waiting=1)
    return Scene(
        spec,
        left,
        came=frozenset(spec.tasks.keys() - left.keys()),
        wants={task_id: ((RUN, 1),) for task_id in spec.tasks},
        room={RUN: slots},
    )


@pytest.mark.parametrize("noise", ["mild", "heavy", "pareto", "shared"])
@pytest.mark.parametrize("moment", [0.0, 0.3, 0.7])
def test_nine_of_ten_runs_end_by_the_p90_and_half_by_the_p50(noise, moment):
    """On runs that were held out, of DAGs with branches, limits and heavy tails."""
    random = Random(f"{noise} {moment}")
    looked, half, most = 0, 0, 0
    while looked < RUNS:
        spec = drawn(random, random.randint(2, 5))
        slots = random.choice([2, 3, 16])
        usual = {task_id: random.uniform(5, 300) for task_id in spec.tasks}
        past = [
            {task_id: Taken(1, seconds, seconds) for task_id, seconds in lasted(random, usual, noise).items()}
            for _ in range(29)
        ]
        # Looked at after so long as the moment says of another run: nothing of this one's future is in that.
        now = moment * max(ended for _, ended in world(spec, lasted(random, usual, noise), slots).values())
        spans = world(spec, lasted(random, usual, noise), slots)
        end = max(ended for _, ended in spans.values())
        if end <= now:
            continue
        found = forecast(seen(spec, spans, now, slots), past)
        assert found is not None
        looked += 1
        half += end - now <= found.half
        most += end - now <= found.most
    assert 0.85 <= most / RUNS <= 0.95
    assert 0.40 <= half / RUNS <= 0.60


def chain(*names: str) -> DagSpec:
    return DagSpec(
        "d", {name: TaskSpec(name, upstream=names[at - 1 : at] if at else ()) for at, name in enumerate(names)}
    )


def alike(**took: float) -> dict[str, Taken]:
    return {task_id: Taken(1, seconds, seconds) for task_id, seconds in took.items()}


def test_without_enough_earlier_runs_nothing_is_told():
    scene = Scene(chain("a"), {"a": Left(waiting=1)})
    assert forecast(scene, [alike(a=5)] * 2) is None
    assert forecast(scene, [alike(a=5)] * 3) is not None


def test_tasks_that_no_run_had_are_taken_as_usual_ones_unless_they_are_most():
    scene = Scene(chain("a", "b"), {"a": Left(waiting=1), "b": Left(waiting=1)})
    found = forecast(scene, [alike(a=5)] * 3)
    assert found is not None
    assert (found.half, found.unknown) == (10, ("b",))
    assert forecast(Scene(chain("a", "b"), {"b": Left(waiting=1)}), [alike(a=5)] * 3) is None


def test_what_finds_no_place_has_no_end():
    scene = Scene(chain("a"), {"a": Left(waiting=1)}, wants={"a": ((RUN, 1),)}, room={RUN: 0})
    assert forecast(scene, [alike(a=5)] * 3) is None


def test_a_branch_that_was_skipped_then_takes_its_time_when_it_is_taken_now():
    """Two of three runs went by the short branch. This one has taken the long one."""
    tasks = {"pick": (), "short": ("pick",), "long": ("pick",), "after": ("long",)}
    spec = DagSpec("d", {name: TaskSpec(name, upstream=above) for name, above in tasks.items()})
    skipped = Taken(0, 0.0, 0.0)
    by_short = alike(pick=1, short=5) | {"long": skipped, "after": skipped}
    by_long = alike(pick=1, long=100, after=50) | {"short": skipped}
    past = [by_short, by_short, by_long]
    undecided = forecast(Scene(spec, {name: Left(waiting=1) for name in tasks}), past)
    taken = forecast(Scene(spec, {"long": Left(waiting=1), "after": Left(waiting=1)}, frozenset({"pick"})), past)
    assert undecided is not None and taken is not None
    assert (undecided.half, taken.half) == (6, 150)


def test_a_mapped_task_that_is_not_expanded_yet_is_as_wide_as_it_was():
    spec = DagSpec("d", {"a": TaskSpec("a")})
    scene = Scene(spec, {"a": Left(waiting=1, is_expanded=False)}, wants={"a": ((RUN, 1),)}, room={RUN: 2})
    found = forecast(scene, [{"a": Taken(10, 100.0, 10.0)}] * 3)
    assert found is not None and found.half == 50
    wide = Scene(spec, {"a": Left(waiting=20)}, wants={"a": ((RUN, 1),)}, room={RUN: 2})
    found = forecast(wide, [{"a": Taken(10, 100.0, 10.0)}] * 3)
    assert found is not None and found.half == 100


def test_a_task_that_runs_longer_than_ever_is_given_more_the_longer_it_runs():
    last = 0.0
    for elapsed in (11, 50, 200):
        found = forecast(Scene(chain("a"), {"a": Left(begun=(elapsed,))}), [alike(a=each) for each in range(1, 11)])
        assert found is not None and last < found.half < found.most
        last = found.half


def test_tens_of_thousands_of_alike_pieces_are_few_steps():
    work = Work((Batch(2.0, 50_000),), wants=((RUN, 1),))
    assert ends({"a": work}, {RUN: 1000}) == {"a": 100.0}


def test_ten_thousand_mapped_instances_behind_many_that_run_are_told_quickly():
    left = Left(waiting=9000, begun=tuple(each / 10 for each in range(100)))
    scene = Scene(chain("a"), {"a": left}, wants={"a": ((RUN, 1),)}, room={RUN: 100})
    began = process_time()
    found = forecast(scene, [{"a": Taken(10_000, 100_000.0, 10.0)}] * 30)
    assert process_time() - began < 1
    assert found is not None and found.half == pytest.approx(905, abs=10)


def test_the_better_priority_goes_first_and_then_who_waited_longest():
    one = {name: Work((Batch(10.0),), wants=((RUN, 1),), priority=weight) for name, weight in (("low", 1), ("high", 2))}
    assert ends(one, {RUN: 1}) == {"high": 10.0, "low": 20.0}
    late = Work((Batch(10.0, after=1.0),), wants=((RUN, 1),), priority=1)
    assert ends({"late": late, **one}, {RUN: 1}) == {"high": 10.0, "low": 20.0, "late": 30.0}


def test_what_ends_after_all_that_is_asked_for_is_not_worked_out():
    works = {name: Work((Batch(10.0),), wants=((RUN, 1),), priority=9 - at) for at, name in enumerate("abc")}
    assert ends(works, {RUN: 1}, ["a", "b"]) == {"a": 10.0, "b": 20.0}


def test_who_waits_for_one_of_several_goes_on_with_the_first():
    works = {"a": Work((Batch(5.0),)), "b": Work((Batch(9.0),)), "c": Work((Batch(1.0),), ("a", "b"), waits_for="any")}
    assert ends(works, {})["c"] == 6.0


@given(st.integers(0, 10_000), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_the_more_has_ended_the_less_is_left(seed, share):
    """What could be told stays to be told when more has ended; and with room for all it is never later."""
    random = Random(seed)
    spec = drawn(random, 4)
    usual = {task_id: random.uniform(5, 300) for task_id in spec.tasks}
    past = [alike(**lasted(random, usual, "heavy")) for _ in range(5)]
    before = {task_id: Left(waiting=1) for task_id in spec.tasks}
    order = list(spec.tasks)
    after = {task_id: before[task_id] for task_id in order[int(share * len(order)) :]}
    full, rest = forecast(Scene(spec, before), past), forecast(Scene(spec, after), past)
    assert full is not None and rest is not None
    assert rest.half <= full.half and rest.most <= full.most


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40), st.floats(0, 1e6), st.floats(0, 0.999))
def test_what_has_run_so_long_takes_longer(values, elapsed, share):
    found = beyond(sorted(values), elapsed, share)
    assert found >= elapsed and math.isfinite(found)


@given(st.lists(st.floats(0, 1e6), min_size=3, max_size=40))
def test_nine_of_ten_is_never_before_half(values):
    assert quantile(values, 0.5) <= quantile(values, 0.9) + 1e-6
