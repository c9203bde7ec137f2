"""What is said of a DAG before it runs, held against what its runs do."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest

from orchestrator.core.decide import Instance, RunView, decide
from orchestrator.core.lint import lint, skipped_joins, unreachable
from orchestrator.core.spec import DagSpec, TaskSpec
from orchestrator.core.states import FINISHED, TaskState
from orchestrator.core.trigger_rules import RULES

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OUTCOMES = (TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED)


def spec_of(*tasks: TaskSpec, **fields: object) -> DagSpec:
    return DagSpec("d", tasks={task.task_id: task for task in tasks}, **fields)  # type: ignore[arg-type]


def runs_in_some_way(spec: DagSpec, task_id: str) -> bool:
    """Brute force: every outcome of every task that has user code."""
    free = [task.task_id for task in spec.tasks.values() if not task.inline]
    return any(_ran(spec, dict(zip(free, way, strict=True)), task_id) for way in product(OUTCOMES, repeat=len(free)))


def _ran(spec: DagSpec, outcomes: dict[str, TaskState], wanted: str) -> bool:
    states = dict.fromkeys(spec.tasks, TaskState.NONE)
    for _ in range(50):
        found = decide(RunView(spec, {task_id: {-1: Instance(state)} for task_id, state in states.items()}))
        for move in found.moves:
            states[move.task_id] = move.new
            if move.task_id == wanted and (move.new in (TaskState.SCHEDULED, TaskState.SUCCESS)):
                return True
        for task_id, state in states.items():
            if state == TaskState.SCHEDULED:
                states[task_id] = outcomes[task_id]
        if all(state in FINISHED for state in states.values()):
            return False
    raise AssertionError("the run does not end")


RULES_OF_WORK = sorted(RULES.keys() - {"all_done_setup_success"})
"""Without the rule of teardowns, which are judged by their setups."""


@pytest.mark.parametrize("inline", [(True, True), (True, False), (False, False)], ids=str)
@pytest.mark.parametrize("rule", RULES_OF_WORK)
def test_a_task_is_unreachable_exactly_where_no_run_reaches_it(inline: tuple[bool, bool], rule: str):
    spec = spec_of(*_tops(inline), TaskSpec("middle", upstream=("top0", "top1"), trigger_rule=rule))
    assert ("middle" not in unreachable(spec)) == runs_in_some_way(spec, "middle")


@pytest.mark.parametrize("inline", [(True, True), (True, False), (False, False)], ids=str)
@pytest.mark.parametrize("middle", RULES_OF_WORK)
@pytest.mark.parametrize("last", RULES_OF_WORK)
def test_no_run_reaches_what_is_called_unreachable(inline: tuple[bool, bool], middle: str, last: str):
    """Ends that depend on one another are looked at as if they did not: some tasks are not told, none is told wrongly."""
    spec = spec_of(
        *_tops(inline),
        TaskSpec("middle", upstream=("top0", "top1"), trigger_rule=middle),
        TaskSpec("last", upstream=("middle", "top0"), trigger_rule=last),
    )
    assert "last" not in unreachable(spec) or not runs_in_some_way(spec, "last")


def _tops(inline: tuple[bool, bool]) -> list[TaskSpec]:
    return [TaskSpec(f"top{at}", inline="empty" if each else None) for at, each in enumerate(inline)]


def test_the_reason_names_what_is_above():
    spec = spec_of(TaskSpec("a", inline="empty"), TaskSpec("b", upstream=("a",), trigger_rule="one_failed"))
    assert unreachable(spec) == {"b": "one_failed needs another end of its upstream (a ends as success)"}


def test_a_wide_task_is_told_in_no_time():
    tops = [TaskSpec(f"t{number}") for number in range(500)]
    spec = spec_of(*tops, TaskSpec("end", upstream=tuple(sorted(each.task_id for each in tops))))
    assert unreachable(spec) == {}


@pytest.mark.parametrize(
    ("rule", "found"), [("all_success", [("join", "choose")]), ("none_failed_min_one_success", []), ("all_done", [])]
)
def test_a_join_of_a_branchs_paths_wants_the_right_rule(rule: str, found: list[tuple[str, str]]):
    spec = spec_of(
        TaskSpec("choose", skips="branch"),
        TaskSpec("left", upstream=("choose",)),
        TaskSpec("further", upstream=("left",)),
        TaskSpec("right", upstream=("choose",)),
        TaskSpec("join", upstream=("further", "right"), trigger_rule=rule),
        TaskSpec("alone", upstream=("further",)),
    )
    assert list(skipped_joins(spec)) == found


@pytest.mark.parametrize(
    ("timetable", "level"),
    [
        ({"type": "null"}, None),
        ({"type": "once"}, None),
        ({"type": "cron_trigger", "expression": "0 0 1 * *", "timezone": "UTC"}, None),
        ({"type": "cron_trigger", "expression": "0 0 30 2 *", "timezone": "UTC"}, "error"),
    ],
)
def test_a_schedule_that_never_fires_is_an_error(timetable: dict[str, object], level: str | None):
    found = list(lint(spec_of(TaskSpec("a"), timetable=timetable), pools=None, now=NOW))
    assert [each.level for each in found] == ([level] if level else [])


def test_pools_must_be_there_and_large_enough():
    spec = spec_of(TaskSpec("a", pool="small", pool_slots=3), TaskSpec("b", pool="no"), TaskSpec("c", pool="open"))
    found = list(lint(spec, pools={"small": 2, "open": -1}, now=NOW))
    assert [(each.level, each.kind, each.task_id) for each in found] == [
        ("error", "pool_slots", "a"),
        ("warning", "missing_pool", "b"),
    ]
    assert list(lint(spec, pools=None, now=NOW)) == []
