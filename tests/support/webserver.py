"""The web server as a process of its own, on the database that the test works with."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from .servers import free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def running(*, static: bool = False) -> Iterator[str]:
    """Start a server and give its address; with ``static`` its pages have their styles and scripts.

    The test must commit what it makes (``transactional_db``).

    Raises:
        AssertionError: the server did not start, or wrote a traceback.
    """
    if static and not (Path(settings.STATIC_ROOT) / "staticfiles.json").exists():
        call_command("collectstatic", interactive=False, verbosity=0)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environ = {**os.environ, "DATABASE_URL": database_url(), "PORT": str(port)}
    command = [sys.executable, "-m", "uvicorn", "orchestrator.asgi:application", "--host", "127.0.0.1"]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--log-level", "warning"],
            cwd=ROOT,
            env=environ,
            stderr=output,
            stdout=output,
        )
        try:
            wait_for(lambda: _answers(address, process), 30, "an answer of the web server")
            yield address
        finally:
            process.terminate()
            process.wait(timeout=20)
        output.seek(0)
        text = output.read()
        assert "Traceback" not in text, text


def database_url() -> str:
    """Return the address of the test's database."""
    found = connection.settings_dict
    if found["ENGINE"].endswith("sqlite3"):
        return f"sqlite:///{found['NAME']}"
    account = f"{quote(found['USER'] or '')}:{quote(found['PASSWORD'] or '')}"
    host = found["HOST"] or found["OPTIONS"].get("host", "")  # a folder, where the server listens on a socket
    port = f"&port={found['PORT']}" if found["PORT"] else ""
    return f"postgresql://{account}@/{found['NAME']}?host={quote(host, safe='')}{port}"


def _answers(address: str, process: Any) -> bool:
    assert process.poll() is None, "the web server ended"
    try:
        return bool(urllib.request.urlopen(f"{address}/api/v2/monitor/health", timeout=5).status == 200)
    except OSError:  # not there yet, or so slow that an answer takes more than the timeout
        return False
