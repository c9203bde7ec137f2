"""``manage.py dag_processor`` as a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dags_app.models import Dag
from runs_app.models import Process
from tests.support import processes

from .conftest import dag_text, live

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 60.0


def wait_for(condition: Callable[[], bool]) -> None:
    deadline, pause = time.monotonic() + LIMIT, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        pause.wait(0.02)


@pytest.fixture
def started(process_environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    (tmp_path / "etl.py").write_text(dag_text("etl"))
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "dag_processor"],
        env={**process_environment, "DAGS_FOLDER": str(tmp_path), "LOG_LEVEL": "WARNING"},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: live() == ["etl"])
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_it_holds_a_lease_and_leaves_nothing_behind(started):
    row = Process.objects.get(kind="processor")
    assert (row.pid, row.ended_at) == (started.pid, None)
    family = processes.tree(started.pid)
    assert len(family) > 1
    started.send_signal(signal.SIGTERM)
    _, errors = started.communicate(timeout=LIMIT)
    assert (started.returncode, errors) == (0, "")
    row.refresh_from_db()
    assert row.ended_at is not None and row.end_reason == "stopped"
    wait_for(lambda: not any(_runs(each) for each in family))


def test_it_goes_on_when_the_process_that_parses_is_killed(started, tmp_path):
    for each in processes.tree(started.pid)[1:]:
        processes.send([each])
    (tmp_path / "etl.py").write_text(dag_text("etl", arguments="description='after'"))
    wait_for(lambda: Dag.objects.filter(description="after").exists())
    assert started.poll() is None


def test_killing_it_ends_what_it_started(started):
    family = processes.tree(started.pid)
    started.kill()
    wait_for(lambda: not any(_runs(each) for each in family))


def _runs(process: processes.Running) -> bool:
    found = processes.look_up(process.pid)
    return found is not None and found.started == process.started
