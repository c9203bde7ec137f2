"""The endpoints that say why something does not run."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from orchestrator.core.states import RunState
from tests.runs_app import engine
from tests.support import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> Any:
    return engine.start(engine.python_dag("shop", {"a": (), "b": ("a",)}, max_active_runs=1), run_id="r1")


def test_a_task_instance_says_why_it_waits(api: Any, run: Any):
    found = api.call("get", "dags/shop/dagRuns/r1/taskInstances/b/why")
    assert {name: found[name] for name in ("dag_id", "dag_run_id", "task_id", "map_index", "state")} == {
        **{"dag_id": "shop", "dag_run_id": "r1", "task_id": "b", "map_index": -1, "state": None}
    }
    first, second = found["reasons"]
    assert first == {
        "kind": "trigger_rule",
        "text": "It waits by its rule all_success of 1 upstream: 1 not done: a (scheduled).",
        "remedy": "It goes on when they end; mark one of them to go on without it.",
        "until": None,
        "held_by": [{"dag_id": "shop", "dag_run_id": "r1", "task_id": "a", "map_index": -1}],
    }
    assert second["kind"] == "no_worker"
    assert second["remedy"] == "Start one: manage.py worker --queues default."


def test_one_of_a_mapped_task_is_asked_by_its_index(api: Any):
    dag = factories.make_dag("shop")
    run = factories.make_run(dag, "r1", state=RunState.RUNNING)
    factories.make_mapped(run, "b", 2, state="none")
    found = api.call("get", "dags/shop/dagRuns/r1/taskInstances/b/1/why")
    assert found["map_index"] == 1 and found["reasons"][0]["kind"] == "trigger_rule"
    api.call("get", "dags/shop/dagRuns/r1/taskInstances/b/why", status=404)
    api.call("get", "dags/shop/dagRuns/r1/taskInstances/b/2/why", status=404)


def test_a_run_tells_of_itself_and_of_its_tasks(api: Any, run: Any):
    found = api.call("get", "dags/shop/dagRuns/r1/why")
    assert found["state"] == "running" and found["reasons"] == []
    told = [(each["task_id"], each["count"], each["reason"]["kind"]) for each in found["waiting"]]
    assert told == [("a", 1, "no_worker"), ("b", 1, "trigger_rule")]
    engine.start(run.dag, run_id="r2", logical_date=factories.DAY)
    found = api.call("get", "dags/shop/dagRuns/r2/why")
    assert found["state"] == "queued"
    assert found["reasons"][0]["kind"] == "max_active_runs"
    held = {"dag_id": "shop", "dag_run_id": "r1", "task_id": None, "map_index": None}
    assert found["reasons"][0]["held_by"] == [held]


def test_a_dag_says_what_it_waits_for(api: Any):
    engine.python_dag("shop", {"a": ()}, schedule="@daily", next_run_after=factories.DAY, is_paused=True)
    found = api.call("get", "dags/shop/why")
    assert [each["kind"] for each in found["reasons"]] == ["dag_paused", "scheduler_missing", "next_run"]
    assert found["reasons"][-1]["until"] == "2026-03-01T00:00:00Z"


def test_what_is_not_there_is_told_in_the_api_s_shape(api: Any, run: Any):
    for path in ("dags/none/why", "dags/shop/dagRuns/none/why", "dags/shop/dagRuns/r1/taskInstances/none/why"):
        assert "was not found" in api.call("get", path, status=404)["detail"]


# ---- the command


def test_the_command_says_it_in_lines_and_in_json(capsys: Any, run: Any):
    call_command("why", "shop", "r1", "b")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "It waits by its rule all_success of 1 upstream: 1 not done: a (scheduled)."
    assert lines[1] == "  It goes on when they end; mark one of them to go on without it."
    call_command("why", "shop", "r1")
    assert capsys.readouterr().out.startswith("a: No worker slot takes queue 'default'; none is alive at all.\n")
    call_command("why", "shop", "--json")
    assert '"kind": "no_schedule"' in capsys.readouterr().out
    slot = engine.slot()
    engine.take(slot, timezone.now())
    call_command("why", "shop", "r1", "a")
    assert capsys.readouterr().out == "Nothing holds it: it runs.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none"], "There is no DAG 'none'"),
        (["shop", "r9"], "has no run 'r9'"),
        (["shop", "r1", "c"], "Run 'r1' has no task instance c"),
        (["shop", "r1", "a", "--map-index", "3"], r"no task instance a\[3\]"),
    ],
)
def test_the_command_says_what_is_not_there(run: Any, words: list[str], said: str):
    with pytest.raises(CommandError, match=said):
        call_command("why", *words)
