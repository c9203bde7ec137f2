"""Whole DAG files as people wrote them for Airflow 1, 2 and 3: each runs to its end, with what it leaves behind."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator import compat
from orchestrator.runtime.loader import load
from orchestrator.runtime.local import Result, run_dag
from orchestrator.runtime.older import with_dates
from tests.operators.running import Server

FOLDER = Path(__file__).parent / "eras"
DATE = datetime(2024, 3, 1, 4, 30, tzinfo=UTC)  # a Friday
LATER = datetime(2099, 5, 1, 4, 30, tzinfo=UTC)
"""After the start of DAGs that begin some days ago, whenever this runs."""
ENVIRONMENT = {
    "AIRFLOW_VAR_ONE_JSON": '{"say": "Good day"}',
    "AIRFLOW_CONN_GREETING": "http://example.org:99/?as=friend",
    "AIRFLOW_CONN_FS_DEFAULT": "fs://",
}


class Ran:
    """A DAG's run, and what was said and asked while it ran."""

    def __init__(self, file: str, dag_id: str, at: datetime = DATE, **answers: Any) -> None:
        compat.install()
        self.lines: list[str] = []
        self.triggered: list[dict[str, Any]] = []
        server = Server(trigger_dag=self._trigger, previous_run=None, **answers)
        dags = load(str(FOLDER), file)
        self.dags = sorted(dags)
        self.result: Result = run_dag(dags[dag_id], provider=server, say=self.lines.append, logical_date=at)

    def _trigger(self, **asked: Any) -> Any:
        self.triggered.append(asked)
        return {"run_id": "r"}

    def states(self, state: str) -> set[str]:
        return {task for (task, _), found in self.result.states.items() if found == state}

    def value(self, task: str, key: str = "return_value", index: int = -1) -> Any:
        return self.result.xcoms.get((task, index, key))

    def said(self, words: str) -> bool:
        return any(words in line for line in self.lines)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return Ran


def test_a_daily_report_of_airflow_1(ran: Any):
    found = ran("one_daily_report.py", "one_daily_report", LATER)
    assert found.result.succeeded and found.states("skipped") == {"few"}
    assert found.value("extract") is True and found.value("many") == "20990501 rows"


def test_a_subdag_is_a_group_and_its_xcoms_are_found_by_their_old_ids(ran: Any):
    found = ran("one_subdag.py", "one_subdag", LATER)
    assert found.result.succeeded and found.dags == ["one_subdag"]
    assert found.states("success") == {"start", "section.measure-a", "section.measure-b", "section.check", "end"}
    assert found.value("section.check") == ["b@2099-05-01", "a@2099-05-01"]
    order = [task for task, *_ in found.result.order]
    assert order[0] == "start" and order[-1] == "end"


def test_dates_of_airflow_1_in_templates_and_code_and_its_way_to_trigger(ran: Any):
    found = ran("one_trigger_and_macros.py", "one_trigger_and_macros")
    assert found.result.succeeded
    assert found.value("dates") == (
        "2024-03-08 2024-02-29 20240302 2024-03-02 2024-03-01 01.03.2024 2024 2024-03-02 20240301T043000"
    )
    assert found.value("schedule") == ["2024-03-02", "2024-03-01", "2024-03-02"]
    assert [(each["dag_id"], each["conf"]) for each in found.triggered] == [("other", {"message": "hi"})]
    assert found.value("stay", "trigger_run_id") is None


def test_xcoms_are_pulled_without_the_id_of_a_task(ran: Any):
    found = ran("one_xcom_without_ids.py", "one_xcom_without_ids")
    assert found.value("pull") == ["abc", "returned", "abc", None]
    assert found.result.succeeded and found.states("skipped") == {"never"} and found.value("clean") == "clean"


def test_operators_sensors_and_plugins_of_a_files_own(ran: Any):
    found = ran("one_own_operator.py", "one_own_operator")
    assert found.value("greet") == "Good day nobody at example.org:99 as friend"
    assert found.value("absent") == "Good day you at example.org:99 as friend"
    assert found.said("Greeting nobody")


def test_retries_skips_callbacks_and_the_states_of_others(ran: Any, capfd: Any):
    found = ran("one_callbacks_and_failures.py", "one_callbacks_and_failures")
    assert found.result.succeeded and found.states("failed") == {"broken"}
    assert found.states("upstream_failed") == {"after"}
    assert found.value("flaky") == "done in try 2"
    assert found.value("ended") == ["success", "skipped", "failed", True]
    assert "ALERT broken one_callbacks_and_failures 2024-03-01 AirflowException http://" in capfd.readouterr().out


