"""An environment per bundle: two teams' packages do not clash, and what cannot be installed takes nothing away."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from dags_app import environments
from dags_app.environments import BuildError, Wanted, wanted_by
from dags_app.models import Bundle, Dag, DagImportError
from dags_app.versions import place_of
from orchestrator.compat import stand_in
from runs_app import actions
from runs_app.models import DagRun, TaskInstance, XCom
from tests.dags_app.conftest import fresh_versions  # noqa: F401
from tests.dags_app.test_bundles import bundles  # noqa: F401
from tests.runs_app.test_worker import slot  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)

DAG = (
    "import flavour\nfrom airflow.sdk import DAG, task\n"
    "with DAG({dag_id!r}, tags=[flavour.VERSION]) as dag:\n"
    "    @task\n"
    "    def say():\n"
    "        import subprocess, sys\n"
    "        shell = subprocess.run(['python', '-c', 'import flavour; print(flavour.VERSION)'], capture_output=True)\n"
    "        return [flavour.VERSION, sys.prefix, shell.stdout.decode().strip()]\n"
    "    say()\n"
)


def wheel(folder: Path, version: str, requires: str = "", name: str = "flavour") -> None:
    """A package of one module, as an installer takes it."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as made:
        made.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        made.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}")
        made.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        made.writestr(f"{info}/RECORD", "")


@pytest.fixture
def team(tmp_path: Path, monkeypatch: Any) -> Any:
    """Makes the folder of a bundle with one DAG and what it requires."""
    monkeypatch.setenv("ORCHESTRATOR_BUNDLE_ENVIRONMENTS", "*")
    wheels = tmp_path / "wheels"
    for version in ("1.0", "2.0"):
        # As every provider does; it must not bring Airflow along.
        wheel(wheels, version, "Requires-Dist: apache-airflow>=2.11\n")

    def make(name: str, requirement: str) -> dict[str, str]:
        place = tmp_path / name
        place.mkdir(exist_ok=True)
        (place / f"{name}.py").write_text(DAG.format(dag_id=name))
        (place / "requirements.txt").write_text(f"--no-index\n--find-links {wheels}\n{requirement}\n")
        return {"path": str(place)}

    return make


def trigger(dag_id: str) -> DagRun:
    Dag.objects.filter(pk=dag_id).update(is_paused=False)
    return actions.trigger_dag(dag_id)


def result_of(run: DagRun) -> Any:
    return XCom.objects.get(task_instance__run=run, key="return_value").value


def test_two_bundles_pin_different_versions_and_run_on_one_worker(team, bundles, slot):  # noqa: F811
    keeper = bundles(one=team("one", "flavour==1.0"), two=team("two", "flavour==2.0"))
    keeper.settle(limit=120)
    assert not DagImportError.objects.exists()
    tags = {dag.pk: [tag.name for tag in dag.tags.all()] for dag in Dag.objects.prefetch_related("tags")}
    assert tags == {"one": ["1.0"], "two": ["2.0"]}

    runs = [trigger(name) for name in ("one", "two")]
    slot.drain()

    assert list(TaskInstance.objects.values_list("state", flat=True)) == ["success"] * 2
    told = [result_of(run) for run in runs]
    assert [(inside, shell) for inside, _, shell in told] == [("1.0", "1.0"), ("2.0", "2.0")]
    assert told[0][1] != told[1][1]
    assert {row.environment_state for row in Bundle.objects.all()} == {"ready"}


def test_a_build_that_fails_keeps_the_last_good_one_and_runs_keep_theirs(team, bundles, slot):  # noqa: F811
    keeper = bundles(one=team("one", "flavour==1.0"))
    keeper.settle(limit=120)
    good = Bundle.objects.get().environment_digest
    old = trigger("one")

    team("one", "flavour==9.9")
    keeper.settle(limit=120)

    row, error = Bundle.objects.get(), DagImportError.objects.get()
    assert (row.environment_state, row.environment_digest) == ("failed", good)
    assert error.file.relative_path == "requirements.txt" and "9.9" in error.message
    assert "the last good one is in use" in error.message and "No matching distribution" in row.environment_log
    assert not Dag.objects.get().is_stale

    team("one", "flavour==2.0")
    keeper.settle(limit=120)
    assert not DagImportError.objects.exists() and Bundle.objects.get().environment_state == "ready"
    new = trigger("one")
    slot.drain()
    assert (result_of(old)[0], result_of(new)[0]) == ("1.0", "2.0")


