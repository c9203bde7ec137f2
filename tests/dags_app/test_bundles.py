"""Several bundles: folders and git repositories side by side, each with its versions, its errors and its stale DAGs."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dags_app.bundles import git as git_module
from dags_app.bundles.config import LIST, BundleError, configured
from dags_app.keeper import Keeper
from dags_app.models import Bundle, Dag, DagImportError
from dags_app.versions import place_of

from .conftest import dag_text, live

pytestmark = pytest.mark.django_db(transaction=True)
LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"
GIT = "airflow.providers.git.bundles.git.GitDagBundle"


@pytest.fixture
def bundles(tmp_path, settings, monkeypatch) -> Iterator[Callable[..., Keeper]]:
    """Makes a keeper of the bundles {name: kwargs}; a ``repo_url`` makes it a git bundle."""
    before = settings.ORCH.home
    settings.ORCH.home = tmp_path / "home"
    made: list[Keeper] = []

    def make(**wanted: dict[str, Any]) -> Keeper:
        entries = [
            {"name": name, "classpath": GIT if "repo_url" in kwargs else LOCAL, "kwargs": kwargs}
            for name, kwargs in wanted.items()
        ]
        monkeypatch.setenv(LIST, json.dumps(entries))
        for each in made:
            each.close()
        made[:] = [Keeper(configured())]
        return made[0]

    yield make
    for each in made:
        each.close()
    settings.ORCH.home = before


class Repo:
    """A git repository that somebody pushes to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        line = ["git", "-c", "user.name=ada", "-c", "user.email=ada@example.org", *arguments]
        return subprocess.run(line, cwd=self.folder, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, **files: str) -> str:
        for name, text in files.items():
            path = self.folder / "dags" / f"{name}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "more")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def folder(tmp_path: Path, name: str, **files: str) -> dict[str, str]:
    place = tmp_path / name
    place.mkdir(exist_ok=True)
    for each, text in files.items():
        (place / f"{each}.py").write_text(text)
    return {"path": str(place)}


def test_files_of_one_name_in_two_folders_are_two_files(tmp_path, bundles):
    first, second = folder(tmp_path, "a", etl=dag_text("one")), folder(tmp_path, "b", etl=dag_text("two"))
    bundles(team_a=first, team_b=second).settle()
    assert dict(Dag.objects.values_list("pk", "file__bundle_name")) == {"one": "team_a", "two": "team_b"}
    assert {each.version.bundle_name for each in Dag.objects.select_related("version")} == {"team_a", "team_b"}


def test_one_dag_id_in_two_bundles_is_an_error_that_names_the_other_until_it_is_free(tmp_path, bundles):
    first, second = folder(tmp_path, "a", x=dag_text("same")), folder(tmp_path, "b")
    keeper = bundles(team_a=first, team_b=second)
    keeper.settle()
    folder(tmp_path, "b", y=dag_text("same"))
    keeper.settle()

    error = DagImportError.objects.get()

    assert error.file.bundle_name == "team_b"
    assert "'same' is defined in x.py of bundle team_a already" in error.message
    (tmp_path / "a" / "x.py").unlink()
    keeper.settle()
    assert Dag.objects.get().file.bundle_name == "team_b" and not DagImportError.objects.exists()


def test_a_bundle_that_is_removed_leaves_stale_dags_and_comes_back(tmp_path, bundles):
    first, second = folder(tmp_path, "a", x=dag_text("one")), folder(tmp_path, "b", y=dag_text("two"))
    bundles(team_a=first, team_b=second).settle()
    bundles(team_a=first).settle()
    assert live() == ["one"] and not Bundle.objects.get(pk="team_b").is_active
    bundles(team_a=first, team_b=second).settle()
    assert live() == ["one", "two"] and Bundle.objects.get(pk="team_b").is_active


def test_a_git_bundle_follows_its_branch_and_versions_know_their_commits(repo, bundles):
    first = repo.commit(etl=dag_text("etl"))
    keeper = bundles(repo={"repo_url": str(repo.folder), "tracking_ref": "main", "subdir": "dags"})
    keeper.settle()
    dag = Dag.objects.get()
    assert dag.version.bundle_version == first == Bundle.objects.get().version
    assert dag.file.relative_path == "etl.py"
    old = dag.version

    second = repo.commit(etl=dag_text("etl", arguments="tags=['new']"))
    keeper.places[0].ask()
    keeper.settle()

    dag.refresh_from_db()
    assert dag.version.bundle_version == second and dag.version.version_number == 2
    assert Bundle.objects.get().version == second
    old.refresh_from_db()  # a run that has it goes on with it
    assert old.bundle_version == first and "tags" not in (Path(place_of(old.pk)[0]) / "etl.py").read_text()


