"""``import-airflow``: what exports, settings files and metadata databases of each era hold is here afterwards, once."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from dags_app import secrets
from dags_app.models import Connection, Dag, Pool, TakenOver, Variable
from dags_app.schedule import last_interval
from tests.dags_app.conftest import Project, fresh_versions, project  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)

KEY = Fernet.generate_key().decode()
SECRET = "s3cret/pass"  # nothing's password
OLD = {
    "connection": "id INTEGER, conn_id VARCHAR(250), conn_type VARCHAR(500), host VARCHAR(500), schema VARCHAR(500),"
    " login VARCHAR(500), password VARCHAR(5000), port INTEGER, extra VARCHAR(5000), is_encrypted BOOLEAN,"
    " is_extra_encrypted BOOLEAN",
    "variable": "id INTEGER, key VARCHAR(250), val TEXT, is_encrypted BOOLEAN",
    "slot_pool": "id INTEGER, pool VARCHAR(50), slots INTEGER, description TEXT",
    "dag": "dag_id VARCHAR(250), is_paused BOOLEAN, is_subdag BOOLEAN, is_active BOOLEAN",
    "dag_run": "id INTEGER, dag_id VARCHAR(250), execution_date TIMESTAMP, state VARCHAR(50), run_id VARCHAR(250),"
    " external_trigger BOOLEAN",
}
"""Airflow 1.10: no run types, no intervals, no descriptions."""
NEW = {
    "connection": OLD["connection"] + ", description TEXT",
    "variable": OLD["variable"] + ", description TEXT",
    "slot_pool": OLD["slot_pool"] + ", include_deferred BOOLEAN",
    "dag": "dag_id VARCHAR(250), is_paused BOOLEAN, is_stale BOOLEAN, bundle_name VARCHAR(250)",
    "dag_run": "id INTEGER, dag_id VARCHAR(250), logical_date TIMESTAMP, state VARCHAR(50), run_id VARCHAR(250),"
    " run_type VARCHAR(50), data_interval_start TIMESTAMP, data_interval_end TIMESTAMP",
    "ab_user": "id INTEGER, username VARCHAR(250)",
}
LAST = datetime(2026, 3, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def home(tmp_path, settings, monkeypatch):
    monkeypatch.delenv("FERNET_KEYS", raising=False)
    for name in ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW_HOME"):
        monkeypatch.delenv(name, raising=False)
    before = settings.ORCH.home
    settings.ORCH.home = tmp_path / "home"
    yield
    settings.ORCH.home = before


def rows_of(era: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """What such an installation holds: one encrypted connection, and one that nobody can read any more."""
    encrypt = Fernet(KEY.encode()).encrypt
    lost = Fernet(Fernet.generate_key()).encrypt(b"x").decode()
    date = "logical_date" if "logical_date" in era["dag_run"] else "execution_date"
    runs = [
        {"dag_id": "daily", date: LAST - timedelta(days=1), "state": "success", "run_id": "scheduled__1"},
        {"dag_id": "daily", date: LAST, "state": "running", "run_id": "scheduled__2"},
        {"dag_id": "daily", date: LAST + timedelta(hours=5), "state": "success", "run_id": "manual__3"},
    ]
    if era is NEW:
        for run in runs:
            run["run_type"] = run["run_id"].partition("__")[0]
            run |= {"data_interval_start": run[date], "data_interval_end": run[date] + timedelta(days=1)}
    stale = {"is_stale": True} if era is NEW else {"is_active": False, "is_subdag": False}
    live = {"is_stale": False} if era is NEW else {"is_active": True, "is_subdag": False}
    return {
        "connection": [
            {
                **{"id": 1, "conn_id": "db", "conn_type": "postgres", "host": "db.example", "login": "ada"},
                **{"password": encrypt(SECRET.encode()).decode(), "port": 5432, "is_encrypted": True},
                **{"extra": encrypt(b'{"sslmode": "require"}').decode(), "is_extra_encrypted": True},
            },
            {"id": 2, "conn_id": "lost", "conn_type": "http", "password": lost, "is_encrypted": True},
            {"id": 3, "conn_id": "open", "conn_type": "fs", "is_encrypted": False},
        ],
        "variable": [
            {"key": "plain", "val": "a", "is_encrypted": False},
            {"key": "kept", "val": encrypt(b'{"a": 1}').decode(), "is_encrypted": True},
        ],
        "slot_pool": [{"pool": "default_pool", "slots": 128}, {"pool": "small", "slots": 3, "description": "few"}],
        "dag": [
            {"dag_id": "daily", "is_paused": False, **live},
            {"dag_id": "quiet", "is_paused": True, **live},
            {"dag_id": "gone", "is_paused": False, **stale},
        ],
        "dag_run": runs,
        **({"ab_user": [{"username": "ada"}]} if era is NEW else {}),
    }


def fill(execute: Any, era: dict[str, str], mark: str, text_times: bool) -> None:
    for table, columns in era.items():
        execute(f'CREATE TABLE "{table}" ({columns})', ())
        for row in rows_of(era)[table]:
            values = [str(each) if text_times and isinstance(each, datetime) else each for each in row.values()]
            names = ", ".join(f'"{name}"' for name in row)
            execute(f'INSERT INTO "{table}" ({names}) VALUES ({", ".join([mark] * len(row))})', values)


@pytest.fixture
def sqlite(tmp_path: Path) -> Any:
    def make(era: dict[str, str]) -> str:
        path = tmp_path / "airflow.db"
        with sqlite3.connect(path) as made:
            fill(made.execute, era, "?", True)
        return f"sqlite:///{path}"

    return make


def run(*arguments: str, as_json: bool = True) -> Any:
    """Call the command; return (what it tells, what it says where it ends with 1)."""
    out, failed = io.StringIO(), ""
    try:
        call_command("import-airflow", *arguments, *(["--json"] if as_json else []), stdout=out)
    except CommandError as error:
        failed = str(error)
    text = out.getvalue()
    assert SECRET not in text + failed and KEY not in text + failed
    return (json.loads(text) if as_json and text else text), failed


def taken(told: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    return {
        kind: {word: sorted(names) for word, names in each.items() if names} for kind, each in told["taken"].items()
    }


@pytest.mark.parametrize("era", [OLD, NEW], ids=["1.10", "3"])
def test_a_metadata_database_is_taken_over_with_its_secrets(era, sqlite, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", KEY)

    told, failed = run("--database", sqlite(era))

    assert taken(told) == {
        "connections": {"made": ["db", "open"]},
        "variables": {"made": ["kept", "plain"]},
        "pools": {"made": ["small"], "kept": ["default_pool"]},  # ours has a description
        "dags": {"made": ["daily", "quiet"]},
    }
    assert failed == "1 entries were not taken: see above"
    assert [each["name"] for each in told["not_taken"]] == ["lost"] and "Fernet key" in told["not_taken"][0]["reason"]
    found = secrets.get_connection("db")
    assert (found["password"], found["port"], json.loads(found["extra"])) == (SECRET, 5432, {"sslmode": "require"})
    assert secrets.get_variable("kept") == '{"a": 1}'
    assert Pool.objects.get(pk="small").slots == 3
    assert any("1 DAG with runs under way" in each for each in told["notes"])
    if era is NEW:
        assert any(each.startswith("1 users") for each in told["left"])


def test_a_second_time_takes_nothing_and_what_differs_here_stays(sqlite, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", KEY)
    url = sqlite(NEW)
    run("--database", url)
    secrets.set_variable("plain", "ours")

    told, _ = run("--database", url)

    assert taken(told)["variables"] == {"same": ["kept"], "kept": ["plain"]}
    assert not any(each["made"] or each["overwritten"] for each in told["taken"].values())
    assert secrets.get_variable("plain") == "ours"
    told, _ = run("--database", url, "--on-conflict", "overwrite")
    assert taken(told)["variables"] == {"same": ["kept"], "overwritten": ["plain"]}
    assert secrets.get_variable("plain") == "a"


def test_a_dry_run_tells_the_same_and_changes_nothing(sqlite, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", KEY)
    url = sqlite(NEW)

    dry, _ = run("--database", url, "--dry-run")

    assert not Connection.objects.exists() and not Variable.objects.exists() and not TakenOver.objects.exists()
    assert not Pool.objects.filter(pk="small").exists()
    told, _ = run("--database", url)
    assert taken(dry) == taken(told) and dry["dry_run"] and not told["dry_run"]


def test_without_the_key_what_is_encrypted_is_told_and_the_rest_taken(sqlite):
    told, _ = run("--database", sqlite(NEW))
    assert [each["name"] for each in told["not_taken"]] == ["db", "lost", "kept"]
    assert all("AIRFLOW__CORE__FERNET_KEY" in each["reason"] for each in told["not_taken"])
    assert taken(told)["connections"] == {"made": ["open"]}


def test_a_database_of_postgresql_is_read_as_well(monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("on PostgreSQL only")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", KEY)
    # A schema of its own: the test's database has tables of its own under some of these names.
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA airflow")
    at = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    query = urlencode({name: at[name] for name in names if at.get(name)}, quote_via=quote)
    url = f"postgresql+psycopg2:///?{query}"
    url += "&options=-csearch_path%3Dairflow"
    try:
        with psycopg.connect("postgresql:" + url.partition(":")[2], autocommit=True) as made:
            fill(made.execute, NEW, "%s", False)
        told, _ = run("--database", url)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA airflow CASCADE")
    assert taken(told)["connections"] == {"made": ["db", "open"]} and taken(told)["dags"] == {
        "made": ["daily", "quiet"]
    }
    note = TakenOver.objects.get(pk="daily")
    assert (note.interval_start, note.interval_end) == (LAST, LAST + timedelta(days=1))


class AsMySql(sqlite3.Connection):
    """SQLite takes MySQL's quotes, too; of its words there is one that it does not know."""

    def cursor(self, *args: Any) -> Any:
        return super().cursor(AsMySqlCursor)


