"""``manage.py compat``: what it says of a folder with files of all kinds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db(transaction=True)
DAG = "from airflow import DAG\n"
FILES = {
    "good.py": DAG + "dag = DAG('good', schedule=None)\n",
    "old.py": DAG
    + "from airflow.utils.session import provide_session\ndag = DAG('old', schedule_interval='@daily', sla_miss_callback=print)\n# {{ ds }}\n",
    "provider.py": "from airflow.providers.acme.operators.rocket import Rocket\n" + DAG,
    "package.py": "import no_such_package_here as n\n" + DAG,
    "inside.py": DAG + "def work():\n    import bs4_of_nobody\ndag = DAG('inside', schedule=None)\n",
    "variable.py": "from airflow.models import Variable\nVariable.get('not_there')\n" + DAG,
    "team/session.py": DAG + "from airflow.settings import engine\n",
    "team/broken.py": DAG + "dag = DAG('x'\n",
    "shared.py": "# for DAGs of airflow\nLIMIT = 3\n",
    "ends.py": "import os  # a dag of airflow\nos._exit(3)\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("mixed")
    for name, text in FILES.items():
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_text(text)
    return made


def ask(capsys: Any, *args: str) -> str:
    with pytest.raises(SystemExit) as ended:
        call_command("compat", *args)
    assert ended.value.code == 1
    return capsys.readouterr().out


def test_each_file_has_one_of_four_verdicts_and_a_reason(folder: Path, capsys: Any):
    found = json.loads(ask(capsys, str(folder), "--output", "json"))
    by_name = {each["file"]: each for each in found["files"]}
    assert "shared.py" not in by_name and by_name.keys() == FILES.keys() - {"shared.py"}
    assert by_name["good.py"]["status"] == "runs" and by_name["good.py"]["dags"] == ["good"]
    assert by_name["old.py"]["status"] == "runs with notes" and by_name["old.py"]["era"] == 2
    notes = [each["text"] for each in by_name["old.py"]["notes"]]
    assert len(notes) == 4 and any("sla_miss_callback has no effect" in each for each in notes)
    assert any("the task that opens one fails" in each for each in notes)
    needs = {name: each["needs"] for name, each in by_name.items() if each["status"] == "needs"}
    assert needs == {
        "provider.py": ["apache-airflow-providers-acme"],
        "package.py": ["no-such-package-here"],
        "inside.py": ["bs4-of-nobody"],
        "variable.py": ["Variable not_there"],
    }
    cannot = {name: (each["line"], each["reason"]) for name, each in by_name.items() if each["status"] == "cannot run"}
    assert cannot.keys() == {"team/session.py", "team/broken.py", "ends.py"}
    assert cannot["team/session.py"][0] == 2 and "use the context" in cannot["team/session.py"][1]
    assert cannot["team/broken.py"][0] == 2 and "exit code 3" in cannot["ends.py"][1]
    assert found["summary"]["files"] == 9 and found["summary"]["share_that_runs"] == 22.2


@pytest.mark.parametrize("columns", ["80", "140"])
def test_the_table_fits_its_terminal(folder: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch, columns: str):
    monkeypatch.setenv("COLUMNS", columns)
    said = ask(capsys, str(folder))
    assert max(map(len, said.splitlines())) <= int(columns)
    assert "good.py: runs\n" in said and "      2 run (1 of them with notes)\n" in said
    assert "good.py" not in ask(capsys, str(folder), "--quiet")


def test_a_file_alone_and_folders_without_any(folder: Path, tmp_path: Path, capsys: Any):
    call_command("compat", str(folder / "good.py"))
    assert "1 files with 1 DAGs" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no DAG file"):
        call_command("compat", str(tmp_path))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("compat", str(tmp_path / "nowhere"))
