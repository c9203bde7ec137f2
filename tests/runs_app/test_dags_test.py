"""``manage.py dags test``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dags_app import secrets
from tests.support import factories

pytestmark = pytest.mark.django_db

SOURCE = """
import os
from airflow.sdk import DAG, Variable, task

with DAG("local", params={"n": 1}):
    @task
    def show(params=None):
        assert "SECRET_KEY" not in os.environ and "DATABASE_URL" not in os.environ
        if params["n"] < 0:
            raise ValueError("negative")
        return Variable.get("place")
    show()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "local.py"
    path.write_text(SOURCE)
    secrets.set_variable("place", "here", None)
    return path


def tasks(text: str) -> dict[str, str]:
    return {each["task_id"]: each["state"] for each in json.loads(text)["tasks"]}


def test_a_file_is_run_and_its_states_printed(file: Path, capsys: Any):
    call_command("dags", "test", str(file), "--json")

    assert tasks(capsys.readouterr().out) == {"show": "success"}


def test_a_run_that_fails_fails_the_command(file: Path, capsys: Any):
    with pytest.raises(CommandError, match="failed: show"):
        call_command("dags", "test", str(file), "--conf", '{"n": -1}', "--json")

    assert tasks(capsys.readouterr().out) == {"show": "failed"}


def test_a_known_dag_is_run_from_its_version_where_its_file_is_gone(file: Path, capsys: Any):
    factories.make_dag(spec=factories.make_spec("local"), source=SOURCE, file=factories.make_file("gone/local.py"))

    call_command("dags", "test", "local", "--json")

    assert tasks(capsys.readouterr().out) == {"show": "success"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "`nothing` was not found"),
        (["nothing.py"], "nothing.py is no file"),
        (["FILE", "--dag-id", "other"], "local.py defines local, not other"),
        (["FILE", "--conf", "[]"], "must be a JSON object"),
    ],
)
def test_what_cannot_be_run_is_said(file: Path, words: list[str], message: str):
    with pytest.raises(CommandError, match=message):
        call_command("dags", "test", *[str(file) if word == "FILE" else word for word in words], "--json")
