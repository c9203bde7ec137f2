"""The program ``orchestrator``, run as people and pipelines run it, against a whole installation with workers."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from orchestrator.client.problems import FAILED, INTERRUPTED, NOT_YET, REFUSED, SUCCESS, UNREACHED
from tests.support import processes
from tests.support.servers import free_port, wait_for
from tests.support.standalone import ROOT, Standalone

PROGRAM = Path(sys.executable).with_name("orchestrator")
DAGS = """
import os, time
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag, task

@dag(tags=["tale"])
def story():
    @task
    def tell(params=None, dag_run=None):
        print("once upon a time")
        while (dag_run.conf or {}).get("gate") and not os.path.exists(dag_run.conf["gate"]):
            time.sleep(0.05)
        print("the end")
        return {"told": 2}
    tell() >> BashOperator(task_id="rest", bash_command="echo afterwards; printf '\\\\033[2Jcleared?\\\\n'")

@dag
def broken():
    @task
    def fall():
        raise ValueError("no ground")
    fall()

@dag(schedule="@daily", start_date=__import__("pendulum").datetime(2026, 3, 1))
def daily():
    @task
    def day():
        pass
    day()

story(), broken(), daily()
"""


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    made = Standalone(tmp_path_factory.mktemp("client"))
    (made.dags_folder / "dags.py").write_text(DAGS)
    made.environment["ORCHESTRATOR_PAUSED_AT_CREATION"] = "true"  # nothing runs but what is triggered
    made.start()
    try:
        made.wait_until_healthy()
        made.wait_for_dags("story", "broken", "daily")
        for dag_id in ("story", "broken"):
            made.call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})
        yield made
    finally:
        made.stop()


class Shell:
    """Somebody's terminal: her home, her variables."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORCHESTRATOR", "XDG"))}
        self.environment = {**kept, "HOME": str(home), **environment}

    def run(
        self, *words: str, code: int = SUCCESS, sent: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [PROGRAM, *words],
            env={**self.environment, **environment},
            input=sent,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.home,
        )
        assert done.returncode == code, (words, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
        assert "Traceback" not in done.stderr
        return done

    def json(self, *words: str) -> object:
        return json.loads(self.run(*words, "--output", "json").stdout)


@pytest.fixture
def shell(installation: Standalone, tmp_path: Path) -> Shell:
    """A terminal that has an address and a token of the administrator."""
    installation.get("/api/v2/dags")
    assert installation._token
    return Shell(tmp_path, ORCHESTRATOR_URL=installation.url, ORCHESTRATOR_TOKEN=installation._token)


def test_it_starts_without_the_server_and_without_its_own_http():
    code = "import sys; from orchestrator.client import main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"django", "httpx", "yaml", "asyncio", "rest_framework"} & set(loaded) == set()


def test_a_run_is_followed_to_its_end(shell):
    done = shell.run("runs", "trigger", "story", "--conf", '{"a": 1}', "--follow")
    told, rest = ["tell | once upon a time", "tell | the end"], ["rest | afterwards", "rest | cleared?"]
    lines = done.stdout.splitlines()
    assert [each for each in lines if each in told] == told
    assert [each for each in lines if each in rest] == rest
    assert done.stderr.splitlines()[-1].endswith(": success")
    assert shell.run("runs", "trigger", "broken", "--follow", code=FAILED).stdout.count("no ground") >= 1


def test_a_run_that_does_not_start_says_what_it_waits_for(shell):
    done = shell.run("runs", "trigger", "daily", "--wait", "--timeout", "0.5", code=NOT_YET)
    assert "waits: DAG 'daily' is paused" in done.stderr and "dags unpause daily" in done.stderr


def test_a_run_is_waited_for_and_says_what_its_tasks_returned(shell):
    done = shell.run("runs", "trigger", "story", "--wait", "--result", "tell", "-o", "json")
    found = json.loads(done.stdout)
    assert (found["state"], found["results"]) == ("success", {"tell": {"told": 2}})
    again = shell.run("runs", "wait", "story", found["dag_run_id"], "--output", "plain")
    assert "state\tsuccess" in again.stdout.splitlines()
    run_id = json.loads(shell.run("runs", "trigger", "broken", "-o", "json").stdout)["dag_run_id"]
    shell.run("runs", "wait", "broken", run_id, code=FAILED)


def test_a_key_is_one_run_and_what_is_slow_is_not_waited_for(shell, tmp_path):
    gate = tmp_path / "gate"
    words = ("runs", "trigger", "story", "--conf", json.dumps({"gate": str(gate)}), "--key", f"k-{tmp_path.name}")
    first, second = shell.json(*words), shell.json(*words)
    assert first["dag_run_id"] == second["dag_run_id"]
    late = shell.run("runs", "wait", "story", first["dag_run_id"], "--timeout", "0.3", code=NOT_YET)
    assert "still" in late.stderr
    shell.run(*words[:-1], "other", "--conf", '{"gate": ""}', "--run-id", "x", code=REFUSED)
    assert shell.json("runs", "cancel", "story", first["dag_run_id"], "--reason", "enough")["dag_run_id"]
    shell.run("runs", "wait", "story", first["dag_run_id"], code=FAILED)


class Started:
    """A program that goes on, and the lines it has written so far."""

    def __init__(self, shell: Shell, *words: str) -> None:
        self.said = shell.home / "said"
        with (shell.home / "lines").open("w") as out, self.said.open("w") as said:
            environment = {**shell.environment, "PYTHONUNBUFFERED": "1"}
            # As from a terminal: where the tests run in the background, children would inherit that Ctrl-C means nothing.
            heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
            self.process = subprocess.Popen(
                [PROGRAM, *words], env=environment, stdout=out, stderr=said, preexec_fn=heard
            )
        self.out = shell.home / "lines"

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()

    def lines(self) -> list[str]:
        return self.out.read_text().splitlines()

    def ends(self) -> int:
        code = self.process.wait(60)
        assert "Traceback" not in self.said.read_text()
        return code


def test_a_server_that_is_killed_costs_no_line_and_doubles_none(installation, shell, tmp_path):
    gate = tmp_path / "gate"
    words = ("runs", "trigger", "story", "--conf", json.dumps({"gate": str(gate)}), "--follow")
    with Started(shell, *words) as program:
        wait_for(lambda: "tell | once upon a time" in program.lines(), 30, "the first line")
        web = next(each for each in installation.tree() if processes.listens(each.pid, installation.port))
        processes.send([web])
        installation.disconnect()
        wait_for(lambda: processes.look_up(web.pid) is None, 30, "the web server's end")
        gate.touch()
        assert program.ends() == SUCCESS, program.said.read_text()
        lines = program.lines()
    installation.wait_until_healthy()
    for each in ("tell | once upon a time", "tell | the end", "rest | afterwards"):
        assert lines.count(each) == 1, lines


def test_ctrl_c_leaves_the_run_alone(installation, shell, tmp_path):
    gate = tmp_path / "gate"
    words = ("runs", "trigger", "story", "--conf", json.dumps({"gate": str(gate)}), "--follow")
    with Started(shell, *words) as program:
        wait_for(lambda: "tell | once upon a time" in program.lines(), 30, "the first line")
        program.process.send_signal(signal.SIGINT)
        assert program.ends() == INTERRUPTED
        run_id = program.said.read_text().split()[1]
    assert installation.run_state("story", run_id) == "running"
    gate.touch()
    assert installation.wait_for_run("story", run_id) == "success"


def test_each_failure_has_its_code_and_one_line_that_says_what_to_do(shell, tmp_path):
    assert (
        "404" in shell.run("runs", "trigger", "nope", code=REFUSED).stderr
        or "nope" in shell.run("runs", "show", "nope", "x", code=REFUSED).stderr
    )
    assert "login" in shell.run("dags", "list", code=REFUSED, ORCHESTRATOR_TOKEN="nonsense").stderr
    assert "JSON" in shell.run("runs", "trigger", "story", "--conf", "{", code=REFUSED).stderr
    shell.run("runs", "trigger", code=REFUSED)
    away = f"http://127.0.0.1:{free_port()}"
    assert "could not be reached" in shell.run("--url", away, "dags", "list", code=UNREACHED).stderr
    shell.run("--url", away, "--patience", "0", "runs", "wait", "story", "x", code=UNREACHED)
    assert "address" in shell.run("--url", "ftp://x", "dags", "list", code=REFUSED).stderr
    with socket.create_server(("127.0.0.1", 0)) as other:  # something that is no server of ours
        port = other.getsockname()[1]

        def answer() -> None:
            connection, _ = other.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        wrong = shell.run("--url", f"http://127.0.0.1:{port}", "dags", "list", code=UNREACHED)
        assert "is the URL right" in wrong.stderr


def test_a_sign_in_is_kept_where_nobody_else_may_read_it(installation, tmp_path):
    shell = Shell(tmp_path)
    said = shell.run("dags", "list", code=REFUSED).stderr
    assert "--url" in said
    token = installation.manage("tokens", "create", "admin", "ci", "--json").stdout
    (tmp_path / "token").write_text(json.loads(token)["token"])
    shell.run("--url", installation.url, "login", "--token-file", str(tmp_path / "token"))
    [kept] = [each for each in tmp_path.rglob("tokens.json")]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 and stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert shell.json("whoami")["role"] == "admin"
    # Nobody else's server is sent the token.
    assert "tokens" not in shell.run("--url", f"http://127.0.0.1:{free_port()}", "whoami", code=UNREACHED).stdout
    shell.run("logout")
    assert "--url" in shell.run("whoami", code=REFUSED).stderr
    assert (
        "login"
        in Shell(tmp_path, ORCHESTRATOR_TOKEN_FILE=str(tmp_path / "token"))
        .run("--url", installation.url, "whoami", code=REFUSED)
        .stderr
    )


def test_dags_and_tasks_are_listed_steered_and_drawn(shell):
    assert {each["dag_id"] for each in shell.json("dags", "list")} >= {"story", "broken", "daily"}
    assert [each["dag_id"] for each in shell.json("dags", "list", "--tag", "tale")] == ["story"]
    assert shell.run("dags", "list", "daily", "-o", "plain").stdout.startswith("daily\tyes\t")
    assert shell.json("dags", "show", "story")["dag_id"] == "story"
    assert "is_paused  no" in shell.run("dags", "unpause", "story").stdout
    assert '"tell" -> "rest";' in shell.run("dags", "graph", "story", "--dot").stdout
    drawn = shell.run("dags", "graph", "story", "-o", "plain").stdout.splitlines()
    assert any(line.startswith("tell\t") and line.endswith("\trest") for line in drawn)
    run_id = shell.json("runs", "trigger", "story")["dag_run_id"]
    shell.run("runs", "wait", "story", run_id)
    assert {each["state"] for each in shell.json("tasks", "list", "story", run_id)} == {"success"}
    assert shell.run("tasks", "logs", "story", run_id, "rest").stdout.splitlines().count("afterwards") == 1
    assert "once upon a time" in shell.run("tasks", "logs", "story", run_id, "tell", "--follow").stdout
    assert len(shell.json("runs", "list", "story", "--state", "success", "--limit", "1")) == 1
    asked = shell.run("tasks", "clear", "story", run_id, "tell", "--downstream", code=INTERRUPTED)
    assert "2 task instances" in asked.stderr  # nobody there to say yes
    cleared = shell.run("tasks", "clear", "story", run_id, "rest", "--yes", "-o", "json").stdout
    assert [each["task_id"] for each in json.loads(cleared)] == ["rest"]
    shell.run("runs", "follow", "story", run_id)
    assert shell.json("tasks", "mark", "story", run_id, "rest", "failed")[0]["state"] == "failed"
    assert [each["state"] for each in shell.json("runs", "clear", "story", run_id, "--dry-run")]


def test_what_dags_share_is_written_from_files_and_prompts_and_never_shown(shell, tmp_path):
    shell.run("variables", "set", "v", "-", sent="hunter22\n")
    assert "hunter22" not in shell.run("variables", "get", "v").stdout
    (tmp_path / "pools.json").write_text('{"small": {"slots": 2, "description": "few"}}')
    shell.run("pools", "import", "pools.json")
    shell.run("pools", "set", "small", "3")
    assert [shell.json("pools", "get", "small")[each] for each in ("slots", "description")] == [3, "few"]
    shell.run("connections", "set", "c", "--type", "http", "--host", "h", "--password-file", "-", sent="secret9")
    shell.run("connections", "set", "c", "--port", "8080")
    assert [shell.json("connections", "get", "c")[each] for each in ("host", "port")] == ["h", 8080]
    for kind, name in (("variables", "v"), ("connections", "c"), ("pools", "small")):
        shell.run(kind, "export", f"{kind}.yaml", "--format", "yaml")
        shell.run(kind, "import", f"{kind}.yaml")
        assert name in shell.run(kind, "list", "-o", "plain").stdout
        shell.run(kind, "delete", name, "--yes")
        shell.run(kind, "get", name, code=REFUSED)
    (tmp_path / "bad.json").write_text('{"x": {"slots": 1, "colour": "red"}}')
    assert "colour" in shell.run("pools", "import", "bad.json", code=REFUSED).stderr


def test_backfills_and_completion(shell):
    words = ("daily", "--from", "2026-03-01", "--to", "2026-03-03")
    assert len(shell.json("backfills", "create", *words, "--dry-run")) == 3
    made = shell.json("backfills", "create", *words, "--max-active-runs", "1")
    assert shell.json("backfills", "show", str(made["id"]))["dag_id"] == "daily"
    assert shell.json("backfills", "cancel", str(made["id"]))["completed_at"]
    assert shell.json("assets", "list") == []
    assert "_ORCHESTRATOR_COMPLETE" in shell.run("completion", "bash").stdout


def test_it_is_installed_under_its_name():
    assert PROGRAM.exists()
    assert (ROOT / "pyproject.toml").read_text().count('orchestrator = "orchestrator.client.main:run"') == 1