class AsMySqlCursor(sqlite3.Cursor):
    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def execute(self, sql: str, *args: Any) -> Any:
        return super().execute("SELECT 1" if sql.startswith("SET SESSION") else sql, *args)


def test_a_database_of_mysql_is_read_with_its_driver_and_its_quotes(sqlite, monkeypatch):
    asked: dict[str, Any] = {}

    def connect(**given: Any) -> sqlite3.Connection:
        asked.update(given)
        return sqlite3.connect(given["database"], factory=AsMySql)

    path = sqlite(NEW).removeprefix("sqlite:///")
    monkeypatch.setitem(sys.modules, "pymysql", SimpleNamespace(connect=connect, Error=sqlite3.Error))
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", KEY)
    told, _ = run("--database", f"mysql+mysqldb://ada:p%40ss@db.example:3307/{quote(path, safe='')}?charset=utf8mb4")
    assert (asked["host"], asked["port"], asked["user"], asked["password"]) == ("db.example", 3307, "ada", "p@ss")
    assert taken(told)["connections"] == {"made": ["db", "open"]} and taken(told)["dags"] == {
        "made": ["daily", "quiet"]
    }


def test_without_the_driver_of_mysql_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymysql", None)
    assert "pip install 'orchestrator[mysql]'" in run("--database", "mysql://u:p@h/d", as_json=False)[1]