def test_a_fetch_that_fails_keeps_the_last_good_files_and_is_told(repo, bundles):
    commit = repo.commit(etl=dag_text("etl"))
    wanted = {"repo_url": str(repo.folder), "tracking_ref": "main", "subdir": "dags"}
    keeper = bundles(repo=wanted)
    keeper.settle()
    good = Bundle.objects.get().refreshed_at
    shutil.move(repo.folder, repo.folder.with_name("away"))
    keeper.places[0].ask()
    keeper.settle()

    row = Bundle.objects.get()

    assert row.error.startswith("git fetch failed:") and row.version == commit and row.refreshed_at == good
    assert row.tried_at > good and live() == ["etl"] and keeper.errors()
    bundles(repo=wanted).settle()  # a start without the remote begins with what is here
    assert live() == ["etl"] and Bundle.objects.get().error
    shutil.move(repo.folder.with_name("away"), repo.folder)
    bundles(repo=wanted).settle()
    assert not Bundle.objects.get().error


def test_a_tag_and_a_commit_stay_where_they_are(repo, bundles):
    first = repo.commit(etl=dag_text("etl"))
    repo.git("tag", "v1")
    repo.commit(later=dag_text("later"))
    for ref in ("v1", first):
        keeper = bundles(repo={"repo_url": repo.folder.as_uri(), "tracking_ref": ref, "subdir": "dags"})
        keeper.settle()
        assert live() == ["etl"] and Bundle.objects.get().version == first


@pytest.mark.parametrize(
    ("kwargs", "says"),
    [
        ({"tracking_ref": "nowhere"}, "nowhere"),
        ({"tracking_ref": "main", "subdir": "nowhere"}, "has no folder 'nowhere'"),
        ({"tracking_ref": "main", "git_conn_id": "none"}, "there is no connection 'none'"),
    ],
)
def test_what_cannot_be_checked_out_is_told_and_no_dag_goes(repo, bundles, kwargs, says):
    repo.commit(etl=dag_text("etl"))
    bundles(repo={"repo_url": str(repo.folder), "tracking_ref": "main", "subdir": "dags"}).settle()
    bundles(repo={"repo_url": str(repo.folder), **kwargs}).settle()
    assert says in Bundle.objects.get().error and "etl" in set(Dag.objects.values_list("pk", flat=True))


def test_a_password_is_in_no_error_and_no_argument(bundles, tmp_path, monkeypatch):
    from dags_app import secrets

    monkeypatch.delenv("FERNET_KEYS", raising=False)
    keeper = bundles(repo={"repo_url": "https://127.0.0.1:1/x.git", "tracking_ref": "main", "git_conn_id": "g"})
    secrets.set_connection("g", {"conn_type": "git", "login": "ada", "password": "t0p-s3cret"})
    seen: list[Any] = []
    real = subprocess.Popen

    def spy(line: Any, **kwargs: Any) -> Any:
        seen.append((line, kwargs.get("env", {})))
        return real(line, **kwargs)

    monkeypatch.setattr(git_module.subprocess, "Popen", spy)
    keeper.settle()
    lines = [line for line, _ in seen]
    assert any("fetch" in line for line in lines) and not any("t0p-s3cret" in str(line) for line in lines)
    assert any(env.get("GIT_SECRET") == "t0p-s3cret" for _, env in seen)
    row = Bundle.objects.get()
    assert row.error and "t0p-s3cret" not in row.error + json.dumps(row.facts)


def test_a_git_that_hangs_is_ended(tmp_path, bundles, monkeypatch):
    monkeypatch.setattr(git_module, "SECONDS", 0.3)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text(
        '#!/bin/sh\n[ "$7" = init ] && mkdir -p .git && touch .git/HEAD || sleep 60\n'
    )
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    bundles(repo={"repo_url": str(tmp_path), "tracking_ref": "main"}).settle(limit=20)
    assert Bundle.objects.get().error == "git fetch took longer than 0.3 s"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is no JSON"),
        ("[]", "at least one bundle"),
        ('[{"classpath": "x"}]', 'needs a "name"'),
        ('[{"name": "../x"}]', 'needs a "name"'),
        ('[{"name": "a", "classpath": "my.S3Bundle"}]', "my.S3Bundle is not known"),
        (json.dumps([{"name": "a", "classpath": LOCAL, "kwargs": {"paht": "x"}}]), "no argument 'paht'"),
        (json.dumps([{"name": "a", "classpath": LOCAL}] * 2), "two bundles named 'a'"),
        (json.dumps([{"name": "a", "classpath": GIT, "kwargs": {"repo_url": "x"}}]), "tracking_ref"),
        (json.dumps([{"name": "a", "classpath": GIT, "kwargs": {"tracking_ref": "x"}}]), "repo_url"),
        (
            json.dumps([{"name": "a", "classpath": GIT, "kwargs": {"tracking_ref": "--x", "repo_url": "y"}}]),
            "must not begin",
        ),
        (
            json.dumps(
                [{"name": "a", "classpath": GIT, "kwargs": {"tracking_ref": "x", "repo_url": "y", "subdir": ".."}}]
            ),
            "a folder of the repository",
        ),
    ],
)
def test_a_list_that_cannot_be_used_says_what_to_write(text, says):
    with pytest.raises(BundleError, match=says.replace("(", r"\(")):
        configured({LIST: text})
