"""What a new version changes, and what of it breaks something."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core.changes import compare
from orchestrator.core.spec import DagSpec, TaskSpec

EXTRACT, LOAD = TaskSpec("extract", operator="Extract"), TaskSpec("load", upstream=("extract",), operator="Load")
DAILY = {"type": "cron_trigger", "expression": "0 6 * * *", "timezone": "UTC"}


def dag(*tasks: TaskSpec, **fields: Any) -> DagSpec:
    return DagSpec("d", tasks={task.task_id: task for task in tasks or (EXTRACT, LOAD)}, **fields)


OLD = dag(timetable=DAILY, params={"day": {"value": "today", "schema": {}}})


def text_of(new: DagSpec, old: DagSpec = OLD) -> list[str]:
    return [f"{'! ' if each.breaking else ''}{each.text}" for each in compare(old, new)]


@pytest.mark.parametrize(
    ("new", "texts"),
    [
        (OLD, []),
        (replace(OLD, tasks=dag(EXTRACT, replace(LOAD, display={"doc_md": "x"})).tasks), []),
        (
            replace(OLD, tasks=dag(EXTRACT, TaskSpec("check", upstream=("extract",), operator="Check"), LOAD).tasks),
            ["task check (Check) comes"],
        ),
        (replace(OLD, tasks=dag(EXTRACT).tasks), ["! task load (Load) goes"]),
        (
            replace(OLD, tasks=dag(EXTRACT, replace(LOAD, task_id="store")).tasks),
            ["! task load becomes store: its history stays under the old name"],
        ),
        (replace(OLD, tasks=dag(EXTRACT, replace(LOAD, upstream=())).tasks), ["load no longer waits for extract"]),
        (
            replace(OLD, tasks=dag(EXTRACT, replace(LOAD, retries=2, pool="big", queue="gpu")).tasks),
            ["task load: retries 0 → 2, pool default_pool → big, queue default → gpu"],
        ),
        (replace(OLD, params={}), ["! param day goes: a conf that sets it has no effect on it"]),
        (
            replace(OLD, params={**OLD.params, "n": {"schema": {}}}),
            ["! param n comes without a default: each trigger must give it"],
        ),
        (replace(OLD, params={**OLD.params, "n": {"value": 1, "schema": {}}}), ["param n comes"]),
        (
            replace(OLD, params={"day": {"schema": {}}}),
            ["! param day loses its default: each trigger must give it"],
        ),
        (
            replace(OLD, params={"day": {"value": "today", "schema": {"type": "string"}}}),
            ["! param day: schema {} → {'type': 'string'}"],
        ),
        (replace(OLD, timetable={"type": "null"}), ["! the schedule goes: it runs only when it is triggered"]),
        (replace(OLD, timetable={**DAILY, "expression": "0 7 * * *"}), ["the schedule changes"]),
        (replace(OLD, max_active_runs=1, tags=("a",)), ["the DAG: max_active_runs 16 → 1", "its tags changes"]),
    ],
    ids=lambda value: "; ".join(value) if isinstance(value, list) else "",
)
def test_changes(new: DagSpec, texts: list[str]):
    assert text_of(new) == texts


def test_two_that_could_be_the_same_are_not_called_renamed():
    old = dag(TaskSpec("a"), TaskSpec("b"))
    new = dag(TaskSpec("c"), TaskSpec("d"))
    assert [each.kind for each in compare(old, new)] == ["task_removed", "task_removed", "task_added", "task_added"]


def test_a_chain_renamed_as_a_whole_is_renamed():
    old = dag(TaskSpec("a", operator="A"), TaskSpec("b", upstream=("a",), operator="B"))
    new = dag(TaskSpec("x", operator="A"), TaskSpec("y", upstream=("x",), operator="B"))
    assert [each.kind for each in compare(old, new)] == ["task_renamed", "task_renamed"]


def test_operators_have_the_names_that_the_author_wrote():
    written = TaskSpec("check", operator="_PythonDecoratedOperator", display={"operator_name": "@task"})
    assert text_of(dag(), dag(EXTRACT, LOAD, written)) == ["! task check (@task) goes"]
    before, after = dag(written), dag(replace(written, operator="BashOperator", display={}))
    assert text_of(after, before) == ["task check: operator @task → BashOperator"]
