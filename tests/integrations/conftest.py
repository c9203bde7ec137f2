"""One installation for all of the tests here, with the examples as its DAGs; connections are made over its API.

Where the provider packages are not installed, none of this is collected: ``make test-integrations`` makes an environment
of its own.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest

from orchestrator.providers import installed
from orchestrator.sdk.xcom_json import decode
from tests.support.servers import free_port
from tests.support.standalone import ROOT, Standalone

if len(installed()) == 1:
    collect_ignore_glob = ["test_*.py"]
EXAMPLES = ROOT / "examples" / "integrations"
LOCAL_SNOWFLAKE = """
from snowflake import connector

connect = connector.connect


def locally(**kwargs):
    _, _, port = kwargs["account"].rpartition("-")
    return connect(**{**kwargs, "host": "127.0.0.1", "port": int(port), "protocol": "http"})


connector.connect = locally
"""


class Installation(Standalone):
    """What tests of integrations ask for, in few words."""

    def connect(self, conn_id: str, conn_type: str, **fields: Any) -> None:
        """Make a connection; ``extra`` may be a dict."""
        if isinstance(fields.get("extra"), dict):
            fields["extra"] = json.dumps(fields["extra"])
        self.call("POST", "/api/v2/connections", {"connection_id": conn_id, "conn_type": conn_type, **fields})

    def finish(self, dag_id: str, conf: dict[str, Any] | None = None, limit: float = 120) -> Run:
        """Run an example to its end."""
        self.wait_for_dags(dag_id)
        run_id = self.trigger(dag_id, conf)
        state = self.wait_for_run(dag_id, run_id, limit)
        return Run(self, dag_id, run_id, state)


class Run:
    """A run that has ended."""

    def __init__(self, installation: Installation, dag_id: str, run_id: str, state: str) -> None:
        self.installation, self.run_id, self.state = installation, run_id, state
        self.path = f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}/taskInstances"

    @property
    def seconds(self) -> float:
        """How long the run took, from its start to its end."""
        found = self.installation.get(self.path.removesuffix("/taskInstances"))
        started, ended = (datetime.fromisoformat(found[name]) for name in ("start_date", "end_date"))
        return (ended - started).total_seconds()

    @property
    def states(self) -> dict[str, str]:
        found = self.installation.get(f"{self.path}?limit=200")["task_instances"]
        return {each["task_id"]: each["state"] for each in found}

    def xcom(self, task_id: str, key: str = "return_value") -> Any:
        return decode(self.installation.get(f"{self.path}/{task_id}/xcomEntries/{key}")["value"])

    def log(self, task_id: str) -> str:
        found = self.installation.get(f"{self.path}/{task_id}/logs/1")["content"]
        return "\n".join(str(each.get("event", each)) if isinstance(each, dict) else str(each) for each in found)

    def assert_success(self) -> Run:
        states = self.states
        said = [f"{name}: {self.log(name)}" for name, state in states.items() if state == "failed"]
        assert self.state == "success", "\n\n".join([str(states), *said])
        return self


@pytest.fixture(scope="session")
def aws(installation: Installation) -> Iterator[str]:
    """moto's server, behind ``aws_default``; its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    installation.connect(
        "aws_default",
        "aws",
        login="anybody",
        password="any-secret",
        extra={"endpoint_url": url, "region_name": "eu-central-1"},
    )
    yield url
    server.stop()


def aws_client(service: str, url: str) -> Any:
    """A client of that server."""
    import boto3

    return boto3.client(
        service,
        endpoint_url=url,
        region_name="eu-central-1",
        aws_access_key_id="anybody",
        aws_secret_access_key="any-secret",
    )


def make_bucket(url: str, name: str) -> Any:
    """Make a bucket and return a client of the store."""
    s3 = aws_client("s3", url)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return s3


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    # Google's libraries are told of a store of ours by the environment alone.
    store = f"http://127.0.0.1:{free_port()}"
    made = Installation(tmp_path_factory.mktemp("integrations"), STORAGE_EMULATOR_HOST=store)
    shutil.copytree(EXAMPLES / "dbt_shop", made.dags_folder / "dbt_shop")
    for path in EXAMPLES.glob("*.py"):
        # Snowflake's connector knows no other host than Snowflake's: this one is told of ours.
        first = "import local_snowflake\n" if "snowflake" in path.name else ""
        (made.dags_folder / path.name).write_text(first + path.read_text())
    (made.dags_folder / "local_snowflake.py").write_text(LOCAL_SNOWFLAKE)
    made.start()
    try:
        yield made.wait_until_healthy()
    finally:
        made.stop()


def needs(*modules: str) -> Any:
    """Skip where a counterpart cannot be had."""
    missing = [each for each in modules if importlib.util.find_spec(each) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed here: {', '.join(missing)}")
