"""For which Airflow a folder's files are: ``.airflowera``, and the settings of the environment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator import compat
from orchestrator.runtime.loader import LoadError, load
from orchestrator.sdk import era

SOURCE = """
from datetime import datetime, timedelta
from airflow import DAG
start = datetime(2024, 1, 1)
cron = DAG("cron", start_date=start, schedule_interval="@daily")
delta = DAG("delta", start_date=start, schedule_interval=timedelta(hours=6), catchup=False)
unsaid = DAG("unsaid", start_date=start)
none = DAG("none", start_date=start, schedule=None)
once = DAG("once", start_date=start, schedule="@once")
"""


@pytest.fixture
def specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    compat.install()
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(era, "_current", [])
    (tmp_path / "team" / "old").mkdir(parents=True)
    (tmp_path / "team" / "old" / "file.py").write_text(SOURCE)

    def read(**said: str) -> Any:
        for place, text in said.items():
            (tmp_path / ("" if place == "root" else "team") / era.FILE_NAME).write_text(text)
        return {name: dag.to_spec() for name, dag in load(str(tmp_path), "team/old/file.py").items()}

    return read


def kinds(specs: Any) -> dict[str, str]:
    return {name: spec.timetable["type"] for name, spec in specs.items()}


def test_by_default_airflow_3s_defaults_hold_and_nothing_is_stored(specs: Any):
    found = specs()
    assert kinds(found)["cron"] == "cron_trigger" and kinds(found)["unsaid"] == "null"
    assert not any(spec.catchup for spec in found.values()) and all(spec.era is None for spec in found.values())


def test_a_folder_of_airflow_2_has_intervals_catchup_and_a_daily_schedule(specs: Any):
    found = specs(team="# the reports of 2021\n2\n")
    types = kinds(found)
    assert types["cron"] == "cron_data_interval" and types["delta"] == "delta_data_interval" == types["unsaid"]
    assert types["none"] == "null" and types["once"] == "once"
    assert found["cron"].catchup and not found["delta"].catchup
    assert found["cron"].era["number"] == 2 and found["cron"].era["source"] == "team/.airflowera"


def test_the_nearest_file_decides(specs: Any):
    assert kinds(specs(root="1", team="3"))["cron"] == "cron_trigger"


@pytest.mark.parametrize("text", ["", "4", "2 3", "airflow 2"])
def test_what_is_no_era_is_an_import_error_that_names_the_file(specs: Any, text: str):
    with pytest.raises(LoadError, match=r"team/\.airflowera: write the Airflow"):
        specs(team=text)


def test_the_settings_of_airflow_itself(specs: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(era.CRON, "True")
    found = specs()
    assert kinds(found)["cron"] == "cron_data_interval" and kinds(found)["delta"] == "delta_trigger"
    assert not found["cron"].catchup and found["cron"].era["source"] == era.CRON
    monkeypatch.setenv(era.CATCHUP, "true")
    assert specs()["cron"].catchup
    assert kinds(specs(team="3"))["cron"] == "cron_trigger"


def test_only_files_that_know_nothing_of_airflow_3_pull_the_xcoms_of_any_task(tmp_path: Path, monkeypatch: Any):
    compat.install()
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name, line in (("old", "from airflow import DAG"), ("new", "from airflow.sdk import DAG")):
        (tmp_path / f"{name}.py").write_text(f"{line}\ndag = DAG({name!r}, schedule=None)\n")
    assert load(str(tmp_path), "old.py")["old"].era.pulls_any
    assert not load(str(tmp_path), "new.py")["new"].era.pulls_any
