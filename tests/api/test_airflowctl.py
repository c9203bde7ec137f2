"""Airflow's own command line, ``airflowctl``, against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dags_app import secrets
from dags_app.models import Pool
from runs_app.models import DagRun
from tests.support import factories, webserver

SCRIPT = Path(__file__).with_name("ctl_script.py")
AIRFLOWCTL = "apache-airflow-ctl==0.1.5"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment that holds nothing but airflowctl."""
    folder = tmp_path_factory.mktemp("ctl")
    venv.create(folder, with_pip=True)
    found = folder / "bin" / "python"
    command = [found, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", AIRFLOWCTL]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        pytest.skip(f"{AIRFLOWCTL} cannot be installed here: {done.stderr.strip()[-200:]}")
    return found


@pytest.fixture
def server(transactional_db: None, redis_server: Any) -> Iterator[str]:
    with webserver.running() as address:
        yield address


def test_airflowctl_signs_in_and_does_its_work(python, server, tmp_path):
    dag = factories.make_dag(spec=factories.make_spec("alpha", {"a": ()}), tags=("red",))
    run = factories.make_run(dag, "r1", state="success")
    factories.make_xcom(factories.instance_of(run, "a"), {"n": 1}, key="found")
    # Of no DAG that would run on it: airflowctl cannot read what Airflow 3.3.2 says of a run that an event made.
    factories.make_asset("s3://bucket/key", pk=1, producer=dag)
    factories.make_file("bad.py", error="SyntaxError: no")
    user = factories.with_password(factories.make_user("admin", last_login=factories.DAY))
    files = tmp_path / "files"
    files.mkdir()
    for name, held in {
        "variables": {"imported": "1", "more": {"value": "2", "description": "two"}},
        "connections": {"imported": {"conn_type": "http", "host": "h", "extra": '{"a": 1}'}},
        "pools": [{"name": "imported", "slots": 4, "description": "from a file"}],
    }.items():
        (files / f"{name}.json").write_text(json.dumps(held))
    # It keeps its token in the keyring of a desktop, of which a server has none: this is what it has for tests.
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW_CLI_DEBUG_MODE": "true"}

    def ctl(*commands: str) -> list[dict[str, Any]]:
        words = [each.format(here=files).split() for each in commands]
        command = [python, SCRIPT]
        sent = json.dumps(words)
        done = subprocess.run(command, input=sent, env=environment, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    [signed_in] = ctl(f"auth login --api-url {server} --username {user.username} --password {factories.PASSWORD}")
    assert (signed_in["code"], "successful" in signed_in["out"]) == (0, True), signed_in
    came = dict(zip(WORKS, ctl(*WORKS), strict=True))
    wrong = {command: each for command, each in came.items() if each["code"] != 0}
    assert wrong == {}, json.dumps(wrong, indent=1)[:6000]
    for command, words in WORKS.items():
        assert all(word in came[command]["out"] for word in words), (command, came[command]["out"][:2000])

    assert DagRun.objects.get(run_id="by-ctl").note == "hello"
    assert secrets.get_variable("imported") == "1" and secrets.get_variable("v") is None
    assert secrets.get_connection("imported")["host"] == "h"
    assert Pool.objects.get(name="imported").slots == 4 and not Pool.objects.filter(name="p").exists()
    refused = ctl("dags get nope", "variables get nope", "pools delete default_pool")
    assert [each["code"] != 0 and "Traceback" not in each["out"] for each in refused] == [True] * 3


WORKS: dict[str, tuple[str, ...]] = {
    "version": (),
    "auth list-envs": (),
    "dags list": ("alpha",),
    "dags get alpha": ("alpha",),
    "dags get-details alpha": ("alpha",),
    "dags list-version alpha": ("alpha",),
    "dags get-version alpha 1": ("alpha",),
    "dags list-import-errors": ("SyntaxError",),
    "dags list-warning": (),
    "dags pause alpha": ("alpha",),
    "dags unpause alpha": ("alpha",),
    "dags next-execution alpha": (),
    "dags trigger alpha --dag-run-id by-ctl --note hello": ("by-ctl",),
    "dagrun list --dag-id alpha --limit 10": (
        "r1",
        "by-ctl",
    ),  # without, it sends an empty one, which Airflow refuses too
    "dagrun get alpha r1": ("r1", "success"),
    "variables create --key v --value one": ("v",),
    "variables update --key v --value two": ("v",),
    "variables get v": ("v",),
    "variables import {here}/variables.json": ("imported", "more"),
    "variables list": ("imported", "more"),
    "variables delete v": (),
    "connections create --connection-id c --conn-type http --host h": ("c",),
    "connections update --connection-id c --conn-type http --host other": ("other",),
    "connections get c": ("other",),
    "connections import {here}/connections.json": (),
    "connections list": ("imported",),
    "connections delete c": (),
    "pools create --name p --slots 2": ("p",),
    "pools update --pool p --slots 3": ("p",),
    "pools get p": ("3",),
    "pools import {here}/pools.json": (),
    "pools export {here}/out.json": (),
    "pools list": ("imported", "default_pool"),
    "pools delete p": (),
    "assets list": ("s3://bucket/key",),
    "assets get 1": ("s3://bucket/key",),
    "assets create-event --asset-id 1": (),
    "backfill list alpha": (),
    "config list": ("orchestrator",),
    "jobs list": (),
    "plugins list": (),
    "providers list": (),
    "xcom list alpha r1 a": ("found",),
    "xcom get alpha r1 a found": ("found",),
}
"""Commands that have to work, each with what it has to say. Left out is what this version of airflowctl breaks by itself:
``dags get-tags`` (it cannot show a list of words), ``dags get-stats`` (it asks for each letter of an id) and ``dags trigger --conf`` (it takes no JSON)."""
