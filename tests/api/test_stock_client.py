"""Airflow's own API client against a real server."""

from __future__ import annotations

import json
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from dags_app.models import Dag
from runs_app.models import QueuedEvent
from tests.access.test_matrix import world
from tests.docs.api_operations import operations
from tests.support import factories, webserver

__all__ = ["world"]

SCRIPT = Path(__file__).with_name("client_script.py")
OPERATIONS = Path(__file__).with_name("client_operations.py")
CLIENT = "apache-airflow-client==3.3.2"


@pytest.fixture(scope="module")
def client_python(tmp_path_factory) -> Path:
    """The Python of a fresh environment that holds nothing but the stock client."""
    folder = tmp_path_factory.mktemp("client")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", CLIENT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        pytest.skip(f"{CLIENT} cannot be installed here: {done.stderr.strip()[-200:]}")
    return python


@pytest.fixture
def server(transactional_db, monkeypatch) -> Iterator[str]:
    """A real web server on the database of the test."""
    monkeypatch.setenv("ORCHESTRATOR_EXTERNAL_LOG_URL", "https://logs/{task_id}")
    with webserver.running() as address:
        yield address


def test_the_stock_client_can_do_its_work(client_python, server, redis_server):
    spec = factories.make_spec("alpha", {"a": (), "b": ("a",), "m": ("b",)})
    dag = factories.make_dag(spec=spec, source="# hello\n", tags=("red",))
    run = factories.make_run(dag, "r1", state="failed", states={"a": "success"})
    factories.make_run(dag, "gone")
    factories.make_mapped(run, "m", 2)
    first = factories.instance_of(run, "a")
    factories.make_attempt(first, lines=("hello",))
    factories.make_xcom(first, {"n": 1})
    factories.make_file("bad.py", error="SyntaxError: no")
    user = factories.with_password(factories.make_user("admin", last_login=factories.DAY))

    command = [client_python, SCRIPT, server, user.username]
    done = subprocess.run(command, input=factories.PASSWORD, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "health": "healthy",
        "version": "3.3.2",
        "dags": ["alpha"],
        "dag": False,
        "details": 1,
        "paused": True,
        "tags": ["red"],
        "triggered": ["manual", "by client", {"a": 1}],
        "runs": 3,
        "batch": 3,
        "run": "failed",
        "patched": "patched",
        "instances": [["a", "success"], ["b", "failed"], ["m", "success"], ["m", "success"]],
        "instance": "BashOperator",
        "mapped": 2,
        "one_mapped": 1,
        "tries": [1],
        "marked": ["success"],
        "clear": 4,
        "log": ["hello"],
        "xcoms": 1,
        "xcom": {"n": 1},
        "source": "# hello\n",
        "tasks": ["a", "b", "m"],
        "versions": 1,
        "errors": ["bad.py"],
        "pools": ["default_pool", "p"],
        "variable": "***",
        "connection": "***",
        "events": True,
        "missing": "The Dag with ID: `nope` was not found",
    }


BEYOND = {
    "test_connection": "403",
    "enqueue_connection_test": "403",
    "get_connection_test": "403",
    "create_default_connections": "404",
    # The client follows to a page, which is no JSON.
    "login": "ok",
    "logout": "ok",
}
"""What the operations answer that are not done here."""


def test_the_stock_client_calls_every_operation(client_python, server, world, redis_server):
    user = factories.with_password(factories.make_user("admin", last_login=factories.DAY))
    dag = Dag.objects.get(pk="alpha")
    more = [factories.make_asset(f"s3://more/{number}", pk=number, consumer=dag) for number in (2, 3)]
    kept = {"dag": dag, "created_at": factories.DAY, "touched_at": factories.DAY}
    QueuedEvent.objects.bulk_create(QueuedEvent(asset=each, **kept) for each in more)
    sent = {"ids": {**world, "second_asset": more[0].pk}, "username": user.username, "password": factories.PASSWORD}
    command = [client_python, OPERATIONS, server]
    done = subprocess.run(command, input=json.dumps(sent), capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-3000:]
    came = json.loads(done.stdout)
    assert set(came) == {each["id"] for each in operations()}
    wrong = {name: what for name, what in came.items() if not what.startswith(BEYOND.get(name, "ok"))}
    assert wrong == {}, json.dumps(wrong, indent=1)
