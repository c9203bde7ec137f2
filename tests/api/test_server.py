"""The API behind a real server: what only shows over a socket."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from orchestrator.api.auth import issue_token
from orchestrator.web.bodies import BODY_BYTES
from tests.support import factories, webserver


@pytest.fixture
def server(transactional_db) -> Iterator[str]:
    with webserver.running() as address:
        yield address


def connect(address: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)


def resident_bytes(address: str) -> int:
    """Return the resident size of the server's process, found by its port."""
    port = str(urlsplit(address).port)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
                if b"uvicorn" in command and port.encode() in command:
                    text = (entry / "status").read_text()
                    return int(text.split("VmRSS:")[1].split()[0]) * 1024
            except OSError:
                continue
    raise AssertionError("the server's process was not found")


def test_a_body_too_large_is_refused_before_it_is_kept(server):
    connection = connect(server)
    connection.request(
        "POST", "/auth/token", headers={"Content-Length": str(10**12), "Content-Type": "application/json"}
    )
    answer = connection.getresponse()
    assert answer.status == 413 and "larger" in json.load(answer)["detail"]
    connection.close()

    def endless() -> Iterator[bytes]:
        for _ in range(BODY_BYTES // 65536 + 20):
            yield b" " * 65536

    connection = connect(server)
    try:
        connection.request("POST", "/auth/token", endless(), {"Content-Type": "application/json"}, encode_chunked=True)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it hung up while we were still sending
    else:
        assert connection.getresponse().status == 413
    connection.close()
    connection = connect(server)
    body = json.dumps({"username": "x" * 2_000_000, "password": "y"})
    connection.request("POST", "/auth/token", body, {"Content-Type": "application/json"})
    assert connection.getresponse().status == 413
    connection.close()


def test_a_large_log_costs_the_server_little(server):
    run = factories.make_run(factories.make_dag("alpha"), "r1", states={"a": "failed"})
    attempt = factories.make_attempt(factories.instance_of(run, "a"))
    for _ in range(20):
        factories.add_log(attempt, *(["x" * 2000] * 2000))  # 4 MB each
    headers = {"Authorization": f"Bearer {issue_token(factories.make_user('viewer'))}"}
    path = "/api/v2/dags/alpha/dagRuns/r1/taskInstances/a/logs/1"
    connection = connect(server)
    before, most, size = None, 0, 0
    for accept in ("application/json", "application/x-ndjson", "text/plain"):
        connection.request("GET", path, headers={**headers, "Accept": accept})
        answer = connection.getresponse()
        assert answer.status == 200
        before = before or resident_bytes(server)
        while data := answer.read(1 << 20):
            size += len(data)
            most = max(most, resident_bytes(server))
    connection.close()
    assert size > 160_000_000
    assert before is not None and most - before < 30_000_000


def test_a_token_works_and_a_wrong_one_does_not(server):
    connection = connect(server)
    for token, status in ((issue_token(factories.make_user("viewer")), 200), ("nonsense", 401)):
        connection.request("GET", "/api/v2/dags", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        assert answer.status == status, answer.read()
        answer.read()
    connection.close()
