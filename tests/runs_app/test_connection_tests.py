"""Connections tried in a process of their own."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from dags_app import secrets
from dags_app.models import AuditEntry, Connection
from runs_app import connection_tests
from runs_app.exceptions import OrchestratorError
from runs_app.registry import InvalidEntry

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings.ORCH, "test_connection", "Enabled")


class Guarded(BaseHTTPRequestHandler):
    """Lets in who has the password, and tells it back to who has not."""

    def do_GET(self) -> None:
        self.send_response(200 if self.headers.get("Authorization") == "Basic dTpodW50ZXIyMg==" else 401, "hunter22")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def guarded() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Guarded)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def tried(**values: Any) -> connection_tests.Tested:
    return connection_tests.run("c", values, user=None)


def test_a_website_is_asked_with_login_and_password(guarded: int):
    site = {"conn_type": "http", "host": "127.0.0.1", "port": guarded}
    secrets.set_connection("c", {**site, "login": "u", "password": "hunter22"})
    found = tried()
    assert found.status and "200" in found.message
    assert "hunter22" not in found.message, "what the server says back is masked"
    # What is given goes before what is stored, and is stored nowhere.
    refused = tried(password="wrong")
    assert not refused.status and "401" in refused.message
    assert secrets.get_connection("c")["password"] == "hunter22"
    assert [each.extra["works"] for each in AuditEntry.objects.order_by("pk")] == [True, False]
    assert "hunter22" not in str(list(AuditEntry.objects.values_list("extra", flat=True)))


def test_files_are_looked_at(tmp_path: Path):
    place = tmp_path / "some.db"
    assert not tried(conn_type="sqlite", host=str(place)).status
    sqlite3.connect(place).executescript("CREATE TABLE t (x)")
    assert tried(conn_type="sqlite", host=str(place)).status
    (tmp_path / "text").write_text("no database, but long enough to be read as one" * 9)
    assert "not a database" in tried(conn_type="sqlite", host=str(tmp_path / "text")).message
    assert tried(conn_type="fs", extra=json.dumps({"path": str(tmp_path)})).status
    assert not tried(conn_type="fs", extra=json.dumps({"path": str(tmp_path / "absent")})).status


def test_an_open_port_is_no_proof_and_a_closed_one_is_told():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        found = tried(conn_type="postgres", host="127.0.0.1", port=port)
    assert not found.status and "answers. Nothing more was tried" in found.message
    assert "does not answer" in tried(conn_type="postgres", host="127.0.0.1", port=port).message
    assert "without a host" in tried(conn_type="snowflake").message
    assert "without a port" in tried(conn_type="strange", host="127.0.0.1").message


def test_the_hook_of_an_installed_package_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "acme.py").write_text(
        "from airflow.sdk import BaseHook\n"
        "def info(): return {'connection-types': [{'connection-type': 'acme', 'hook-class-name': 'acme.Hook'}]}\n"
        "class Hook(BaseHook):\n"
        "    conn_name_attr = 'acme_id'\n"
        "    def __init__(self, acme_id): self.acme_id = acme_id\n"
        "    def test_connection(self):\n"
        "        print('noise')\n"
        "        return True, self.get_connection(self.acme_id).host\n"
    )
    about = tmp_path / "acme-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[apache_airflow_provider]\nprovider_info = acme:info\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert tried(conn_type="acme", host="far") == connection_tests.Tested(True, "far")


def test_one_that_never_answers_is_ended(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings.ORCH, "test_connection_seconds", 0.2)
    monkeypatch.setattr(connection_tests, "STARTING", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = tried(conn_type="http", host="127.0.0.1", port=silent.getsockname()[1])
    assert not found.status and "No answer within 0.2 seconds" in found.message


def test_only_so_many_are_tried_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connection_tests, "_under_way", threading.BoundedSemaphore(1))
    with connection_tests._under_way, pytest.raises(connection_tests.TooManyTests):
        tried(conn_type="fs")
    tried(conn_type="fs")


@pytest.mark.parametrize("mode", ["Disabled", "Hidden"])
def test_nothing_is_tried_unless_it_is_enabled(monkeypatch: pytest.MonkeyPatch, mode: str):
    monkeypatch.setattr(settings.ORCH, "test_connection", mode)
    with pytest.raises(OrchestratorError, match="AIRFLOW__CORE__TEST_CONNECTION=Enabled") as refused:
        tried(conn_type="fs")
    assert refused.value.status == 403 and not AuditEntry.objects.exists()


def test_a_connection_without_a_type_is_refused():
    with pytest.raises(InvalidEntry, match="conn_type"):
        tried(host="h")
    assert not Connection.objects.exists()


def test_the_command_tries_a_stored_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    secrets.set_connection("here", {"conn_type": "fs", "extra": json.dumps({"path": str(tmp_path)})})
    call_command("connections", "test", "here")
    assert "is there" in capsys.readouterr().out
    secrets.set_connection("gone", {"conn_type": "fs", "extra": json.dumps({"path": str(tmp_path / "x")})})
    with pytest.raises(CommandError, match="does not work"):
        call_command("connections", "test", "gone")
    with pytest.raises(CommandError, match="no connection"):
        call_command("connections", "test", "absent")
