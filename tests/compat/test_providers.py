"""Provider packages: what they say of themselves, what they find here, and what is said where one is missing."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from orchestrator import provider_install
from orchestrator.compat import stand_in
from orchestrator.compat.importer import installed_airflow, provider_of
from orchestrator.compat.old_providers import GONE, moved
from orchestrator.providers import installed
from tests.support import acme

ROOT = Path(__file__).parents[2]


def python(code: str, folder: Path, **environment: str) -> str:
    """What a fresh interpreter prints that has ``folder`` on its path and answers to Airflow's names."""
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); from orchestrator import compat; compat.install()\n{code}"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, env=environment or None
    )
    return found.stdout + found.stderr


def test_what_a_package_says_is_read_without_importing_it(tmp_path: Path):
    said = python(
        "from orchestrator.sdk import provider_info\n"
        "print(provider_info.hooks()['rocket'][0]['version'], provider_info.decorators()['launch'])\n"
        "print([each for each in sys.modules if each.startswith('airflow.')])",
        acme.lay(tmp_path),
    )
    assert said == "1.2.3 airflow.providers.acme.decorators.launch.launch_task\n[]\n"


def test_a_connection_has_the_hook_of_its_type(tmp_path: Path):
    said = python(
        "from airflow.sdk import BaseHook\nprint(BaseHook.get_hook('r', hook_params={'stage': 2}).test_connection())",
        acme.lay(tmp_path),
        AIRFLOW_CONN_R='{"conn_type": "rocket", "host": "pad39a"}',
    )
    assert said == "(True, 'stage 2 on pad39a')\n"


def test_a_connection_without_a_hook_says_which_package_to_install(tmp_path: Path):
    said = python(
        "from airflow.sdk import BaseHook\nBaseHook.get_hook('k')", tmp_path, AIRFLOW_CONN_K='{"conn_type": "kafka"}'
    )
    assert "manage.py providers install apache-kafka" in said


def test_a_package_brings_decorators(tmp_path: Path):
    said = python(
        "from airflow.sdk import DAG, task\n"
        "with DAG('d') as dag:\n"
        "    @task.launch(pad='b')\n"
        "    def go(crew, ds): return crew, ds\n"
        "    go(3)\n"
        "print(dag.get_task('go').execute({'ds': '2026-01-01'}))",
        acme.lay(tmp_path),
    )
    assert said == "('b', (3, '2026-01-01'))\n"


def test_what_a_package_declares_of_its_settings_is_their_default(tmp_path: Path):
    code = "from airflow.configuration import conf\nprint(conf.getint('acme', 'countdown', fallback=1))"
    assert python(code, acme.lay(tmp_path)) == "10\n"
    assert python(code, tmp_path, AIRFLOW__ACME__COUNTDOWN="3") == "3\n"


def test_an_unknown_decorator_of_a_package_says_which_to_install(tmp_path: Path):
    assert "manage.py providers install docker" in python("from airflow.sdk import task\ntask.docker", tmp_path)


@pytest.mark.parametrize(
    ("statement", "command"),
    [
        ("from airflow.providers.postgres.hooks.postgres import PostgresHook", "postgres"),
        ("from airflow.providers.microsoft.azure.hooks.wasb import WasbHook", "microsoft-azure"),
        ("from airflow.providers.apache.kafka.operators.consume import C", "apache-kafka"),
        ("from airflow.contrib.hooks.aws_hook import AwsHook", "amazon"),
        ("from airflow.hooks.postgres_hook import PostgresHook", "postgres"),
        ("from airflow.operators.postgres_operator import PostgresOperator", "common-sql postgres"),
        ("from airflow.providers.postgres.operators.postgres import PostgresOperator", "common-sql postgres"),
        ("from airflow.contrib.operators.snowflake_operator import SnowflakeOperator", "common-sql snowflake"),
        ("from airflow.contrib.operators.bigquery_operator import BigQueryOperator", "google"),
    ],
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(statement: str, command: str, tmp_path: Path):
    if len(installed()) > 1:
        pytest.skip("provider packages are installed here")
    said = python(statement, tmp_path)
    assert said.rstrip().endswith(f"manage.py providers install {command}"), said


def test_a_module_that_an_installed_package_lacks_is_no_missing_package(tmp_path: Path):
    said = python("import airflow.providers.acme.hooks.balloon", acme.lay(tmp_path))
    assert "apache-airflow-providers-acme 1.2.3, which is installed, has none of that name" in said


def test_names_that_a_module_had_once_are_added_to_the_installed_one(tmp_path: Path):
    http = acme.lay(tmp_path) / "airflow" / "providers" / "http" / "operators"
    http.mkdir(parents=True)
    (http / "http.py").write_text("class HttpOperator: pass\n")
    said = python(
        "from airflow.providers.http.operators.http import SimpleHttpOperator as old, HttpOperator\n"
        "print(old is HttpOperator)\nfrom airflow.providers.http.operators.http import Nothing",
        tmp_path,
    )
    assert said.startswith("True\n") and "cannot import name 'Nothing'" in said


def test_no_old_module_leads_to_an_old_module():
    assert not {each.modern for each in moved().values()} & moved().keys()
    assert not GONE.keys() & moved().keys()


@pytest.mark.parametrize(
    ("module", "package"),
    [("airflow.providers.http.hooks.http", "http"), ("airflow.providers.cncf.kubernetes.secret", "cncf-kubernetes")],
)
def test_a_module_belongs_to_a_package(module: str, package: str):
    assert provider_of(module) == package


def test_the_stand_in_is_a_package_without_code(tmp_path: Path):
    wheel = stand_in.make(tmp_path)
    with zipfile.ZipFile(wheel) as found:
        assert all(".dist-info/" in each for each in found.namelist())
        found.extractall(tmp_path)
    assert installed_airflow([str(tmp_path)]) is None
    pip = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--target", str(tmp_path / "there")]
    done = subprocess.run([*pip, str(wheel)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ("http", "apache-airflow-providers-http"),
        ("cncf.kubernetes==10.25.0", "apache-airflow-providers-cncf-kubernetes==10.25.0"),
        ("amazon[s3fs]", "apache-airflow-providers-amazon[s3fs]"),
        ("apache-airflow-providers-ftp>=3", "apache-airflow-providers-ftp>=3"),
    ],
)
def test_a_wish_is_a_requirement(wish: str, told: str):
    assert provider_install.requirement(wish) == told


@pytest.mark.parametrize(
    ("modules", "path", "line"),
    [
        ({"uv", "pip"}, None, [sys.executable, "-m", "uv", "pip", "install", "--compile-bytecode"]),
        ({"pip"}, "/bin/uv", ["/bin/uv", "pip", "install", "--compile-bytecode"]),
        ({"pip"}, None, [sys.executable, "-m", "pip", "install"]),
    ],
)
def test_uv_comes_first_where_there_is_one_and_compiles(
    monkeypatch, modules: set[str], path: str | None, line: list[str]
):
    monkeypatch.setattr(provider_install.importlib.util, "find_spec", lambda name: name in modules or None)
    monkeypatch.setattr(provider_install.shutil, "which", lambda name: path)
    assert provider_install.installer()[: len(line)] == line


@pytest.mark.parametrize("wish", ["", "a b", "--index-url=x", "apache-airflow==3.3.2", "apache_airflow_core", "../x"])
def test_what_is_no_provider_is_refused(wish: str):
    with pytest.raises(provider_install.InstallError):
        provider_install.requirement(wish)
