"""Celery beat with our scheduler, as a real process on the test's own database and Redis."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from orchestrator import wake
from orchestrator.celery import CONTROL_QUEUE
from runs_app.models import Process
from tests.runs_app.engine import end, python_dag, seconds, slot, start, take
from tests.support.servers import Redis, wait_for

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
from orchestrator import celery
import django
django.setup()
from celery.apps.beat import Beat
Beat(app=celery.app, loglevel="WARNING", quiet=True, pidfile=None).run()
"""

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("emptied")]


class Beats:
    """Beat processes, and the requests for a pass that they send."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.environment, self.log = environment, log
        self.running: list[subprocess.Popen[bytes]] = []
        self.client = redis.Redis.from_url(environment["REDIS_URL"], socket_timeout=60)

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-c", SCRIPT], cwd=ROOT, env=self.environment, stdout=out, stderr=out
            )
        self.running.append(process)
        return process

    def request(self, limit: float = 20.0) -> float:
        """Wait for the next request; return when it came."""
        found = self.client.blpop([CONTROL_QUEUE], timeout=limit)
        assert found is not None, self.log.read_text()[-3000:]
        return time.time()

    def settle(self) -> None:
        """Wait until it beats steadily, and forget what it asked so far."""
        self.request(30)
        self.request()
        self.client.delete(CONTROL_QUEUE)

    def stop(self) -> None:
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        self.client.close()
        try:
            assert all(process.wait(10) == 0 for process in self.running), self.log.read_text()[-3000:]
        finally:
            for process in self.running:
                process.kill()  # one that hangs must not outlive its test
                process.wait()


@pytest.fixture
def beats(process_environment: dict[str, str], tmp_path: Path) -> Iterator[Beats]:
    found = Beats(process_environment, tmp_path / "beat.log")
    found.client.delete(CONTROL_QUEUE)
    yield found
    found.stop()


def test_beat_asks_for_a_pass_every_second_and_has_a_lease(beats):
    process = beats.start()
    beats.settle()
    first = beats.request()
    assert beats.request() - first < 1.5
    assert Process.objects.get(kind="beat", ended_at__isnull=True).pid == process.pid
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert Process.objects.get(kind="beat").ended_at is not None


def test_an_instant_that_the_database_knows_is_kept(beats, monkeypatch):
    monkeypatch.setattr(wake, "due", lambda at: None)
    beats.start()
    beats.settle()
    start(python_dag("retry", {"a": ()}, tasks={"retries": 1, "retry_delay": seconds(2.4)}))
    row = take(slot())
    now = timezone.now()
    end(row, "failed", now=now)
    due = (now + seconds(2.4)).timestamp()
    asked = [beats.request() for _ in range(4)]
    assert any(0 <= at - due < 0.25 for at in asked), [at - due for at in asked]


def test_a_nudge_shortens_the_sleep(beats, monkeypatch, process_environment):
    monkeypatch.setattr(wake, "_redis", redis.Redis.from_url(process_environment["REDIS_URL"]))
    monkeypatch.setattr(wake, "_due_resting_until", 0.0)
    beats.start()
    beats.settle()
    late = []
    for _ in range(5):
        beats.request()
        due = timezone.now() + seconds(0.2)
        wake.due(due)
        late.append(beats.request() - due.timestamp())
    assert all(-0.05 < each < 0.5 for each in late), late


def test_the_librarys_own_periodic_tasks_go_on(beats):
    beats.start()
    beats.settle()
    every = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(name="mine", task="drain", args='["q"]', interval=every, queue="mine")
    try:
        assert beats.client.blpop(["mine"], timeout=20) is not None
    finally:
        beats.client.delete("mine")


def test_beat_outlives_redis(beats, redis_server: Redis):
    process = beats.start()
    beats.settle()
    redis_server.kill()
    try:
        time_of_death = time.monotonic()
        wait_for(lambda: time.monotonic() - time_of_death > 2.5 or process.poll() is not None, 5)
        assert process.poll() is None
    finally:
        redis_server.start()
    beats.client = redis.Redis.from_url(beats.environment["REDIS_URL"], socket_timeout=60)
    beats.request(20)


@pytest.mark.skipif("os.environ.get('TEST_DATABASE') != 'postgresql'", reason="SQLite has no connections to cut")
def test_beat_outlives_its_database_connections(beats):
    from django.db import connection

    process = beats.start()
    beats.settle()
    for _ in range(5):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        beats.request()
    assert process.poll() is None
    beat_at = Process.objects.filter(kind="beat").latest("pk").beat_at
    wait_for(lambda: Process.objects.filter(kind="beat").latest("pk").beat_at > beat_at, 30, "another heartbeat")


def test_two_beats_ask_twice_and_one_dead_leaves_the_other(beats):
    first = beats.start()
    beats.start()
    wait_for(lambda: Process.objects.filter(kind="beat").count() == 2, 30, "two beats")
    first.kill()
    first.wait()
    beats.running.remove(first)
    beats.client.delete(CONTROL_QUEUE)
    began = time.time()
    assert beats.request() - began < 1.5
    assert os.getpid() not in {process.pid for process in beats.running}
