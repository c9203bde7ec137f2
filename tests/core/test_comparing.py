"""Comparing two runs: what was planted is found, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.comparing import Difference, Facts, Taken, compare
from orchestrator.core.log_lines import RULES, first_difference, plain
from orchestrator.core.spec import DagSpec, TaskSpec

DAY = datetime(2026, 3, 1, tzinfo=UTC)
PARAMS = {"region": {"value": "north"}}


def chain(length: int) -> DagSpec:
    """t0, then t1, and so on, with a task ``side`` beside them."""
    tasks = {f"t{n}": TaskSpec(f"t{n}", upstream=(f"t{n - 1}",) if n else ()) for n in range(length)}
    return DagSpec("d", tasks={**tasks, "side": TaskSpec("side")}, params=PARAMS)


def facts(
    spec: DagSpec, day: int, took: dict[str, float] | None = None, waits: dict[str, float] | None = None
) -> Facts:
    """A run in which each task took ten seconds and waited none, but for what is said; ``day`` moves all its times."""
    began = DAY + timedelta(days=day, seconds=day / 7)
    instances, free = {}, began
    for task_id in spec.tasks:
        start = (began if task_id == "side" else free) + timedelta(seconds=(waits or {}).get(task_id, 0.0))
        end = start + timedelta(seconds=(took or {}).get(task_id, 10.0))
        instances[task_id, -1] = Taken(task_id, -1, "success", start, end, worker="w1", xcoms={"return_value": "1"})
        free = end if task_id != "side" else free
    ended = max(each.ended for each in instances.values() if each.ended)
    return Facts("success", 1, spec, {}, began, began, ended, instances)


def changed(run: Facts, task_id: str, **fields: object) -> Facts:
    one = replace(run.instances[task_id, -1], **fields)
    return replace(run, instances={**run.instances, (task_id, -1): one})


def kinds(found: list[Difference]) -> list[tuple[str, str]]:
    return [(each.kind, each.task_id) for each in found]


def test_equal_runs_of_other_days_differ_in_nothing():
    assert compare(facts(chain(4), 0), facts(chain(4), 1)) == []


def test_a_slow_task_is_one_line_though_all_below_it_began_late():
    found = compare(facts(chain(4), 0), facts(chain(4), 1, took={"t1": 70.0}))
    assert [(each.kind, each.task_id, each.delay, each.is_critical) for each in found] == [
        ("duration", "t1", 60.0, True)
    ]


def test_what_held_the_run_up_stands_before_what_was_slower_beside_it():
    found = compare(facts(chain(3), 0), facts(chain(3), 1, took={"side": 40.0, "t0": 15.0}, waits={"t2": 20.0}))
    assert [(each.kind, each.task_id, each.is_critical) for each in found] == [
        ("wait", "t2", True),
        ("duration", "t0", True),
        ("duration", "side", False),
    ]


@pytest.mark.parametrize(("seconds", "is_told"), [(10.9, False), (11.1, True), (8.9, True), (9.2, False)])
def test_what_differs_by_less_than_a_second_and_a_tenth_is_noise(seconds: float, is_told: bool):
    assert bool(compare(facts(chain(1), 0), facts(chain(1), 1, took={"t0": seconds}))) is is_told


def test_a_tenth_of_a_long_task_is_noise_too():
    before, after = facts(chain(1), 0, took={"t0": 1000.0}), facts(chain(1), 1, took={"t0": 1090.0})
    assert compare(before, after) == []


def test_a_task_that_goes_on_is_slower_only_once_it_took_longer():
    before = facts(chain(1), 0)
    assert compare(before, changed(facts(chain(1), 1, took={"t0": 3.0}), "t0", is_over=False)) == []
    late = changed(facts(chain(1), 1, took={"t0": 30.0}), "t0", is_over=False)
    assert kinds(compare(before, late)) == [("duration", "t0")]


def test_a_task_that_only_one_run_has_is_told():
    found = compare(facts(chain(2), 0), facts(chain(3), 1))
    assert [(each.kind, each.task_id, each.before, each.after) for each in found] == [("state", "t2", None, "success")]


def test_a_conf_that_says_the_default_is_no_other_param():
    before = facts(chain(1), 0)
    assert compare(before, replace(facts(chain(1), 1), conf={"region": "north"})) == []
    found = compare(before, replace(facts(chain(1), 1), conf={"region": "south", "extra": 1}))
    assert [(each.kind, each.name, each.before, each.after) for each in found] == [
        ("param", "region", "north", "south"),
        ("conf", "extra", None, 1),
    ]


def test_a_late_begin_of_the_run_is_its_own_line():
    after = facts(chain(1), 1)
    found = compare(facts(chain(1), 0), replace(after, due=after.due - timedelta(seconds=90)))
    assert [(each.kind, each.delay) for each in found] == [("run_wait", 90.0)]


PLANTS = {
    "state": {"state": "failed"},
    "tries": {"tries": 2},
    "worker": {"worker": "w2"},
    "xcom": {"xcoms": {"return_value": "2"}},
}


@given(
    length=st.integers(1, 6),
    planted=st.dictionaries(st.integers(0, 5), st.sampled_from([*PLANTS, "duration", "wait"]), max_size=6),
)
def test_exactly_what_was_planted_is_found(length: int, planted: dict[int, str]):
    planted = {number: kind for number, kind in planted.items() if number < length}
    took = {f"t{number}": 25.0 for number, kind in planted.items() if kind == "duration"}
    waits = {f"t{number}": 5.0 for number, kind in planted.items() if kind == "wait"}
    after = facts(chain(length), 1, took, waits)
    for number, kind in planted.items():
        after = changed(after, f"t{number}", **PLANTS.get(kind, {}))
    found = compare(facts(chain(length), 0), after)
    assert sorted(kinds(found)) == sorted((kind, f"t{number}") for number, kind in planted.items())


OWN = ({"manual__1": "<run>"}, {"manual__2": "<run>"})


def test_times_ids_and_spans_are_no_difference_of_logs():
    before = [
        "2026-03-01T00:00:00Z begin of manual__1",
        "pid 17, took 0.31 s",
        "id 1b4e28ba-2fa1-11d2-883f-0016d3cca427 at 0x7f00",
    ]
    after = [
        "2026-03-02T00:00:01Z begin of manual__2",
        "pid 923, took 4 s",
        "id 6fa459ea-ee8a-3ca4-894e-db77e160355e at 0x7f19",
    ]
    assert first_difference(before, after, OWN) is None


MORSELS = st.sampled_from(
    (
        *(
            "2026-03-01T00:00:00.5Z",
            "2026-03-01",
            "12:30",
            "0x7f00",
            "1x7f",
            "10.0.0.1:80",
            "/var/log/",
            "a.txt",
            "tmpabc123",
        ),
        *(
            "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
            "deadbeef01",
            "Abc123def456Ghi789",
            "pid ",
            "PID=",
            "12",
            "0",
            "3.5 s",
        ),
        *("ms", " ", "  ", "\t", "rows: ", "manual__1", ":", "-", ".", "x", "é", "٣", "٠"),
    )
)


@given(st.lists(MORSELS, max_size=12).map("".join))
def test_a_line_is_made_plain_as_rule_after_rule_would(line: str):
    text = line.replace("manual__1", "<run>")
    for pattern, group, word in RULES:
        text = pattern.sub(rf"\{group}{word}" if group else word, text)
    assert plain(line, OWN[0]) == " ".join(text.split())


def test_the_first_line_that_says_something_else_is_found():
    assert first_difference(["a", "rows: 5", "x"], ["a", "rows: 7", "y"], OWN) == ("rows: 5", "rows: 7")


def test_the_end_of_a_log_differs_only_where_it_was_read_to_its_end():
    assert first_difference(["a", "b"], ["a"], OWN) == ("b", None)
    assert first_difference(["a", "b"], ["a"], OWN, cut=True) is None
