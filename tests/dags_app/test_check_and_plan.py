"""``dags check`` for CI and ``dags plan`` for a merge request, on files as people write them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dags_app.inspection import uses_of
from dags_app.models import Dag, Pool
from runs_app import actions

from .conftest import Project

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(tmp_path, settings, monkeypatch):
    monkeypatch.delenv("FERNET_KEYS", raising=False)
    before = (settings.ORCH.home, settings.ORCH.dags_folder)
    settings.ORCH.home, settings.ORCH.dags_folder = tmp_path / "home", tmp_path
    yield
    settings.ORCH.home, settings.ORCH.dags_folder = before


def call(*arguments: str) -> tuple[int, Any]:
    """Return the exit code and what was printed as JSON."""
    out, code = io.StringIO(), 0
    try:
        call_command(*arguments, "--json", stdout=out, stderr=io.StringIO())
    except CommandError as error:
        code = error.returncode
    return code, json.loads(out.getvalue())


# ---- check


def test_good_files_pass(project: Project):
    project.write_dag("fine", arguments="schedule='@daily'")
    code, found = call("dags", "check", str(project.root))
    assert (code, found["errors"], found["warnings"]) == (0, [], [])
    assert [(each["file"], each["dags"]) for each in found["files"]] == [("fine.py", 1)]


def test_all_that_is_wrong_is_told_with_its_place(project: Project):
    project.write("broken.py", "from airflow.sdk import DAG\n\nDAG('x y')\n")
    project.write_dag("twice", "one.py")
    project.write_dag("twice", "two.py", arguments="schedule='0 0 31 2 *'")
    project.write(
        "heavy.py",
        "from airflow.sdk import DAG, task\nwith DAG('heavy'):\n"
        "    @task(pool='default_pool', pool_slots=10_000)\n    def f(): pass\n    f()\n",
    )
    code, found = call("dags", "check", str(project.root))
    assert code == 1
    assert {(each["file"], each["line"], each["kind"]) for each in found["errors"]} == {
        ("broken.py", 3, "import"),
        ("two.py", None, "duplicate_id"),
        ("two.py", None, "schedule"),
        ("heavy.py", None, "pool_slots"),
    }


def test_what_is_named_must_be_there_or_be_given(project: Project, tmp_path: Path):
    project.write(
        "names.py",
        "from airflow.sdk import BaseHook, DAG, Variable, task\n"
        "TOP = Variable.get('top')\n"
        "with DAG('names'):\n"
        "    @task(pool='db')\n"
        "    def f():\n"
        "        return BaseHook.get_connection('warehouse'), Variable.get('maybe', default=None)\n"
        "    f()\n",
    )
    code, found = call("dags", "check", str(project.root))
    assert code == 1, "a variable that is read while it is imported must be there"
    given = {"top": "x"}, {"warehouse": "postgres://h"}, {"db": 4}
    files = []
    for name, values in zip(("variables", "connections", "pools"), given, strict=True):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(values))
        files += [f"--{name}", str(path)]
    assert call("dags", "check", str(project.root), *files) == (
        0,
        {**found, "errors": [], "warnings": []}
        | {"files": [{**found["files"][0], "dags": 1, "seconds": pytest.approx(found["files"][0]["seconds"], abs=60)}]},
    )
    code, found = call("dags", "check", str(project.root), *files[:2])
    assert [(each["kind"], each["line"]) for each in found["warnings"]] == [
        ("missing_pool", None),
        ("missing_connection", 6),
    ]
    Pool.objects.create(name="db", slots=1)
    assert call("dags", "check", str(project.root), *files[:2], "--strict")[0] == 1


def test_outdated_names_are_told_with_what_to_write(tmp_path: Path):
    path = tmp_path / "old.py"
    path.write_text(
        "from airflow.operators.bash_operator import BashOperator\n"
        "from airflow.providers.standard.operators.python import PythonOperator\n"
        "DAG('d', schedule_interval='@daily', catchup=False)\n"
        "BashOperator(bash_command='echo {{ execution_date }} {{ next_ds }} {{ ds }} {{ my.execution_date }}')\n"
    )
    found = [(each.line, each.name, each.instead) for each in uses_of(str(path))]
    assert sorted(found) == [
        (1, "airflow.operators.bash_operator.BashOperator", "airflow.providers.standard.operators.bash.BashOperator"),
        (3, "schedule_interval=", "schedule"),
        (4, "{{ execution_date }}", "logical_date"),
        (4, "{{ next_ds }}", "data_interval_end | ds"),
    ]


def test_templates_name_variables_and_connections(tmp_path: Path):
    path = tmp_path / "t.py"
    path.write_text(
        "x = \"{{ var.value.city }} {{ var.json.table.name }} {{ conn.db.host }} {{ var.value.get('a', 'b') }} "
        "{{ conn.get('other').login }} var.value.outside\"\n"
        "f(postgres_conn_id='pg', conn_id=name)\n"
    )
    assert sorted((each.kind, each.name) for each in uses_of(str(path))) == [
        ("connection", "db"),
        ("connection", "other"),
        ("connection", "pg"),
        ("variable", "city"),
        ("variable", "table"),
    ]


def test_it_needs_no_database_and_no_server(tmp_path: Path):
    """As in a fresh container of a CI."""
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "a.py").write_text(
        "from airflow.sdk import DAG, Variable\nwith DAG(Variable.get('name', default='d')):\n    pass\n"
    )
    home = {"ORCHESTRATOR_HOME": str(tmp_path / "empty"), "DATABASE_URL": f"sqlite:///{tmp_path}/none.sqlite3"}
    found = subprocess.run(
        [sys.executable, "manage.py", "dags", "check", str(folder), "--json"],
        env={**os.environ, **home},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["files"][0]["dags"] == 1
    assert "no database" in found.stderr


def test_a_folder_that_is_not_there_is_told():
    with pytest.raises(CommandError, match="/nowhere is not there: give a DAG file or a folder of them"):
        call_command("dags", "check", "/nowhere")


# ---- plan


@pytest.fixture
def deployed(project: Project) -> Project:
    project.write_dag("etl", arguments="schedule='0 6 * * *', start_date=datetime(2026, 1, 1)", body="import helper")
    project.write_dag("other")
    project.write("helper.py", "def f():\n    return 1\n")
    project.sync()
    return project


def changed(project: Project, path: str, old: str, new: str) -> None:
    text = (project.root / path).read_text()
    assert old in text
    project.write(path, text.replace(old, new))


def test_nothing_changes_with_comments_and_layout(deployed: Project):
    changed(deployed, "etl.py", "import helper", "# a remark\n\nimport helper")
    changed(deployed, "helper.py", "return 1", "return 1  # one")
    assert call("dags", "plan", str(deployed.root)) == (0, [])


def test_code_that_means_something_else_is_told_for_each_dag_that_imports_it(deployed: Project):
    changed(deployed, "helper.py", "return 1", "return 2")
    code, found = call("dags", "plan", str(deployed.root))
    assert (code, [(each["dag_id"], [one["text"] for one in each["changes"]]) for each in found]) == (
        0,
        [("etl", ["helper.py changes"])],
    )


def test_a_new_schedule_shows_its_times_beside_the_old(deployed: Project):
    changed(deployed, "etl.py", "0 6 * * *", "0 7 * * *")
    code, (found,) = call("dags", "plan", str(deployed.root / "etl.py"))
    assert code == 0
    assert {"the schedule changes", "etl.py changes"} == {each["text"] for each in found["changes"]}
    assert len(found["next_runs"]) == 20
    assert all(each["now"][11:16] == "06:00" and each["then"][11:16] == "07:00" for each in found["next_runs"])


def test_a_removed_task_breaks_and_names_the_runs_under_way(deployed: Project):
    Dag.objects.update(is_paused=True)
    run = actions.trigger_dag("etl")
    changed(deployed, "etl.py", "task_id='t'", "task_id='u', retries=3")
    code, (found,) = call("dags", "plan", str(deployed.root / "etl.py"))
    assert code == 2
    assert [(each["kind"], each["breaking"]) for each in found["changes"]] == [
        ("task_removed", True),
        ("task_added", False),
        ("code_changed", False),
    ]
    assert found["active_runs"] == [run.run_id]


def test_files_that_come_go_and_break(deployed: Project):
    (deployed.root / "other.py").unlink()
    deployed.write("etl.py", "from airflow.sdk import DAG\nimport nothing_of_that_name\n")
    deployed.write_dag("fresh", arguments="schedule='@hourly'")
    code, found = call("dags", "plan", str(deployed.root))
    assert code == 2
    assert {(each["dag_id"], each["action"], each["breaking"]) for each in found} == {
        ("etl", "broken", True),
        ("other", "remove", True),
        ("fresh", "add", False),
    }
    broken = next(each for each in found if each["dag_id"] == "etl")
    assert "etl.py, line 2: ModuleNotFoundError" in broken["changes"][0]["text"]


def test_a_plan_writes_nothing(deployed: Project):
    before = list(Dag.objects.values("pk", "version_id", "is_stale", "next_run_after"))
    changed(deployed, "etl.py", "task_id='t'", "task_id='u'")
    call("dags", "plan", str(deployed.root))
    assert list(Dag.objects.values("pk", "version_id", "is_stale", "next_run_after")) == before


def test_the_markdown_is_fit_for_a_merge_request(deployed: Project):
    changed(deployed, "etl.py", "task_id='t'", "task_id='t', retries=3")
    out = io.StringIO()
    call_command("dags", "plan", str(deployed.root / "etl.py"), stdout=out)
    assert out.getvalue() == ("**1 DAGs change**\n\n### etl: change\n\n- task t: retries 0 → 3\n- etl.py changes\n")
