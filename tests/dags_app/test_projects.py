"""A whole Airflow project as the folder: what it has beside its DAGs is imported, read and kept with each version."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from django.core.management import call_command

from dags_app.archives import as_text
from dags_app.models import Dag
from dags_app.versions import place_of
from orchestrator.compat import airflow_cfg

from .conftest import Project, dag_text, live

ETL = """
import os
from airflow.sdk import DAG, task
from airflow.providers.standard.operators.bash import BashOperator
from airflow.configuration import conf
from common.names import NAME          # dags/common
from include.shop import prices        # beside dags
from shop_plugin import RATE           # plugins
from limits import MOST                # config

HOME = os.environ["AIRFLOW_HOME"]
with DAG("etl", schedule=None, template_searchpath=[f"{HOME}/include/sql"]) as dag:
    @task
    def total():
        with open(f"{HOME}/include/rate.txt") as file:
            return [NAME, sum(prices()) * int(file.read()) * RATE, MOST]
    total() >> BashOperator(task_id="say", bash_command="say.sh")
"""


@pytest.fixture
def whole(project: Project, monkeypatch) -> Project:
    """A project as Astronomer's tool lays it out."""
    monkeypatch.delenv("AIRFLOW_HOME", raising=False)
    for name, text in {
        "dags/etl.py": ETL,
        "dags/common/__init__.py": "",
        "dags/common/names.py": "NAME = 'etl'\n",
        "dags/.airflowignore": "drafts/\n",
        "dags/drafts/x.py": dag_text("draft"),
        "include/__init__.py": "",
        "include/shop.py": "def prices():\n    return [1, 2]\n",
        "include/rate.txt": "10",
        "include/sql/say.sh": "echo said",
        "plugins/shop_plugin.py": "RATE = 2\n",
        "config/limits.py": "MOST = 5\n",
        "tests/dags/test_etl.py": dag_text("of_a_test"),
        "logs/dag.py": dag_text("in_the_logs"),
        "setup.py": "# airflow dag\n",
        "requirements.txt": "",
    }.items():
        project.write(name, text)
    return project


def test_only_its_dags_are_dags_and_all_it_has_can_be_imported(whole):
    counts = whole.sync()
    assert (live(), counts.errors, whole.errors()) == (["etl"], 0, [])
    root, file = place_of(Dag.objects.get().version_id)
    kept = {str(path.relative_to(root)) for path in Path(root).rglob("*") if path.is_file()}
    beside = {"include/shop.py", "include/rate.txt", "include/sql/say.sh", "plugins/shop_plugin.py", "config/limits.py"}
    assert file == "dags/etl.py" and beside <= kept and not any(each.startswith("logs") for each in kept)


def test_a_version_of_it_runs_with_its_own_files(whole, capfd):
    whole.sync()
    whole.write("include/rate.txt", "99")  # a run has what its version had
    call_command("dags", "test", "etl", "--json")
    out = capfd.readouterr()
    told = json.loads(out.out)
    assert {each["task_id"]: each["state"] for each in told["tasks"]} == {"total": "success", "say": "success"}
    assert "said" in out.err


def test_a_folder_named_dags_among_others_is_no_project(project):
    project.write("dags/a.py", dag_text("a"))
    project.write("more/b.py", dag_text("b"))
    project.sync()
    assert live() == ["a", "b"]


# ---- zips


def packed(project: Project, **files: str) -> Path:
    path = project.root / "packed.zip"
    with zipfile.ZipFile(path, "w") as made:
        for name, text in files.items():
            made.writestr(name.replace("_in_", "/") + ".py", text)
    return path


def test_a_zip_with_its_modules_is_a_dag_file(project):
    packed(project, one="from helpers.names import NAME\n" + dag_text("one", arguments="tags=[NAME]"),
           two=dag_text("two"), plain="x = 1", helpers_in___init__="", helpers_in_names="NAME = 'zipped'\n")  # fmt: skip
    project.sync()
    assert (live(), project.errors()) == (["one", "two"], [])
    dag = Dag.objects.get(pk="one")
    root, file = place_of(dag.version_id)
    assert file == "packed.zip" and zipfile.is_zipfile(Path(root) / file)
    assert [tag.name for tag in dag.tags.all()] == ["zipped"]
    code = (
        "from orchestrator.compat import install; install(); from orchestrator.runtime.loader import load; import sys;"
    )
    code += "print(sorted(load(*sys.argv[1:])))"
    made = subprocess.run([sys.executable, "-c", code, root, file], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "['one', 'two']"
    assert "# ---- one.py" in as_text(file, (Path(root) / file).read_bytes())


def test_a_zip_that_is_broken_says_so_and_one_without_dags_is_none(project):
    packed(project, plain="x = 1")
    project.sync()
    assert project.errors() == []
    project.write("packed.zip", b"PK\x03\x04 no zip")
    project.sync()
    assert "the archive cannot be read" in project.error("packed.zip").message


def test_an_error_in_a_zip_has_its_line(project):
    packed(project, bad="# airflow dag\nraise ValueError('no')\n")
    project.sync()
    assert (project.error("packed.zip").message, project.error("packed.zip").line) == ("ValueError: no", 2)


# ---- airflow.cfg


def test_the_settings_of_an_airflow_home_count_where_nothing_else_is_set(tmp_path):
    (tmp_path / "dags").mkdir()
    (tmp_path / "airflow.cfg").write_text(
        "[core]\ndags_are_paused_at_creation = False\nexecutor = X\nfernet_key = s3cret\n"
        "[secrets]\nbackend = a.B\n[my]\nrate = 5%%\n"
    )
    environ = {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__SECRETS__BACKEND": "mine.C"}
    airflow_cfg.apply(environ)
    assert environ == {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__SECRETS__BACKEND": "mine.C",
        "ORCHESTRATOR_PAUSED_AT_CREATION": "False",
        "DAGS_FOLDER": str(tmp_path / "dags"),
    }
    (tmp_path / "include").mkdir()
    environ = {"AIRFLOW_HOME": str(tmp_path)}
    airflow_cfg.apply(environ)
    assert environ["DAGS_FOLDER"] == str(tmp_path)  # what lies beside belongs to it


def test_user_code_reads_it_without_its_credentials(tmp_path, monkeypatch):
    from orchestrator.compat.configuration import conf

    (tmp_path / "airflow.cfg").write_text("[core]\nfernet_key = s3cret\n[my]\nrate = 5%%\n")
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    assert conf.get("my", "rate") == "5%" and conf.get("core", "fernet_key") == ""


def test_a_file_that_makes_no_sense_is_told_with_its_line_and_not_its_words(tmp_path):
    (tmp_path / "airflow.cfg").write_text("[core]\nx = 1\ns3cret\n")
    with pytest.raises(ValueError, match="line 3 is wrong") as caught:
        airflow_cfg.apply({"AIRFLOW_HOME": str(tmp_path)})
    assert "s3cret" not in str(caught.value) and os.path.basename("airflow.cfg") in str(caught.value)
