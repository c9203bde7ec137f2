"""Airflow's own example files that need nothing from outside: each ends as it does in Airflow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.public import wheels

ROOT = Path(__file__).parents[2]
CORE = [
    "example_asset_alias",
    "example_asset_alias_with_no_taskflow",
    "example_asset_allow_teams",
    "example_asset_decorator",
    "example_asset_partition",
    "example_asset_state_store",
    "example_assets",
    "example_branch_labels",
    "example_branch_python_dop_operator_3",
    "example_complex",
    "example_custom_weight",
    "example_display_name",
    "example_dynamic_task_mapping",
    "example_dynamic_task_mapping_with_no_taskflow_operators",
    "example_failed_dag",
    "example_inlet_event_extra",
    "example_latest_only_with_trigger",
    "example_nested_branch_dag",
    "example_outlet_event_extra",
    "example_params_trigger_ui",
    "example_params_ui_tutorial",
    "example_passing_params_via_test_command",
    "example_setup_teardown",
    "example_setup_teardown_taskflow",
    "example_simplest_dag",
    "example_skip_dag",
    "example_task_group",
    "example_task_group_decorator",
    "example_task_state_store",
    "example_task_state_store_async",
    "example_task_state_store_mapped",
    "example_time_delta_sensor_async",
    "example_trigger_target_dag",
    "example_workday_timetable",
    "example_xcom",
    "example_xcomargs",
    "tutorial",
    "tutorial_dag",
    "tutorial_taskflow_api",
    "tutorial_taskflow_templates",
]
STANDARD = [
    "example_bash_decorator",
    "example_bash_operator",
    "example_branch_datetime_operator",
    "example_branch_day_of_week_operator",
    "example_external_task_child_deferrable",
    "example_external_task_marker_dag",
    "example_external_task_parent_deferrable",
    "example_hitl_operator",
    "example_latest_only",
    "example_measurement_correction_decorator",
    "example_measurement_correction_operator",
    "example_sensor_decorator",
    "example_sensors",
    "example_short_circuit_decorator",
    "example_short_circuit_operator",
    "example_trigger_controller_dag",
]
FAIL = {
    "example_failed_dag": ["fail_task"],  # on purpose
    "read_asset_event_from_classic": ["read_asset_event_from_classic"],  # alone: there is no event yet
}
"""Those that fail in Airflow too, and by which tasks."""


def run(requirement: str, names: list[str]) -> list[dict[str, Any]]:
    try:
        folder = wheels.examples(requirement)
    except wheels.NotToBeHad as error:
        pytest.skip(str(error))
    files = [f"{name}.py" for name in names]
    command = [sys.executable, "-m", "tests.public.examples", str(folder), *files]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert found.returncode == 0, found.stderr[-2000:]
    ended = [json.loads(line) for line in found.stdout.splitlines()]
    assert {each["file"] for each in ended} == set(files)
    return ended


@pytest.mark.parametrize(
    ("requirement", "names"), [(wheels.CORE, CORE), (wheels.STANDARD, STANDARD)], ids=["core", "standard"]
)
def test_the_offline_examples_end_as_in_airflow(requirement: str, names: list[str]):
    wrong = []
    for each in run(requirement, names):
        wanted = ("failed", FAIL[each["dag_id"]]) if each["dag_id"] in FAIL else ("success", [])
        if (each["state"], each["failed"]) != wanted:
            wrong.append(each)
    assert wrong == []


def test_there_are_56_of_them():
    assert len(CORE) == 40 and len(STANDARD) == 16
