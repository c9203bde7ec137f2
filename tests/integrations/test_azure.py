"""Azure Blob Storage against Azurite; npm brings it."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.servers import free_port

from .conftest import needs

AZURITE = shutil.which("azurite-blob")
pytestmark = [
    needs("azure.storage.blob"),
    pytest.mark.skipif(not AZURITE, reason="no azurite-blob on the path: npm install azurite"),
]


@pytest.fixture(scope="module", autouse=True)
def azurite(installation: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    port, key = free_port(), base64.b64encode(secrets.token_bytes(32)).decode()
    folder = tmp_path_factory.mktemp("azurite")
    line = [str(AZURITE), "--blobPort", str(port), "--location", str(folder), "--skipApiVersionCheck", "--silent"]
    server = subprocess.Popen(
        line,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "AZURITE_ACCOUNTS": f"shop:{key}"},
    )
    parts = {
        "DefaultEndpointsProtocol": "http",
        "AccountName": "shop",
        "AccountKey": key,
        "BlobEndpoint": f"http://127.0.0.1:{port}/shop",
    }
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    installation.connect("wasb_default", "wasb", extra={"connection_string": text})
    yield
    server.terminate()
    server.wait(10)


def test_blobs_are_written_waited_for_read_and_deleted(installation: Any):
    run = installation.finish("blobs_in_azure").assert_success()
    assert run.xcom("read") == {f"{run.run_id}/final.txt": f"final of {run.run_id}"}