def test_a_machine_that_has_no_environment_of_a_version_makes_it(team, bundles, slot):  # noqa: F811
    import shutil

    keeper = bundles(one=team("one", "flavour==1.0"))
    keeper.settle(limit=120)
    shutil.rmtree(environments.folder_of(Bundle.objects.get().environment_digest))
    run = trigger("one")
    slot.drain()
    assert result_of(run)[0] == "1.0"
    root, _ = place_of(Dag.objects.get().version_id)
    assert environments.python_of(root) and environments.is_apart(root)


def test_without_any_environment_nothing_is_parsed_and_the_file_says_why(team, bundles):  # noqa: F811
    bundles(one=team("one", "flavour==9.9")).settle(limit=120)
    error = DagImportError.objects.get()
    assert error.file.relative_path == "requirements.txt" and "the environment cannot be made" in error.message
    assert not Dag.objects.exists() and Bundle.objects.get().environment_digest == ""


@pytest.mark.parametrize("there", [True, False])
def test_what_airflow_would_have_brought_comes_along_where_it_can_be_had(tmp_path, settings, monkeypatch, there):
    monkeypatch.setattr(stand_in, "BROUGHT_ALONG", ("brought>=1",))
    monkeypatch.setattr(settings.ORCH, "home", str(tmp_path / "home"))
    wheels = tmp_path / "wheels"
    wheel(wheels, "1.0", "Requires-Dist: apache-airflow>=2.11\n")
    wheel(wheels, "2.0")
    if there:
        wheel(wheels, "1.5", name="brought")
    said: list[str] = []

    def made(version: str) -> list[str]:
        python = environments.build(Wanted(f"--no-index\n--find-links {wheels}\nflavour=={version}\n"), said.append)
        folder = Path(python).parents[1]
        return sorted(each.name for each in folder.glob("lib/python*/site-packages/*.dist-info"))

    assert made("1.0") == [*(["brought-1.5.dist-info"] if there else []), "flavour-1.0.dist-info"]
    assert ("brought>=1 along, which is not there" in said[-1]) != there
    assert made("2.0") == ["flavour-2.0.dist-info"]  # it did not ask for Airflow


# ---- what a bundle asks for


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"requirements.txt": "a==1  # why\n\n# no\nb\n"}, Wanted("a==1\nb\n")),
        ({"requirements.txt": "apache-airflow[http]==2.9.1\napache_airflow\napache-airflow-providers-http\n"},
         Wanted("apache-airflow-providers-http\n")),
        ({"requirements.txt": "-r more/x.txt\n-c c.txt\n", "more/x.txt": "a\n-r y.txt\n", "more/y.txt": "b\n",
          "c.txt": "b<2\n"}, Wanted("a\nb\n", "b<2\n")),
        ({"pyproject.toml": "[project]\nname = 'x'\ndependencies = ['a>1', 'apache-airflow>=2']\n"}, Wanted("a>1\n")),
        ({"pyproject.toml": "[tool.x]\n", "dags/requirements.txt": "a\n"}, Wanted("a\n")),
    ],
)  # fmt: skip
def test_what_a_bundle_asks_for_is_read(tmp_path, files, wanted):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = wanted_by(str(tmp_path), "auto")
    assert found is not None and found[0] == wanted


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("requirements.txt", "-e .\n", "imported from its folder instead"),
        ("requirements.txt", "-r ../x.txt\n", "only files of the bundle"),
        ("requirements.txt", "-r requirements.txt\n", "includes itself"),
        ("requirements.txt", "-r none.txt\n", "cannot be read"),
        ("pyproject.toml", "[", "cannot be read"),
    ],
)
def test_what_cannot_be_made_everywhere_is_refused(tmp_path, name, text, says):
    (tmp_path / name).write_text(text)
    with pytest.raises(BuildError, match=says):
        wanted_by(str(tmp_path), "auto")


def test_an_environment_that_nobody_uses_goes_after_a_while(tmp_path, bundles, monkeypatch):  # noqa: F811
    bundles(one={"path": str(tmp_path)})
    monkeypatch.setattr(environments, "UNUSED_SECONDS", -1.0)
    for name in ("kept", "old"):
        environments.folder_of(name).mkdir(parents=True)
        (environments.folder_of(name) / environments.READY).touch()
    assert environments.clear_old({"kept"}) == 1
    assert environments.python_in("kept") and environments.python_in("old") is None
