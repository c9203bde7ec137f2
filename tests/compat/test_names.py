"""Airflow's import paths."""

from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from orchestrator import compat
from orchestrator.compat.importer import Finder
from orchestrator.compat.names import MODULES, REFUSED

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def installed():
    compat.install()


@pytest.mark.parametrize("name", MODULES)
def test_every_module_of_the_table_imports_with_all_its_names(name: str):
    module = importlib.import_module(name)
    for each in MODULES[name]:
        assert getattr(module, each) is not None or each in {"Context", "NEW_SESSION"}
        assert each in dir(module)


@pytest.mark.parametrize(
    "path",
    [
        "airflow.operators.python_operator",
        "airflow.operators.python",
        "airflow.providers.standard.operators.python",
    ],
)
def test_one_class_answers_under_every_path_it_ever_had(path: str):
    from orchestrator.operators.python import PythonOperator

    assert importlib.import_module(path).PythonOperator is PythonOperator


def test_attributes_reach_submodules_after_a_bare_import():
    import airflow

    assert airflow.utils.dates.days_ago(1).tzinfo is not None
    assert airflow.DAG is airflow.models.DAG


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("from airflow.settings import engine", "no way to the database"),
        ("from airflow.executors.local_executor import LocalExecutor", "no executors"),
        ("from airflow.jobs.base_job import BaseJob", "Airflow's own server"),
        ("from airflow.providers.postgres.hooks.postgres import PostgresHook", "apache-airflow-providers-postgres"),
        ("import airflow.api.common.trigger_dag", "TriggerDagRunOperator"),
        ("import airflow.nothing_like_that", "airflow-names.md"),
        ("from airflow.sdk import nothing_like_that", "nothing_like_that"),
    ],
)
def test_what_is_not_there_says_why(statement: str, words: str):
    with pytest.raises(ImportError, match=words):
        exec(statement, {})


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_name_gives_a_reason_and_is_in_no_table(name: str):
    assert len(REFUSED[name]) > 20
    module, _, attribute = name.rpartition(".")
    assert name not in MODULES and attribute not in MODULES.get(module, {})


def test_importing_everything_public_brings_the_table():
    space: dict[str, object] = {}
    exec("from airflow.sdk import *", space)
    assert {"DAG", "task", "Param", "TriggerRule", "Asset"} <= space.keys()


def test_it_refuses_to_load_beside_a_real_airflow(tmp_path: Path):
    info = tmp_path / "apache_airflow_core-3.3.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: apache-airflow-core\nVersion: 3.3.2\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from orchestrator import compat; compat.install()"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert "apache-airflow-core 3.3.2 is installed here" in found.stderr


def test_a_module_that_is_named_like_a_name_of_its_package_does_not_take_its_place():
    """Whoever imports the module first, as a plugin may, leaves the decorator to the files that come after it."""
    code = (
        "from orchestrator import compat; compat.install(); import airflow.decorators.task_group;"
        "from airflow.decorators import task_group; from airflow.sdk.definitions.decorators.task_group import task_group as other;"
        "print(callable(task_group), task_group is other, airflow.decorators.task_group is task_group)"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.stdout == "True True True\n", found.stderr


def test_a_second_install_changes_nothing():
    before = list(sys.meta_path)
    compat.install()
    assert sys.meta_path == before
    assert sum(isinstance(each, Finder) for each in sys.meta_path) == 1


def test_provider_packages_share_the_top_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "airflow" / "providers" / "acme" / "hooks"
    folder.mkdir(parents=True)
    (folder / "rocket.py").write_text("from airflow.hooks.base import BaseHook\nclass RocketHook(BaseHook): pass\n")
    (folder / "__init__.py").write_text("")
    (folder.parent / "__init__.py").write_text("")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from orchestrator import compat; compat.install();"
        "from airflow.providers.acme.hooks.rocket import RocketHook; print(RocketHook.__mro__[1].__module__)"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.stdout == "orchestrator.sdk.connections\n", found.stderr


OLD_STYLE = """
import airflow
from datetime import timedelta
from airflow import DAG
from airflow.models import Variable
from airflow.operators.dummy_operator import DummyOperator
from airflow.operators.python_operator import PythonOperator, BranchPythonOperator
from airflow.operators.bash_operator import BashOperator
from airflow.utils.dates import days_ago

default_args = {
    "owner": "airflow", "depends_on_past": False, "start_date": days_ago(2), "email": ["me@example.org"],
    "email_on_failure": False, "email_on_retry": False, "retries": 1, "retry_delay": timedelta(minutes=5),
    "max_active_runs": 3, "something_of_theirs": 1, "provide_context": True,
}
dag = DAG("old", default_args=default_args, schedule_interval="@daily", concurrency=4, default_view="graph")

def work(**context):
    return context["ds"]

start = DummyOperator(task_id="start", dag=dag)
python = PythonOperator(task_id="python", python_callable=work, provide_context=True, dag=dag)
bash = BashOperator(task_id="bash", bash_command="date", dag=dag)
start >> [python, bash]
"""


def test_a_file_in_the_style_of_airflow_1_defines_its_dag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from orchestrator.runtime.loader import load

    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "old_style.py").write_text(OLD_STYLE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spec = load(str(tmp_path), "old_style.py")["old"].to_spec()
    assert set(spec.tasks) == {"start", "python", "bash"}
    assert spec.max_active_tasks == 4 and spec.timetable["expression"] == "@daily"
    assert spec.tasks["python"].retries == 1 and spec.tasks["python"].email == ("me@example.org",)
    assert not spec.tasks["python"].email_on_failure


def names_of_airflow() -> dict[str, list[str]]:
    """Era -> the names it has."""
    lines = (Path(__file__).parent / "data" / "names.txt").read_text().splitlines()
    found: dict[str, list[str]] = {"1": [], "2": [], "3": []}
    for name, eras in (line.split() for line in lines if not line.startswith("#")):
        for era in eras:
            found[era].append(name)
    return found


def says(name: str) -> str | None:
    """What importing a name and then asking for it by attributes says; None: it is there, both ways."""
    import airflow

    module, _, attribute = name.rpartition(".")
    try:
        exec(f"from {module} import {attribute}", {})
    except ImportError as error:
        return str(error)
    found = airflow
    for part in name.split(".")[1:]:
        found = getattr(found, part)
        if found is importlib.import_module("airflow.decorators").task_group:
            break  # there as in Airflow the decorator stands in the place of the module of its name
    return None


@pytest.mark.parametrize("era", ["1", "2", "3"])
def test_every_name_that_dag_files_of_an_era_import_is_there(era: str):
    names = names_of_airflow()[era]
    assert len(names) > 190
    assert {name: said for name in names if (said := says(name)) is not None} == {}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_what_to_use_in_one_line(name: str):
    said = says(name)
    assert said is not None and REFUSED[name] in said and "\n" not in said
    assert any(word in said for word in ("use ", "raise ", "give it")), said
