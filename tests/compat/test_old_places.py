"""Where Airflow 1 had things that are elsewhere today: services' modules, and what plugins bring."""

from __future__ import annotations

import importlib
import sys
import sysconfig
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

from orchestrator import compat
from orchestrator.compat.old_providers import moved
from orchestrator.runtime.loader import add_paths
from orchestrator.sdk import plugins
from orchestrator.sdk.operator import BaseOperator
from orchestrator.sdk.plugins import AirflowPlugin

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def installed():
    compat.install()


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("contrib.operators.gcp_compute_operator", "GceInstanceStartOperator", "ComputeEngineStartInstanceOperator"),
        ("contrib.operators.gcp_vision_operator", "CloudVisionProductGetOperator", "CloudVisionGetProductOperator"),
        ("contrib.operators.gcs_to_s3", "GoogleCloudStorageToS3Operator", "GCSToS3Operator"),
        ("operators.papermill_operator", "PapermillOperator", "PapermillOperator"),
    ],
)
def test_the_rarer_modules_of_airflow_1_are_in_the_table(module: str, old: str, new: str):
    entry = moved()[f"airflow.{module}"]
    assert entry.modern.startswith("airflow.providers.") and entry.renamed.get(old, old) == new


def test_each_of_them_says_which_package_it_needs():
    with pytest.raises(ImportError, match="providers install dingding"):
        from airflow.contrib.operators.dingding_operator import DingdingOperator  # noqa: F401


class HelloOperator(BaseOperator):
    def execute(self, context):
        return "hello"


class HelloSensor(BaseOperator):
    pass


class Hello(AirflowPlugin):
    name = "hello_plugin"
    operators = [HelloOperator]
    sensors = [HelloSensor]


@pytest.fixture
def hello(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plugins, "active", [Hello])
    yield
    for name in [each for each in sys.modules if each.endswith(".hello_plugin")]:
        del sys.modules[name]
        package, _, last = name.rpartition(".")
        vars(sys.modules[package]).pop(last, None)


@pytest.mark.parametrize(
    ("module", "name", "found"),
    [
        ("airflow.operators.hello_plugin", "HelloOperator", HelloOperator),
        ("airflow.operators.hello_plugin", "HelloSensor", HelloSensor),
        ("airflow.sensors.hello_plugin", "HelloSensor", HelloSensor),
        ("airflow.operators", "HelloOperator", HelloOperator),
    ],
)
def test_what_a_plugin_brings_is_where_airflow_1_had_it(hello: None, module: str, name: str, found: object):
    assert getattr(importlib.import_module(module), name) is found


@pytest.mark.parametrize("module", ["airflow.hooks.hello_plugin", "airflow.operators.other_plugin"])
def test_what_no_plugin_brings_is_not_there(hello: None, module: str):
    with pytest.raises(ModuleNotFoundError, match=module):
        importlib.import_module(module)


def test_a_folder_of_dags_takes_no_module_of_pythons_own_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    for name in ("plistlib", "tests"):  # one of Python's own, and one that is beside the server's code, too
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("MINE = True\n")
    add_paths(str(tmp_path), "d.py")
    assert PathFinder.find_spec("plistlib").origin == sysconfig.get_path("stdlib") + "/plistlib.py"
    assert PathFinder.find_spec("tests").origin == str(tmp_path / "tests" / "__init__.py")
