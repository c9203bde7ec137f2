"""The plugins folder: what it brings to DAGs, to their versions, and to whoever asks what there is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from dags_app import plugins
from dags_app.models import Dag, DagVersion, PluginSource
from dags_app.versions import load_spec, place_of
from orchestrator.runtime import plugins as loading
from orchestrator.runtime.client import ForkServer
from tests.dags_app.conftest import project  # noqa: F401  # a fixture

GOOD = """
from airflow.plugins_manager import AirflowPlugin
from airflow.task.priority_strategy import PriorityWeightStrategy

def shout(text):
    return text.upper() + "!"

class Sinking(PriorityWeightStrategy):
    def get_weight(self, ti):
        return max(10 - ti.try_number, 1)

class Ours(AirflowPlugin):
    name = "ours"
    macros = [shout]
    priority_weight_strategies = [Sinking]
    flask_blueprints = []
"""


@pytest.fixture
def folder(tmp_path_factory, monkeypatch) -> Path:
    made = tmp_path_factory.mktemp("plugins")
    monkeypatch.setattr(settings.ORCH, "plugins_folder", made)
    return made


def change(path: Path, text: str) -> None:
    """Write a file so that its time differs, however coarse the clock of the file system is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(path.stat().st_mtime_ns + 10**9, path.stat().st_mtime_ns + 10**9))


def resync(project) -> None:  # noqa: F811
    project.processor._plugins_at = 0.0
    project.sync()


def test_what_plugins_bring_is_listed_with_what_is_wrong(project, folder):  # noqa: F811
    change(folder / "ours.py", GOOD)
    change(folder / "sub" / "broken.py", "# an AirflowPlugin\nimport nothing_such\n")
    change(folder / "nameless.py", "from airflow.plugins_manager import AirflowPlugin\nclass P(AirflowPlugin): pass\n")
    change(folder / "exits.py", "# Plugin\nraise SystemExit(3)\n")
    change(folder / "helper.py", "raise RuntimeError('nobody imports me')\n")
    project.sync()
    good = PluginSource.objects.get(error="")
    assert (good.name, good.source, good.brings["macros"]) == ("ours", "ours.py", ["ours.shout"])
    assert good.brings["priority_weight_strategies"] == ["ours.Sinking"]
    errors = dict(PluginSource.objects.exclude(error="").values_list("source", "error"))
    assert errors.keys() == {"sub/broken.py", "nameless.py", "exits.py"}
    assert "nothing_such" in errors["sub/broken.py"] and "needs a name" in errors["nameless.py"]


def test_two_plugins_of_one_name_are_told_apart(project, folder):  # noqa: F811
    change(folder / "a.py", GOOD)
    change(folder / "b.py", GOOD)
    project.sync()
    assert "'ours' is there already, from a.py" in PluginSource.objects.exclude(error="").get().error


def test_plugins_are_part_of_every_version_and_lie_beside_its_file(project, folder):  # noqa: F811
    change(folder / "ours.py", GOOD)
    change(folder / "lib" / "data.json", "{}")
    project.write_dag("d", body="from ours import shout")
    project.sync()
    assert project.errors() == []
    version = DagVersion.objects.get()
    assert {"__plugins__/ours.py", "__plugins__/lib/data.json"} <= version.tree.manifest.keys()
    root, _ = place_of(version.pk)
    assert (Path(root) / "__plugins__" / "ours.py").read_text() == GOOD


def test_a_plugin_that_changes_makes_a_version_of_every_dag_and_only_then(project, folder):  # noqa: F811
    change(folder / "ours.py", GOOD)
    project.write_dag("a")
    project.write_dag("b")
    project.sync()
    resync(project)
    assert DagVersion.objects.count() == 2
    change(folder / "ours.py", GOOD.replace('"!"', '"?"'))
    resync(project)
    assert Dag.objects.get(pk="a").version.version_number == Dag.objects.get(pk="b").version.version_number == 2


def test_without_a_folder_nothing_is_added(project, monkeypatch):  # noqa: F811
    monkeypatch.setattr(settings.ORCH, "plugins_folder", Path("/nowhere/at/all"))
    project.write_dag("d")
    project.sync()
    assert PluginSource.objects.count() == 0 and list(DagVersion.objects.get().tree.manifest) == ["d.py"]


def test_a_folder_that_is_too_large_is_told_and_left_out(project, folder, monkeypatch):  # noqa: F811
    monkeypatch.setattr(plugins, "LARGEST", 1000)
    change(folder / "big.bin", "x" * 600)
    change(folder / "big2.bin", "x" * 600)
    project.write_dag("d")
    project.sync()
    assert "more than 1000 bytes" in PluginSource.objects.get().error
    assert list(DagVersion.objects.get().tree.manifest) == ["d.py"]


def test_a_weight_rule_of_a_plugin_is_worked_out_while_parsing(project, folder):  # noqa: F811
    change(folder / "ours.py", GOOD)
    body = "from ours import Sinking"
    text = project.write_dag("d", body=body).read_text()
    project.write("d.py", text.replace("task_id='t'", "task_id='t', retries=3, weight_rule=Sinking()"))
    project.write_dag("e")
    text = (project.root / "e.py").read_text()
    project.write("e.py", text.replace("task_id='t'", "task_id='t', weight_rule='ours.Sinking'"))
    project.sync()
    assert project.errors() == []
    task = load_spec(Dag.objects.get(pk="d").version_id).tasks["t"]
    assert (task.effective_weight, task.try_weights, task.weight_rule) == (9, (9, 8, 7, 6), "ours.Sinking")
    assert load_spec(Dag.objects.get(pk="e").version_id).tasks["t"].effective_weight == 9


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("'no.such.Rule'", "or a strategy's dotted name"),
        ("5", "or a strategy, not 5"),
        ("type('R', (), {'get_weight': lambda self, ti: 'x'})()", "answered 'x', no whole number"),
        ("type('R', (), {'get_weight': lambda self, ti: 1 / 0})()", "failed for try 1: ZeroDivisionError"),
    ],
)
def test_a_rule_that_cannot_be_used_is_an_import_error(project, folder, rule, message):  # noqa: F811
    text = project.write_dag("d").read_text()
    project.write("d.py", text.replace("task_id='t'", f"task_id='t', weight_rule={rule}"))
    project.sync()
    assert message in project.error("d.py").message


def test_entry_points_of_installed_packages_are_plugins_too(tmp_path, monkeypatch):
    package = tmp_path / "site" / "thing-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "entry_points.txt").write_text(
        "[console_scripts]\nx = y:z\n\n[airflow.plugins]\nthing = thing_plugin:Thing\n"
    )
    (tmp_path / "site" / "thing_plugin.py").write_text(GOOD.replace("class Ours", "class Thing"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    server = ForkServer()
    try:
        found = server.parse("/", "", timeout=20, memory_bytes=1 << 30).plugins
    finally:
        server.close()
    assert [(each["name"], each["source"]) for each in found] == [("ours", "thing = thing_plugin:Thing")]


def test_hidden_files_are_none_of_the_folders(tmp_path):
    for name in (".git/x.py", "__pycache__/x.pyc", ".hidden.py", "a/b.py", "c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert list(loading.files_of(str(tmp_path))) == ["c.py", "a/b.py"]


@pytest.mark.django_db
def test_info_names_the_folders_and_the_plugins(capsys, folder, django_db_blocker):
    PluginSource.objects.create(
        name="ours", source="ours.py", brings={"macros": ["a", "b"]}, loaded_at="2026-01-01T00:00Z"
    )
    call_command("info")
    found = capsys.readouterr().out
    assert str(folder) in found and "2 macros" in found