@pytest.mark.parametrize("number", [1, 2])
def test_dags_made_in_a_loop(ran: Any, number: int):
    found = ran("one_dynamic.py", f"one_dynamic_{number}")
    assert found.dags == ["one_dynamic_1", "one_dynamic_2"]
    assert [found.value(f"step_{each}") for each in range(3)] == [1, 1 + number, 1 + 2 * number]
    assert {"left", "right"} <= found.states("success")


def test_zones_macros_filters_and_waiting_of_airflow_1(ran: Any):
    found = ran("one_depends_and_time.py", "one_depends_and_time")
    assert found.value("told") == ["Europe/Berlin", "BLUE", ["one_depends_and_time", "told"]]


def test_taskflow_of_airflow_2(ran: Any):
    found = ran("two_taskflow.py", "two_taskflow")
    assert found.value("load.sum") == 9 and found.value("split", "large") == 2
    assert found.states("skipped") == {"bad"} and found.value("good") == [True, "good"]


def test_mapping_of_airflow_2(ran: Any):
    found = ran("two_mapping.py", "two_mapping")
    assert found.value("total") == 14 and found.value("shells", index=1) == "b"
    assert {"work.one", "work.two"} <= found.states("success")


@pytest.mark.parametrize("name", ["producer", "consumer", "or_time"])
def test_datasets(ran: Any, name: str):
    found = ran("two_datasets.py", f"two_datasets_{name}")
    assert found.result.succeeded
    events = [note for _, _, note in found.result.asset_events]
    assert bool(events) is (name == "producer")


def test_sensors_labels_and_arguments_of_airflow_2(ran: Any):
    found = ran("two_sensors_and_pools.py", "two_sensors_and_pools")
    assert found.result.succeeded and found.states("skipped") == {"soft"}


def test_native_values_and_the_environment_of_commands(ran: Any):
    found = ran("two_templates.py", "two_templates")
    assert found.value("show") == ["int", ["a", "b"], "2024-03-01", "utc", False]
    assert found.value("shell") == "none int"


def test_setups_and_teardowns(ran: Any):
    found = ran("two_setup_teardown.py", "two_setup_teardown")
    assert not found.result.succeeded and found.states("failed") == {"work"}
    assert found.value("drop") == "dropped cluster" and found.states("skipped") == {"inside"}
    assert "last" in found.states("success")


def test_branches_by_the_calendar_and_what_waits_without_a_slot(ran: Any):
    found = ran("two_short_circuit_and_deferrable.py", "two_short_circuit_and_deferrable")
    assert found.result.succeeded and found.states("skipped") == {"other", "then", "skipped"}


def test_functions_that_files_take_from_airflow(ran: Any, capfd: Any):
    found = ran("two_helpers.py", "two_helpers", LATER)
    assert "from a process" in capfd.readouterr().out
    assert found.value("helpers") == {
        "dates": ["2022-01-01", "2022-01-02"],
        "cron": [0, 6, 12],
        "round": "2022-01-01 00:00:00",
        "chunks": [[1, 2], [3]],
        "merged": {"a": {"b": 1, "c": 2}},
        "words": ["success", "failed", "manual", "32", "UTC"],
        "aware": True,
        "loaded": "BashOperator",
        "id": "scheduled__2022-01-01T00:00:00+00:00",
    }


def test_a_file_of_airflow_3(ran: Any):
    found = ran("three_sdk.py", "three_sdk", LATER)
    assert found.result.succeeded and found.value("end") == [2, True, "d"]
    assert {"rest.a", "rest.b"} <= found.states("success")


def test_mapped_groups_async_functions_and_tries(ran: Any):
    found = ran("three_mapped_groups.py", "three_mapped_groups")
    assert found.value("total") == 20 and found.value("awaited") == "async" and found.value("third_time") == 3


def test_what_airflow_3_rejects(ran: Any):
    found = ran("three_mixed_eras.py", "three_mixed_eras", LATER)
    assert found.value("context_of_two") == [True, 10, 10, 10, "utc"]
    assert found.value("shell") == "2099-05-01 utc 2099-05-01"


def test_an_operator_of_ones_own_and_failing_at_once(ran: Any):
    found = ran("three_context.py", "three_context", LATER)
    assert found.value("ask") == "manual__ ask 1 three_context" and found.value("clean_up") == "cleaned"
    assert found.result.tries["fails_at_once", -1] == 1 and found.states("skipped") == {"skipped"}


