"""Starting where something is in the way: each gets one clear line, and nothing is left running."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from runs_app import first_start
from tests.support.servers import free_port

ROOT = Path(__file__).resolve().parents[2]


def start(home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    env = {**clean, "ORCHESTRATOR_HOME": str(home), "PORT": str(free_port()), **environment}
    command = [sys.executable, "manage.py", "standalone"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=90, check=False)


def refused(found: subprocess.CompletedProcess[str], *words: str) -> None:
    assert found.returncode != 0
    assert "Traceback" not in found.stderr + found.stdout
    for word in words:
        assert word in found.stderr, found.stderr


def test_a_port_in_use_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused(start(tmp_path, PORT=port), f"Port {port}", "PORT")


def test_a_redis_that_cannot_be_reached_is_named(tmp_path):
    refused(start(tmp_path, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0"), "Redis", "REDIS_URL")


def test_a_database_that_cannot_be_reached_is_named(tmp_path):
    address = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    refused(start(tmp_path, DATABASE_URL=address), "database", "DATABASE_URL")


@pytest.mark.parametrize(("name", "value"), [("PORT", "many"), ("ORCHESTRATOR_SLOTS", "two"), ("HTTPS", "perhaps")])
def test_a_setting_that_cannot_be_read_is_named(tmp_path, name, value):
    refused(start(tmp_path, **{name: value}), name, value)


def test_a_path_too_long_for_a_socket_is_named(tmp_path):
    refused(start(tmp_path / ("long" * 30)), "too long", "ORCHESTRATOR_HOME")


def test_the_home_is_nobody_elses_and_held_by_one(tmp_path, settings):
    settings.ORCH.home, before = tmp_path / "home", settings.ORCH.home
    try:
        held = first_start.take_home()
        assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700
        with pytest.raises(first_start.CannotStart, match=f"Already running.*pid {os.getpid()}"):
            first_start.take_home()
        held.close()
        first_start.take_home().close()
    finally:
        settings.ORCH.home = before


@pytest.mark.django_db
def test_the_first_admin_has_a_password_that_is_random_and_known_to_nobody_else(monkeypatch):
    monkeypatch.delenv("ORCHESTRATOR_ADMIN_USER", raising=False)
    monkeypatch.delenv("ORCHESTRATOR_ADMIN_PASSWORD", raising=False)
    name, password = first_start.make_admin()
    assert name == "admin" and len(password) >= 16
    assert first_start.make_admin() is None


@pytest.mark.django_db
def test_an_admin_named_by_the_environment_is_made_once_and_never_overwritten(monkeypatch, django_user_model):
    monkeypatch.setenv("ORCHESTRATOR_ADMIN_USER", "ada")
    monkeypatch.setenv("ORCHESTRATOR_ADMIN_PASSWORD", "first-of-all-1")
    assert first_start.make_admin() is None
    monkeypatch.setenv("ORCHESTRATOR_ADMIN_PASSWORD", "another-one-2")
    first_start.make_admin()
    user = django_user_model.objects.get(username="ada")
    assert user.is_superuser and user.check_password("first-of-all-1")


def test_static_files_are_collected_once(tmp_path, settings):
    settings.STATIC_ROOT = tmp_path / "static"
    assert first_start.collect_static() is True
    assert first_start.collect_static() is False
    assert (tmp_path / "static" / "staticfiles.json").exists()
