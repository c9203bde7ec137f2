"""The folders that versions are laid out in: there when they are needed, and not for ever."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from dags_app import versions
from dags_app.versions import clear_old, place_of
from orchestrator.core.states import RunState
from runs_app import control
from tests.support import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(tmp_path, settings):
    before, settings.ORCH.home = settings.ORCH.home, tmp_path
    versions.known_place.cache_clear()
    yield tmp_path
    settings.ORCH.home = before
    versions.known_place.cache_clear()


def lay_out(source: str) -> Path:
    """Make a DAG of one version and return the folder of its files, not used for eight days."""
    dag = factories.make_dag(source=source)
    folder = Path(place_of(dag.version_id)[0])
    age(folder, days=8)
    return folder


def age(path: Path, *, days: float = 0, hours: float = 0) -> None:
    then = time.time() - days * 86400 - hours * 3600
    os.utime(path, (then, then))


def test_a_folder_that_went_is_laid_out_again():
    dag = factories.make_dag(source="# one\n")
    folder, file = place_of(dag.version_id)
    shutil.rmtree(folder)
    assert place_of(dag.version_id) == (folder, file)
    assert (Path(folder) / file).read_text() == "# one\n"


def test_only_what_nobody_used_for_a_week_is_deleted():
    used, unused = lay_out("# used\n"), lay_out("# unused\n")
    age(used, days=6)
    assert clear_old(list) == 1
    assert used.is_dir() and not unused.exists()
    assert not list(unused.parent.glob(".old-*"))


def test_using_a_version_keeps_its_folder():
    dag = factories.make_dag(source="# again\n")
    folder = Path(place_of(dag.version_id)[0])
    age(folder, days=8)
    place_of(dag.version_id)
    assert clear_old(list) == 0 and folder.is_dir()


def test_the_versions_of_unfinished_runs_stay():
    folders = {}
    for state in (RunState.QUEUED, RunState.RUNNING, RunState.SUCCESS):
        dag = factories.make_dag(source=f"# {state}\n")
        factories.make_run(dag, state=state)
        folders[state] = Path(place_of(dag.version_id)[0])
        age(folders[state], days=30)
    assert control.clear_versions() == 1
    assert [state for state, folder in folders.items() if folder.is_dir()] == [RunState.QUEUED, RunState.RUNNING]


def test_what_a_process_left_half_done_goes_too(home):
    lay_out("# any\n")
    for name in (".fresh-abc", ".old-def"):
        (home / "versions" / name).mkdir()
        (home / "versions" / name / "file").touch()
        age(home / "versions" / name, days=8)
    assert clear_old(list) == 3
    assert [each.name for each in (home / "versions").iterdir()] == [".cleared"]


def test_it_is_done_at_most_once_an_hour(home):
    assert clear_old(list) == 0  # nothing there yet
    lay_out("# one\n")
    assert clear_old(list) == 1
    lay_out("# two\n")
    assert clear_old(list) == 0
    age(home / "versions" / ".cleared", hours=1.1)
    assert clear_old(list) == 1