def test_modules_arrows_from_the_dag_and_macros_of_all_kinds(ran: Any):
    found = ran("one_modules.py", "one_modules")
    assert found.value("macros") == "2024-02 t2 20240301 none 2020 one_modules__macros__20240301 None"
    assert found.value("called") == [
        *("conf", "dag_run", "ds", "execution_date", "latest_date", "macros", "next_execution_date", "params"),
        *("prev_execution_date", "test_mode", "ti", "tomorrow_ds_nodash", "var"),
    ]
    assert found.value("method") == ("2024-03-01", 5) and found.value("old") == "2"
    assert "first" in found.states("success")


def test_operators_inside_of_functions_variables_and_several_branches(ran: Any):
    found = ran("one_nested_execute.py", "one_nested_execute", LATER)
    assert found.value("inside") == "inside" and found.value("seen") == [True, None]
    assert found.states("skipped") == {"c"} and "join" in found.states("success")


def test_outputs_params_groups_and_overrides(ran: Any, capfd: Any):
    found = ran("two_outputs.py", "two_outputs", LATER)
    assert found.value("used") == [5, 2, "me"] and "n: 5" in found.value("shell")
    assert found.states("skipped") == {"outer.right"}
    assert found.value("renamed") == "x" and found.value("by_name.again") == "again"
    assert "flat_one" in found.states("success")
    assert "DAG DONE manual__ " in capfd.readouterr().out


def test_timetables_hooks_links_and_notifiers_of_a_files_own(ran: Any, capfd: Any):
    found = ran("two_own_timetable_and_hooks.py", "two_own_timetable_and_hooks")
    assert found.value("launch") == "http://None@example.org/None"
    assert found.value("launch", "where") == {"to": ["2024-02-28", 1]}
    assert found.value("looked") == ["2024-02-28", 2]
    assert "TOLD launch went well" in capfd.readouterr().out


def test_waiting_for_other_dags_and_starting_them(ran: Any):
    asked: list[dict[str, Any]] = []

    def count(**where: Any) -> int:
        asked.append(where)
        is_bad = "failed" in (where.get("states") or ())
        return 0 if is_bad else len(where["logical_dates"]) * len(where.get("task_ids") or [1])

    found = ran("two_external.py", "two_external", ti_count=count, dag_runs_count=count, run_state="success")
    assert found.result.succeeded and found.states("skipped") == {"mail"}
    assert found.triggered[0]["logical_date"].startswith("2024-03-01T04:30") and found.triggered[0]["reset"]
    assert found.triggered[0]["conf"] == {"from": "two_external", "n": 1}
    dates = {date[:13] for where in asked for date in where["logical_dates"]}
    assert dates == {"2024-03-01T03", "2024-02-29T04", "2024-03-01T04"}


def test_assets_metadata_and_mapping_of_airflow_3(ran: Any):
    found = ran("three_assets_and_partials.py", "three_assets_and_partials", LATER)
    assert found.dags == ["three_assets_and_partials", "three_clean"]
    assert found.value("total") == 10 and found.value("doubled") == 10
    assert [found.value("of_map", index=index) for index in (0, 1)] == [3, 3]
    assert [found.value("cross", index=index) for index in (0, 1)] == [13, 17]
    assert found.value("many", index=0) == "1" and found.result.states["many", 1] == "skipped"
    assert found.value("look") == "seen"
    assert next(note for _, _, note in found.result.asset_events)["extra"] == {"rows": 3, "more": 1}


def test_older_ways_of_airflow_2(ran: Any):
    asked: list[dict[str, Any]] = []

    def find_runs(**where: Any) -> Any:
        asked.append(where)
        return [{"dag_id": "other", "run_id": "r1", "logical_date": "2024-03-01T00:00:00+00:00", "conf": None}]

    found = ran("two_older_ways.py", "two_older_ways", find_runs=find_runs)
    assert found.states("failed") == {"rows"} and found.said("no way to the database")
    assert found.states("skipped") == {"below", "further"} and "late" in found.states("success")
    assert found.value("dates") == "2024-03-01 2024 1 2024-03-01"
    assert found.value("owner") == "me a@example.org"
    assert found.value("outlets") == {}
    assert found.value("runs") == ["r1", None, True]
    assert found.value("rendered") == ["2024-03-01 again", None, None]
    assert asked[0]["dag_ids"] == ["other"] and asked[0]["states"] == ["success"]


def test_a_run_without_a_date_has_that_of_its_start():
    run = {"run_after": "2024-03-01T00:00:00+00:00", "logical_date": None, "data_interval_start": None}
    dated = with_dates({"task_id": "t", "run": run})["run"]
    assert {dated[each] for each in ("logical_date", "data_interval_start", "data_interval_end")} == {run["run_after"]}
    of_its_own = {"run": {**run, "logical_date": "2024-02-01T00:00:00+00:00"}}
    assert with_dates(of_its_own) is of_its_own
