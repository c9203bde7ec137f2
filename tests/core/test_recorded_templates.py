"""Templates, against what Apache Airflow 3.3.2 rendered."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.build import dag_of_file
from tests.conformance.cases import cases
from tests.conformance.runner import Run


def about_other_things(case: Any) -> bool:
    """Not only of names that we have on top or that print otherwise; nor of a macro that needs a library of its own."""
    templates = case.values[0]["input"]["templates"]
    return not all(differs(each) for each in templates.values()) and "ds_format_locale" not in str(templates)


@pytest.mark.parametrize("case", filter(about_other_things, cases("templates")))
def test_templates_render_as_recorded(case: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    given = case["input"]
    for name, text in case["spec"].get("extra_files", {}).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for name, text in given["variables"].items():
        monkeypatch.setenv(f"AIRFLOW_VAR_{name.upper()}", text)
    for name, text in given["connections"].items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", text)
    run = Run(dag_of_file(case["spec"]["dag_file"], case["spec"]["dag_id"], str(tmp_path)), given["run"])
    run.previous = newest(given["previous_runs"], run.date)
    run.drive("first")
    (found,) = [each for each in run.report()["task_instances"] if each["task_id"].endswith("t")]
    (error,) = run.errors.values()
    if "error" in case["expected"]:
        assert found["state"] == "failed"
        assert error.partition(":")[0] == case["expected"]["error"]
    else:
        assert error == ""
        kept = [name for name, template in given["templates"].items() if not differs(template)]
        rendered = found["xcom"]["return_value"]
        assert {name: rendered[name] for name in kept} == {name: case["expected"]["rendered"][name] for name in kept}


def differs(template: Any) -> bool:
    """Where we differ on purpose, or nothing is built yet."""
    return any(
        words in str(template)
        for words in (
            "prev_start_date_success is none",  # theirs is a wrapper around None, which is not none
            "var.value.get('nope')",  # theirs prints a marker, ours None
            "triggering_asset_events",  # prints a class of its own
            "trigger_rule",  # an enum's member there, its value here
            *OLD_NAMES,
        )
    )


OLD_NAMES = ("test_mode", "conf is defined", "conf | default")
"""Names of Airflow 1 and 2 that the recorded version has no more, and files still use."""


def newest(runs: list[dict[str, Any]], before: datetime | None) -> dict[str, Any] | None:
    """The answer to the question for the newest successful run before a date."""
    earlier = [
        each
        for each in runs
        if each["state"] == "success" and before is not None and datetime.fromisoformat(each["logical_date"]) < before
    ]
    found = max(earlier, key=lambda each: datetime.fromisoformat(each["logical_date"]), default=None)
    if found is None:
        return None
    start, end = found.get("data_interval") or [found["logical_date"]] * 2
    return {
        "data_interval_start": start,
        "data_interval_end": end,
        "start_date": found.get("start_date"),
        "end_date": found.get("end_date"),
    }
