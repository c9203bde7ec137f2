"""What only shows in a real attempt of the fork server: signals, process groups, mails about failures."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.runtime.client import ForkServer

from .test_email import Mailbox, mailbox

assert mailbox  # the fixture

DAG_FILE = """
from datetime import timedelta
from airflow.sdk import DAG, task
from airflow.providers.standard.operators.bash import BashOperator

with DAG("d") as dag:
    BashOperator(task_id="bash", bash_command="sleep 300 & echo $! > {folder}/pid; wait")

    @task(email="me@example.org", email_on_retry={on_retry}, retries=1)
    def fail():
        raise ValueError("nothing works today")

    fail()
"""


@pytest.fixture
def server() -> Iterator[ForkServer]:
    made = ForkServer()
    yield made
    made.close()


def assignment(folder: Path, task_id: str, **more: Any) -> dict[str, Any]:
    run = {"run_id": "r1", "dag_id": "d", "run_after": "2024-03-01T00:00:00+00:00", "conf": {}}
    return {
        **{"kind": "task", "root": str(folder), "file": "d.py", "dag_id": "d", "task_id": task_id, "map_index": -1},
        **{"try_number": 1, "max_tries": 0, "run": run, "started_at": "2024-03-01T00:00:00+00:00"},
        **more,
    }


def eventually(condition: Callable[[], Any], limit: float = 20.0) -> Any:
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("it never came true")


def result_of(child: Any) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def ended() -> bool:
        try:
            for message in child.read():
                if message["type"] == "ask":
                    child.answer(message["id"])
                found.append(message)
        except EOFError:
            return True
        return False

    eventually(ended)
    return next(each for each in found if each["type"] == "result")


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_stopping_a_bash_task_ends_what_its_command_started(server: ForkServer, tmp_path: Path):
    (tmp_path / "d.py").write_text(DAG_FILE.format(folder=tmp_path, on_retry=True))
    child = server.run(assignment(tmp_path, "bash"))
    pid = int(eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    assert is_there(pid)
    child.signal(signal.SIGTERM)
    assert result_of(child)["outcome"] == "failed"
    eventually(lambda: not is_there(pid))


@pytest.mark.parametrize(("try_number", "on_retry", "mails"), [(1, True, 1), (1, False, 0), (2, True, 1)])
def test_a_failure_is_told_by_mail(
    server: ForkServer, tmp_path: Path, mailbox: Mailbox, try_number: int, on_retry: bool, mails: int
):
    (tmp_path / "d.py").write_text(DAG_FILE.format(folder=tmp_path, on_retry=on_retry))
    url = f"smtp://127.0.0.1:{mailbox.server_address[1]}/?from=alerts@example.org"
    child = server.run(assignment(tmp_path, "fail", try_number=try_number, max_tries=1, smtp_url=url))
    assert result_of(child)["outcome"] == "failed"
    assert len(mailbox.mails) == mails
    for recipients, message in mailbox.mails:
        assert recipients == ["me@example.org"]
        text = "\n".join(message.get_content().splitlines()) + "\n"
        assert "d.fail" in message["Subject"] and "nothing works today" in text
        assert ("tried again" in message["Subject"]) == (try_number == 1)
        assert f"/dags/d/runs/r1/tasks/fail?try_number={try_number}\n" in text
        assert ("/tasks/fail/mark?state=success\n" in text) == (try_number == 2)


def test_a_mail_server_that_does_not_answer_changes_nothing(server: ForkServer, tmp_path: Path):
    (tmp_path / "d.py").write_text(DAG_FILE.format(folder=tmp_path, on_retry=True))
    child = server.run(assignment(tmp_path, "fail", smtp_url="smtp://127.0.0.1:1/"))
    assert result_of(child)["error"] == "ValueError: nothing works today"