# ---- DAGs go on where they stood


def dag_text(dag_id: str, schedule: str) -> str:
    return (
        "from datetime import datetime\nfrom airflow.sdk import DAG, CronDataIntervalTimetable\n"
        "from airflow.providers.standard.operators.empty import EmptyOperator\n"
        f"with DAG({dag_id!r}, schedule={schedule}, start_date=datetime(2026, 1, 1), catchup=True):\n"
        "    EmptyOperator(task_id='t')\n"
    )


@pytest.mark.parametrize("before", [True, False], ids=["parsed before", "parsed after"])
@pytest.mark.parametrize("era", [OLD, NEW], ids=["1.10", "3"])
@pytest.mark.parametrize("schedule", ["'@daily'", "CronDataIntervalTimetable('@daily', 'UTC')"])
def test_catchup_makes_no_run_again_that_airflow_made(schedule, era, before, sqlite, project):  # noqa: F811
    project.write("daily.py", dag_text("daily", schedule))
    project.write("quiet.py", dag_text("quiet", schedule))
    if before:
        project.sync()
        assert Dag.objects.get(pk="daily").is_paused
    run("--database", sqlite(era))
    if not before:
        project.sync()

    daily, quiet = Dag.objects.get(pk="daily"), Dag.objects.get(pk="quiet")

    assert (daily.is_paused, quiet.is_paused) == (False, True)
    assert last_interval(daily).end == LAST + timedelta(days=1)
    # The interval of the 10th ended, and was run, at the beginning of the 11th.
    assert daily.next_run_after == LAST + timedelta(days=2)
    assert quiet.next_run_after < LAST
    assert TakenOver.objects.get(pk="daily").used_at <= timezone.now()


def test_a_dag_that_somebody_paused_since_stays_so(sqlite, project):  # noqa: F811
    project.write("daily.py", dag_text("daily", "'@daily'"))
    project.sync()
    url = sqlite(NEW)
    run("--database", url)
    Dag.objects.filter(pk="daily").update(is_paused=True)

    told, _ = run("--database", url)

    assert taken(told)["dags"] == {"same": ["daily", "quiet"]} and Dag.objects.get(pk="daily").is_paused


# ---- files


