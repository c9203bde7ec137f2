"""Each role by itself, as a real process: it says that it is there, and SIGTERM ends it cleanly."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runs_app.models import Process
from tests.support.processes import tree
from tests.support.servers import free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def manage(environment: dict[str, str], *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def alive() -> set[str]:
    return set(Process.objects.filter(ended_at__isnull=True).values_list("kind", flat=True))


@pytest.mark.parametrize(
    ("role", "kinds"),
    [
        ("scheduler", {"beat", "control"}),
        ("worker", {"slot"}),
        ("web", {"web"}),
        ("triggerer", {"triggerer"}),
        ("dag_processor", {"processor"}),
    ],
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_role_by_itself_says_that_it_lives_and_stops_cleanly(process_environment, role, kinds, number, tmp_path):
    environment = {**process_environment, "PORT": str(free_port()), "DAGS_FOLDER": str(tmp_path)}
    with manage(environment, role) as process:
        wait_for(lambda: alive() == kinds or process.poll() is not None, 40, f"{kinds} to be registered")
        assert process.poll() is None, process.stdout.read()
        below = tree(process.pid)
        process.send_signal(number)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert "Traceback" not in said and "Error" not in said, said
    assert alive() == set()
    assert set(Process.objects.values_list("end_reason", flat=True)) == {"stopped"}
    assert not [each.command() for each in below if Path(f"/proc/{each.pid}").exists()]


COMMANDS = (
    *("web", "worker", "scheduler", "triggerer", "dag_processor --once", "dags list", "runs list", "check_invariants"),
    *("tasks logs a b c", "pools list", "variables list", "connections list"),
)


@pytest.mark.parametrize("words", COMMANDS)
def test_without_tables_a_command_says_what_to_do(tmp_path, words):
    done = unable(words, {"ORCHESTRATOR_HOME": str(tmp_path), "DATABASE_URL": ""})
    assert "manage.py migrate" in done.stderr


@pytest.mark.parametrize("words", ["triggerer", "runs list", "check_invariants"])
def test_without_a_database_a_command_says_which_setting_names_it(tmp_path, words):
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    done = unable(words, {"ORCHESTRATOR_HOME": str(tmp_path), "DATABASE_URL": url})
    assert "DATABASE_URL" in done.stderr


def unable(words: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command that cannot do its work."""
    done = subprocess.run(
        [sys.executable, "manage.py", *words.split()],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == (126 if words == "check_invariants" else 1), done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) <= 3, done.stderr
    return done


def test_the_health_answer_has_airflows_shape_whoever_lives(process_environment):
    port = free_port()
    with manage({**process_environment, "PORT": str(port)}, "web"):
        wait_for(lambda: alive() == {"web"}, 40, "the web server to be registered")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/api/v2/monitor/health")
        body = connection.getresponse().read().decode()
        connection.close()
    for name in ("metadatabase", "scheduler", "triggerer", "dag_processor"):
        assert f'"{name}"' in body
    assert '"web"' not in body


def test_a_web_server_whose_port_is_taken_says_so_and_ends(process_environment):
    port = free_port()
    with manage({**process_environment, "PORT": str(port)}, "web") as first:
        wait_for(lambda: alive() == {"web"}, 40, "the web server to be registered")
        again = subprocess.run(
            [sys.executable, "manage.py", "web"],
            cwd=ROOT,
            env={**process_environment, "PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert first.poll() is None
    assert again.returncode != 0 and str(port) in again.stderr and "Traceback" not in again.stderr
