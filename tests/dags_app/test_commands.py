"""``manage.py`` as people and scripts use it: what it prints, what it changes, how it says no."""

from __future__ import annotations

import io
import json
import stat

import pytest
from django.core.management import CommandError, call_command

from dags_app import secrets
from dags_app.models import AuditEntry, Connection, Dag, Pool, Variable
from runs_app.models import DagRun

from .conftest import Project

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(tmp_path, settings, monkeypatch):
    monkeypatch.delenv("FERNET_KEYS", raising=False)
    before = (settings.ORCH.home, settings.ORCH.dags_folder)
    settings.ORCH.home, settings.ORCH.dags_folder = tmp_path / "home", tmp_path
    yield tmp_path / "home"
    settings.ORCH.home, settings.ORCH.dags_folder = before


@pytest.fixture
def etl(project: Project) -> Project:
    project.write_dag("etl", arguments="schedule='0 6 * * *', tags=['daily'], is_paused_upon_creation=True")
    project.sync()
    return project


def say(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def data(*arguments: str):
    return json.loads(say(*arguments, "--json"))


def refuse(*arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        say(*arguments)
    return str(caught.value)


# ---- dags


def test_listed_dags_can_be_chosen_by_tag(etl):
    etl.write_dag("other")
    etl.sync()
    assert [each["dag_id"] for each in data("dags", "list")] == ["etl", "other"]
    assert [each["dag_id"] for each in data("dags", "list", "--tag", "daily")] == ["etl"]
    assert "etl" in say("dags", "list")


def test_a_dag_whose_file_is_gone_is_listed_when_asked_for(etl):
    (etl.root / "etl.py").unlink()
    etl.sync()
    assert data("dags", "list") == []
    assert [each["is_stale"] for each in data("dags", "list", "--all")] == [True]


def test_a_dag_is_shown_with_its_tasks(etl):
    found = data("dags", "show", "etl")
    assert found["schedule"] == "0 6 * * *" and [each["task_id"] for each in found["tasks"]] == ["t"]
    assert "EmptyOperator" in say("dags", "show", "etl")


def test_import_errors_are_listed_with_file_and_line(etl):
    etl.write("bad.py", "from airflow.sdk import DAG\nraise ValueError('no')\n")
    etl.sync()
    assert say("dags", "errors").strip() == "bad.py:2  ValueError: no"
    assert data("dags", "errors")[0]["line"] == 2


def test_pausing_is_audited(etl):
    assert data("dags", "unpause", "etl") == [{"dag_id": "etl", "is_paused": False, "is_frozen": False}]
    assert not Dag.objects.get().is_paused
    say("dags", "pause", "etl")
    assert (Dag.objects.get().is_paused, Dag.objects.get().is_frozen) == (True, False)
    assert say("dags", "pause", "etl", "--freeze").strip() == "etl is frozen"
    assert Dag.objects.get().is_frozen
    assert set(AuditEntry.objects.values_list("event", "actor")) == {("patch_dag", "command line")}


def test_the_next_runs_follow_each_other(etl):
    found = [each["run_after"] for each in data("dags", "next", "etl", "--count", "3")]
    assert len(set(found)) == 3 and found == sorted(found)
    assert all("T06:00:00" in each for each in found)


def test_a_run_is_triggered_with_its_configuration(etl):
    found = data("dags", "trigger", "etl", "--conf", '{"x": 1}', "--run-id", "mine", "--logical-date", "2026-03-01")
    run = DagRun.objects.get()
    assert (run.run_id, run.conf, run.triggered_by) == ("mine", {"x": 1}, "cli")
    assert run.logical_date.isoformat() == "2026-03-01T00:00:00+00:00"
    assert found["run_id"] == "mine" and found["is_paused"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("trigger", "nothing"), "`nothing` was not found"),
        (("trigger", "etl", "--conf", "{"), "--conf is no JSON"),
        (("trigger", "etl", "--conf", "[1]"), "--conf must be a JSON object"),
        (("trigger", "etl", "--logical-date", "soon"), "'soon' is no time"),
        (("trigger", "etl", "--wait", "--timeout", "0"), "is still"),
        (("show", "nothing"), "`nothing` was not found"),
        (("pause", "etl", "nothing"), "`nothing` was not found"),
        (("delete", "etl"), "--yes"),
        (("source", "etl", "--version-number", "7"), "has no version 7: it has 1"),
        (("source", "etl", "--file", "x.py"), "has no file x.py"),
        (("reparse", "nothing"), "`nothing` was not found"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(etl, arguments, message):
    assert message in refuse("dags", *arguments)
    assert Dag.objects.get().is_paused


def test_a_run_cannot_be_triggered_twice_under_one_id(etl):
    say("dags", "trigger", "etl", "--run-id", "mine")
    assert "already has a run" in refuse("dags", "trigger", "etl", "--run-id", "mine")


def test_the_source_of_an_earlier_version_stays_readable(etl):
    first = (etl.root / "etl.py").read_text()
    etl.write_dag("etl", arguments="description='second'")
    etl.sync()
    assert "second" in say("dags", "source", "etl")
    found = data("dags", "source", "etl", "--version-number", "1")
    assert found["content"] == first and found["files"] == ["etl.py"]


def test_reparse_reads_the_files_of_the_named_dags_only(etl):
    etl.write_dag("etl", arguments="description='now'")
    etl.write_dag("other")
    assert data("dags", "reparse", "etl")["parsed"] == 1
    assert list(Dag.objects.values_list("dag_id", "description")) == [("etl", "now")]
    assert data("dags", "reparse")["parsed"] == 2
    (etl.root / "etl.py").write_text("from airflow.sdk import DAG\nraise ValueError('no')\n")
    assert "dags errors" in refuse("dags", "reparse")


def test_the_processor_can_run_once(etl):
    etl.write_dag("other")
    assert data("dag_processor", "--once")["parsed"] == 2


# ---- pools, variables, connections


def test_a_pool_is_made_changed_and_deleted():
    say("pools", "set", "p", "3", "--description", "few")
    say("pools", "set", "p", "4", "--include-deferred")
    found = data("pools", "get", "p")
    assert (found["slots"], found["description"], found["include_deferred"]) == (4, "few", True)
    assert "default_pool" in say("pools", "list")
    say("pools", "delete", "p")
    assert "no pool 'p'" in refuse("pools", "get", "p")
    assert "Default Pool" in refuse("pools", "delete", "default_pool")
    assert "-1" in refuse("pools", "set", "q", "-2")


def test_values_of_variables_are_told_only_when_asked_for(tmp_path):
    say("variables", "set", "v", "canary", "--description", "bird")
    assert "canary" not in say("variables", "list") + json.dumps(data("variables", "list"))
    assert say("variables", "get", "v").strip() == "canary"
    assert "canary" not in json.dumps(list(AuditEntry.objects.values("event", "extra")))
    say("variables", "delete", "v")
    assert "no variable 'v'" in refuse("variables", "get", "v")
    assert "no variable 'v'" in refuse("variables", "delete", "v")


def test_a_value_can_come_from_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("from a pipe\n"))
    say("variables", "set", "v", "-")
    assert secrets.get_variable("v") == "from a pipe"


def test_connections_are_set_from_fields_or_an_address():
    say("connections", "set", "db", "--uri", "postgres://me:canary@db:5432/prod?sslmode=require")
    say("connections", "set", "db", "--host", "db2")
    found = data("connections", "get", "db")
    assert (found["conn_type"], found["host"], found["password"], found["port"]) == ("postgres", "db2", "canary", 5432)
    assert found["extra"] == '{"sslmode": "require"}'
    assert "canary" not in say("connections", "list")
    assert "needs a conn_type" in refuse("connections", "set", "x", "--host", "h")
    say("connections", "delete", "db")
    assert "no connection 'db'" in refuse("connections", "get", "db")


@pytest.mark.parametrize("what", ["variables", "connections", "pools"])
def test_an_export_can_be_imported_again(tmp_path, what):
    say("variables", "set", "v", "1", "--description", "one")
    say("variables", "set", "w", "2")
    say("connections", "set", "c", "--uri", "http://me:pass@host")
    say("pools", "set", "p", "3")
    file = tmp_path / "export.json"
    say(what, "export", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = file.read_text()
    assert json.loads(say(what, "export", "-")) == json.loads(first)
    assert "--on-conflict" in refuse(what, "import", str(file))
    assert data(what, "import", str(file), "--on-conflict", "skip")["imported"] == []
    for model in (Variable, Connection, Pool):
        model.objects.all().delete()
    assert data(what, "import", str(file))["imported"] == list(json.loads(first))
    say(what, "import", str(file), "--on-conflict", "overwrite")
    say(what, "export", str(file))
    assert file.read_text() == first


def test_an_import_changes_all_or_nothing(tmp_path):
    file = tmp_path / "in.json"
    file.write_text(json.dumps({"a": {"conn_type": "http"}, "b": {"host": "no type"}}))
    assert "'b' needs a conn_type" in refuse("connections", "import", str(file))
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "holds no JSON at line 1"), ("[1]", "must hold a JSON object"), (None, "cannot be read")],
)
def test_a_file_that_cannot_be_imported_is_named(tmp_path, text, message):
    file = tmp_path / "in.json"
    if text is not None:
        file.write_text(text)
    assert message in refuse("variables", "import", str(file))


def test_airflows_variable_files_are_understood(tmp_path):
    file = tmp_path / "in.json"
    file.write_text(json.dumps({"a": "text", "b": {"x": 1}, "c": 5, "d": {"value": "v", "description": "why"}}))
    say("variables", "import", str(file))
    assert {key: secrets.get_variable(key) for key in "abcd"} == {"a": "text", "b": '{"x": 1}', "c": "5", "d": "v"}
    assert Variable.objects.get(pk="d").description == "why"


def test_secrets_are_rotated_with_a_new_key(home):
    say("variables", "set", "v", "1")
    assert data("secrets", "rotate", "--new-key") == {"rotated": 1, "new_key": True}
    assert len((home / "keys" / "fernet_keys").read_text().split()) == 2
    assert data("secrets", "rotate")["rotated"] == 0
    (home / "keys" / "fernet_keys").write_text("x")
    assert "no Fernet key" in refuse("secrets", "rotate")
