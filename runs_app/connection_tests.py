"""Trying a connection: in a process of its own with a time limit, never in the server's, whose threads and secrets it lacks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from dags_app import secrets
from dags_app.secrets import FIELDS
from orchestrator.logs.mask import Masker
from orchestrator.runtime.environment import child_environment

from .actions import audit
from .exceptions import OrchestratorError
from .registry import InvalidEntry

MOST_AT_ONCE = 4
"""Tests under way in one server process: each holds a thread of it until it ends."""
STARTING = 5.0
"""Seconds that the process itself may take besides the limit of the test."""
_under_way = threading.BoundedSemaphore(MOST_AT_ONCE)


class TestingDisabled(OrchestratorError):
    """The setting does not allow it, which is the default: a test reaches whatever the server's network reaches."""

    status = 403

    def __init__(self) -> None:
        super().__init__(
            "Testing connections is disabled. Whoever runs this server enables it: AIRFLOW__CORE__TEST_CONNECTION=Enabled"
        )


class TooManyTests(OrchestratorError):
    status = 429
    wait = 10

    def __init__(self) -> None:
        super().__init__(f"{MOST_AT_ONCE} connections are being tested at the moment: try again in some seconds")


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of a test."""

    status: bool
    message: str


def mode() -> str:
    """``Enabled``, ``Disabled`` or ``Hidden``: whether connections can be tested, and whether pages speak of it."""
    return str(settings.ORCH.test_connection)


def run(conn_id: str, values: Mapping[str, Any], *, user: Any) -> Tested:
    """Try a connection of these fields; those that are left out are of the one of this name, where there is one.

    Raises:
        TestingDisabled, TooManyTests: nothing was tried.
        InvalidEntry: it has no type, or its secrets cannot be read.
    """
    if mode() != "Enabled":
        raise TestingDisabled
    whole = _whole(conn_id, values)
    if not _under_way.acquire(blocking=False):
        raise TooManyTests
    try:
        found = _spawned(conn_id, whole)
    finally:
        _under_way.release()
    mask = Masker(secrets.sensitive_values(whole)).mask
    audit(user, "test_connection", connection=conn_id, conn_type=whole["conn_type"], works=found.status)
    return Tested(found.status, mask(found.message))


def _whole(conn_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    try:
        stored = (secrets.get_connection(conn_id) if conn_id else None) or {}
    except secrets.SecretError as error:
        raise InvalidEntry(str(error)) from error
    whole = {name: values[name] if name in values else stored.get(name) for name in FIELDS}
    if not whole["conn_type"]:
        raise InvalidEntry("A connection needs a conn_type, such as postgres or http")
    return whole


def _spawned(conn_id: str, whole: Mapping[str, Any]) -> Tested:
    limit = float(settings.ORCH.test_connection_seconds)
    request = json.dumps({"conn_id": conn_id or "tested", "timeout": limit, **whole})
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator.runtime.try_connection"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
        start_new_session=True,
        text=True,
    )
    try:
        answer, _ = process.communicate(request, timeout=limit + STARTING)
    except subprocess.TimeoutExpired:
        return Tested(False, f"No answer within {limit:g} seconds")
    finally:
        _end(process)
    try:
        found = json.loads(answer)
        return Tested(bool(found["status"]), str(found["message"]))
    except (ValueError, KeyError, TypeError):
        return Tested(False, f"The process that tried it ended without an answer: exit code {process.returncode}")


def _end(process: subprocess.Popen[str]) -> None:
    """End the process with all that a driver started; it is a group of its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.communicate()
