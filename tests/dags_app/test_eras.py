"""``.airflowera`` in a DAG folder: heard when it comes, changes and goes, and kept with the version."""

from __future__ import annotations

from pathlib import Path

import pytest

from dags_app.models import Dag
from dags_app.versions import load_spec, place_of

from .conftest import Project

pytestmark = pytest.mark.django_db


def told(dag_id: str) -> tuple[str, int | None, int]:
    """What the DAG's schedule is, the era that made it so, and the number of its version."""
    dag = Dag.objects.select_related("version").get(pk=dag_id)
    spec = load_spec(dag.version_id)
    return spec.timetable["type"], spec.era["number"] if spec.era else None, dag.version.version_number


def test_a_folder_changes_its_era_and_back(project: Project):
    project.write_dag("old", "team/old.py", arguments="schedule='@daily', start_date=datetime(2024, 1, 1)")
    project.write_dag("new", "new.py", arguments="schedule='@daily'")
    project.sync()
    assert told("old") == ("cron_trigger", None, 1)
    era = project.write("team/.airflowera", "2\n")
    project.sync()
    assert told("old") == ("cron_data_interval", 2, 2) and told("new") == ("cron_trigger", None, 1)
    folder, _ = place_of(Dag.objects.get(pk="old").version_id)
    assert Path(folder, "team", ".airflowera").read_text() == "2\n"
    era.write_text("two\n")
    project.sync()
    assert "team/.airflowera: write the Airflow" in project.error("team/old.py").stack_trace
    era.unlink()
    project.sync()
    assert project.errors() == [] and told("old") == ("cron_trigger", None, 1)