def test_exports_are_read_in_each_format(tmp_path):
    (tmp_path / "c.json").write_text(json.dumps({"a": {"conn_type": "http", "host": "h", "extra": '{"x": 1}'}}))
    (tmp_path / "c.yaml").write_text(f"b: {{conn_type: ssh, password: {SECRET}}}\n")
    (tmp_path / "c.env").write_text('# of airflow\nc=postgres://u:p@h:5/s\nd={"conn_type": "fs"}\n')
    (tmp_path / "v.json").write_text(json.dumps({"one": 1, "text": "t", "with": {"value": "w", "description": "why"}}))
    (tmp_path / "p.json").write_text(json.dumps({"small": {"slots": 2, "description": "", "include_deferred": True}}))

    told, failed = run(
        *("--connections", str(tmp_path / "c.json"), "--connections", str(tmp_path / "c.yaml")),
        *("--connections", str(tmp_path / "c.env"), "--variables", str(tmp_path / "v.json")),
        *("--pools", str(tmp_path / "p.json")),
    )

    assert not failed and taken(told)["connections"] == {"made": ["a", "b", "c", "d"]}
    assert secrets.get_connection("c")["port"] == 5 and secrets.get_connection("b")["password"] == SECRET
    assert secrets.get_variable("one") == "1" and Variable.objects.get(pk="with").description == "why"
    assert Pool.objects.get(pk="small").include_deferred


def test_a_settings_file_of_a_local_project_is_read(tmp_path):
    (tmp_path / "airflow_settings.yaml").write_text(
        "airflow:\n"
        "  connections:\n"
        f"    - {{conn_id: a, conn_type: http, conn_host: h, conn_port: 80, conn_password: {SECRET}, conn_extra: {{x: 1}}}}\n"
        "    - {conn_id: b, conn_uri: 'postgres://u@h/s'}\n"
        "    - {conn_id: , conn_type: }\n"
        "  pools: [{pool_name: small, pool_slot: 4, pool_description: few}]\n"
        "  variables: [{variable_name: v, variable_value: 3}, {variable_name: , variable_value: }]\n"
    )
    told, failed = run("--home", str(tmp_path))
    assert not failed and [sorted(each["made"]) for each in told["taken"].values()] == [
        ["a", "b"],
        ["v"],
        ["small"],
        [],
    ]
    assert secrets.get_connection("a")["extra"] == '{"x": 1}' and Pool.objects.get(pk="small").slots == 4


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("c.json", "{", "line 1 is wrong"),
        ("c.json", "[]", "an object of names"),
        ("c.yaml", f"a: [{SECRET}", "cannot be read as yaml"),
        ("c.env", f"a=http://h\n{SECRET}", "line 2 is wrong"),
        ("c.txt", "", "the format is told by the ending"),
        ("c.json", None, "cannot be read: No such file"),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_not_what_it_holds(tmp_path, name, text, says):
    if text is not None:
        (tmp_path / name).write_text(text)
    _, failed = run("--connections", str(tmp_path / name), as_json=False)
    assert says in failed and not Connection.objects.exists()


def test_an_entry_that_cannot_be_ours_is_left_out_and_told(tmp_path):
    (tmp_path / "c.json").write_text(json.dumps({"good": "http://h", "bad": {"host": "h"}, "worse": 5}))
    text, failed = run("--connections", str(tmp_path / "c.json"), as_json=False)
    assert failed and "connection bad: " in text and "connection worse: " in text
    assert list(Connection.objects.values_list("pk", flat=True)) == ["good"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:////nowhere/airflow.db", "there is no database"),
        ("oracle://x", "must be one of"),
        (f"postgresql://ada:{SECRET}@127.0.0.1:1/airflow".replace("/pass", ""), "cannot be reached"),
    ],
)
def test_a_database_that_cannot_be_read_says_so_without_its_password(url, says):
    _, failed = run("--database", url, as_json=False)
    assert says in failed and "s3cret" not in failed


def test_a_database_of_something_else_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "other.db") as made:
        made.execute("CREATE TABLE t (a)")
    assert "no tables of Airflow" in run("--database", f"sqlite:///{tmp_path}/other.db", as_json=False)[1]


def test_an_airflow_home_is_read_with_its_configuration(tmp_path, sqlite):
    url = sqlite(NEW)
    (tmp_path / "airflow.cfg").write_text(
        f"[core]\nexecutor = CeleryExecutor\nparallelism = 32\nfernet_key = {KEY}\ndags_folder = {tmp_path}/dags\n"
        f"[database]\nsql_alchemy_conn = {url}\n"
    )
    told, _ = run("--home", str(tmp_path))
    assert taken(told)["connections"] == {"made": ["db", "open"]}
    assert any("[core] executor has no meaning here" in each for each in told["notes"])
    assert any("[core] dags_folder counts with AIRFLOW_HOME set, as DAGS_FOLDER" in each for each in told["notes"])
    assert os.environ.get("DAGS_FOLDER") != f"{tmp_path}/dags"


def test_nothing_named_says_what_can_be():
    assert "Name at least one source" in run(as_json=False)[1]
