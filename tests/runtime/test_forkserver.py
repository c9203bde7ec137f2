"""Attempts and parses in real processes."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from orchestrator.runtime.client import ForkServer
from orchestrator.runtime.forkserver import SPARES

DAG_FILE = """
import os, sys, time
from airflow.sdk import DAG, task
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("d") as dag:
    @task
    def hello(name="you"):
        print("hello", name)
        print("to stderr", file=sys.stderr)
        return {"n": 1}

    @task
    def fail():
        raise ValueError("boom")

    @task
    def sleep():
        time.sleep(60)

    @task
    def show_env():
        return sorted(os.environ)

    @task
    def crash():
        os._exit(7)

    @task
    def heavy():
        had = "pendulum" in sys.modules
        import pendulum
        return had

    hello(); fail(); sleep(); show_env(); crash(); heavy()
"""


@pytest.fixture
def server():
    made = ForkServer()
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "d.py").write_text(DAG_FILE)
    return tmp_path


def assignment(folder: Path, task_id: str) -> dict:
    run = {
        "run_id": "r1",
        "dag_id": "d",
        "logical_date": "2024-03-01T00:00:00+00:00",
        "run_after": "2024-03-01T00:00:00+00:00",
        "conf": {},
    }
    return {
        "kind": "task", "root": str(folder), "file": "d.py", "dag_id": "d", "task_id": task_id, "map_index": -1, "try_number": 1,
        "max_tries": 0, "run": run, "started_at": "2024-03-01T00:00:00+00:00",
    }  # fmt: skip


def messages(child, limit: float = 20.0) -> list[dict]:
    found, deadline = [], time.monotonic() + limit
    while time.monotonic() < deadline:
        try:
            for message in child.read():
                if message["type"] == "ask" and message["id"] is not None:
                    child.answer(message["id"])
                found.append(message)
        except EOFError:
            return found
    raise AssertionError("the child did not end")


def test_a_task_runs_and_its_output_is_captured(server, folder):
    child = server.run(assignment(folder, "hello"))
    found = messages(child)
    assert (found[-1]["type"], found[-1]["outcome"], found[-1]["map_label"]) == ("result", "success", None)
    assert 0 < found[-1]["cpu_seconds"] < 20 and found[-1]["peak_bytes"] > 1 << 20
    assert {"key": "return_value", "value": {"n": 1}, "length": 1} in [each.get("args") for each in found]
    assert os.read(child.out_fd, 1000) == b"hello you\n"
    assert os.read(child.err_fd, 1000) == b"to stderr\n"
    assert child.wait(5).code == 0


def test_a_failure_is_told_with_its_reason(server, folder):
    found = messages(server.run(assignment(folder, "fail")))
    assert found[-1]["outcome"] == "failed" and found[-1]["error"] == "ValueError: boom"
    (told,) = [each["event"] for each in found if "boom" in each.get("event", "")]
    assert 'File "d.py", line ' in told and str(folder) not in told


def test_a_killed_child_is_reported_with_its_signal(server, folder):
    child = server.run(assignment(folder, "sleep"))
    child.signal(signal.SIGKILL)
    messages(child)
    assert child.wait(5).signal == "SIGKILL"


def test_an_exit_code_is_reported(server, folder):
    child = server.run(assignment(folder, "crash"))
    assert not [each for each in messages(child) if each["type"] == "result"]
    assert child.wait(5).code == 7


def test_the_environment_of_a_task_holds_no_credentials(server, folder, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("SECRET_KEY", "secret")
    found = messages(server.run(assignment(folder, "show_env")))
    names = next(each["args"]["value"] for each in found if each["type"] == "ask")
    assert "AIRFLOW_CTX_DAG_ID" in names
    assert not {"DATABASE_URL", "SECRET_KEY", "REDIS_URL"} & set(names)


def test_a_large_module_that_one_attempt_imported_is_there_for_the_next_ones(server, folder):
    had = []
    for _ in range(2 + SPARES):  # the first of them may be spares from before the first one told
        found = messages(server.run(assignment(folder, "heavy")))
        had += [each["args"]["value"] for each in found if each["type"] == "ask"]
    assert had[0] is False and had[-1] is True


def test_a_hundred_attempts_in_a_row_leak_no_descriptor(server, folder):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(100):
        child = server.run(assignment(folder, "hello"))
        assert messages(child)[-1]["outcome"] == "success"
        child.close()
    assert len(os.listdir("/proc/self/fd")) <= before + 12


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", None),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("def broken(:", "SyntaxError"),
        ("import os; os._exit(3)", "exit code 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("while True: pass", "took longer than 2 s"),
        ("raise SystemExit(1)", "SystemExit"),
        ("from airflow.sdk import DAG\nDAG('bad id!')", "alphanumeric"),
    ],
)
def test_a_parse_always_gives_an_answer(server, tmp_path, text, message):
    (tmp_path / "f.py").write_text(text)
    found = server.parse(str(tmp_path), "f.py", timeout=2, memory_bytes=1 << 30)
    assert found.dags == []
    if message is None:
        assert found.errors == []
    else:
        assert message in found.errors[0]["message"]


def test_a_parse_returns_the_dags(server, folder):
    found = server.parse(str(folder), "d.py", timeout=10, memory_bytes=1 << 30)
    assert found.errors == []
    assert [each["dag_id"] for each in found.dags] == ["d"]
    assert found.modules == ["d.py"]
