"""What listeners hear outside of tasks: assets, import errors, parts that start and stop. In a child of the processor."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from dags_app import keeper, plugin_calls
from dags_app.models import Asset, PluginCall
from runs_app import asset_actions, components
from runs_app.processes import Lease
from tests.dags_app.conftest import Project, project
from tests.support import factories

assert project  # a fixture
LISTENER = """
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

def note(*words):
    with open(PATH, "a") as file:
        file.write(" ".join(map(str, words)) + "\\n")

class Listener:
    @hookimpl
    def on_asset_created(self, asset): note("created", asset.name, asset.uri, asset.extra)
    @hookimpl
    def on_asset_alias_created(self, asset_alias): note("alias", asset_alias.name)
    @hookimpl
    def on_asset_changed(self, asset): note("changed", asset.name)
    @hookimpl
    def on_asset_event_emitted(self, asset_event):
        e = asset_event
        note("event", e.asset.uri, e.source_dag_id, e.source_task_id, e.extra, e.partition_key, e.source_aliases)
    @hookimpl
    def on_new_dag_import_error(self, filename, stacktrace): note("new", filename, stacktrace.split()[-1])
    @hookimpl
    def on_existing_dag_import_error(self, filename, stacktrace): note("known", filename)
    @hookimpl
    def on_starting(self, component): note("starting", component.job_type)
    @hookimpl
    def before_stopping(self, component): note("stopping", component.job_type)

class Bad:
    @hookimpl
    def on_asset_changed(self): raise ValueError("of the listener")
    @hookimpl
    def on_asset_created(self): print("said aloud")

class P(AirflowPlugin):
    name = "listening"
    listeners = [Bad(), Listener()]
"""


class Heard:
    """The plugins folder, and what its listener wrote down."""

    def __init__(self, folder: Path, notes: Path) -> None:
        self.folder, self.path = folder, notes

    def listen(self, text: str = LISTENER) -> None:
        (self.folder / "listening.py").write_text(f"PATH = {str(self.path)!r}\n{text}")

    def lines(self, project: Project) -> list[str]:
        """Have all that waits served, and take what was noted since."""
        project.processor.desk.drain(30)
        text = self.path.read_text() if self.path.exists() else ""
        self.path.unlink(missing_ok=True)
        return text.splitlines()


@pytest.fixture
def heard(tmp_path_factory: Any, monkeypatch: Any, project: Project) -> Heard:
    folder = tmp_path_factory.mktemp("plugins")
    monkeypatch.setattr(settings.ORCH, "plugins_folder", folder)
    monkeypatch.setattr(settings.ORCH, "dags_folder", project.root)
    return Heard(folder, tmp_path_factory.mktemp("notes") / "notes")


def asset_of(name: str) -> Asset:
    return Asset.objects.get(name=name)


ASSETS = """
from airflow.sdk import Asset, AssetAlias
FILE = Asset("file", uri="s3://b/file", extra={"a": 1})
"""


def test_assets_are_heard_of_when_they_come_and_change(project: Project, heard: Heard):
    heard.listen()
    project.write_dag("a", arguments="schedule=[FILE, AssetAlias('later')]", body=ASSETS)
    project.sync()
    assert sorted(heard.lines(project)) == ["alias later", "created file s3://b/file {'a': 1}"]
    project.write_dag("b", arguments="schedule=FILE", body=ASSETS)
    project.sync()
    assert heard.lines(project) == []

    asset = asset_of("file")
    asset_actions.create_event(asset.pk, extra={"x": 1}, user=factories.make_user("op"))
    assert heard.lines(project) == [
        "changed file",
        "event s3://b/file None None {'x': 1, 'from_rest_api': True} None []",
    ]


def test_import_errors_are_heard_of_new_and_known(project: Project, heard: Heard):
    heard.listen()
    project.sync()
    project.write("bad.py", "# airflow dag\nimport nothing_such\n")
    project.sync()
    path = str(project.root / "bad.py")
    assert heard.lines(project) == [f"new {path} 'nothing_such'"]
    project.processor.queue["bad.py"] = 0.0
    project.sync()
    assert heard.lines(project) == [f"known {path}"]
    project.write_dag("bad")
    project.sync()
    assert heard.lines(project) == []


def test_parts_that_start_and_stop_are_heard_of_even_at_the_first_start(project: Project, heard: Heard):
    heard.listen()
    lease = Lease("triggerer")  # nobody has loaded the plugins yet
    project.sync()
    lease.stop()
    components.stops("processor")
    components.starts("control")  # a helper of the scheduler, no part of its own
    assert heard.lines(project) == ["starting TriggererJob", "stopping TriggererJob", "stopping DagProcessorJob"]


def test_what_a_listener_raises_or_prints_is_logged_and_changes_nothing(project: Project, heard: Heard, caplog: Any):
    heard.listen()
    project.write_dag("a", arguments="schedule=FILE", body=ASSETS)
    project.sync()
    asset_actions.create_event(asset_of("file").pk, user=factories.make_user("op"))
    with caplog.at_level(logging.INFO, logger="dags_app.plugin_calls"):
        assert len(heard.lines(project)) == 3
    assert "said aloud" in caplog.text and "of the listener" in caplog.text
    assert not PluginCall.objects.exists()


def test_what_nobody_listens_to_is_not_written_down(project: Project, heard: Heard):
    project.write_dag("a", arguments="schedule=FILE", body=ASSETS)
    project.write("bad.py", "# airflow dag\nimport nothing_such\n")
    project.sync()
    asset_actions.create_event(asset_of("file").pk, user=factories.make_user("op"))
    Lease("triggerer").stop()
    assert not PluginCall.objects.exists()


def test_a_listener_that_ends_its_process_keeps_the_others_from_nothing(project: Project, heard: Heard, caplog: Any):
    heard.listen(
        LISTENER.replace('note("starting", component.job_type)', 'component.pid == 1 and __import__("os")._exit(3)')
    )
    project.sync()
    now = timezone.now()
    plugin_calls.tell("before_stopping", [{"component": {"job_type": "first"}}], now)
    plugin_calls.tell("on_starting", [{"component": {"job_type": "deadly", "pid": 1}}], now)
    plugin_calls.tell("before_stopping", [{"component": {"job_type": "last"}}], now)
    assert [each for each in heard.lines(project) if "last" in each] == ["stopping last"]
    assert "plugin_call_given_up kind=on_starting" in caplog.text
    assert not PluginCall.objects.exists()


def test_the_processor_serves_them_beside_its_parses_and_before_it_goes(
    project: Project, heard: Heard, monkeypatch: Any
):
    heard.listen()
    looks = iter([False, True])
    keeper.run(lambda: next(looks), root=str(project.root), at_last=lambda: components.stops("processor"))
    assert heard.path.read_text() == "stopping DagProcessorJob\n"
