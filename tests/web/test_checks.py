"""``manage.py check --deploy``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks

from orchestrator.celery import app

ROOT = Path(__file__).resolve().parents[2]


def problems() -> set[str]:
    return {
        each.id for each in run_checks(include_deployment_checks=True) if (each.id or "").startswith("orchestrator")
    }


def redis(settings, monkeypatch, url: str, broker: str | None = None) -> None:
    settings.REDIS_URL = url
    monkeypatch.setattr(app.conf, "broker_url", broker or url)


def test_behind_https_it_has_nothing_to_say(tmp_path):
    environment = {**os.environ, "ORCHESTRATOR_HOME": str(tmp_path), "HTTPS": "true"}
    environment |= {"REDIS_URL": "rediss://:a-password@redis.internal:6379/0"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "no issues" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("redis://redis.internal:6379/0", False),
        ("redis://10.0.0.7/0", False),
        ("rediss://someone@redis.internal:6379/0", False),
        ("redis://:secret@redis.internal:6379/0", True),
        ("redis://127.0.0.1:6379/0", True),
        ("redis://[::1]:6379/0", True),
        ("redis://localhost/0", True),
        ("unix:///run/redis.sock", True),
    ],
)
def test_a_redis_elsewhere_needs_a_password(settings, monkeypatch, url, fine):
    redis(settings, monkeypatch, url)
    assert problems() == (set() if fine else {"orchestrator.E002"})


def test_so_does_a_broker_of_its_own_if_it_is_a_redis(settings, monkeypatch):
    redis(settings, monkeypatch, "redis://localhost/0", "redis://redis.internal/1")
    assert problems() == {"orchestrator.E002"}
    redis(settings, monkeypatch, "redis://localhost/0", "amqp://rabbit.internal//")
    assert problems() == set()


def test_debugging_is_refused(settings):
    settings.DEBUG = True
    assert problems() == {"orchestrator.E001"}
