"""Attempts that look hung, told from those that only take long, on real processes."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from orchestrator.core.spec import TaskSpec
from runs_app import hung, why
from runs_app.models import Attempt
from runs_app.vitals import Vitals, usage, waits_by_design, where
from runs_app.worker import Slot
from tests.support.servers import wait_for

from .test_worker import log_of, parse, short, slot, started  # noqa: F401  # fixtures

HUNG = {
    "deadlock": "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "dead socket": "import socket; one, other = socket.socketpair(); one.recv(1)",
    "sleep": "time.sleep(60)",
    "a command that waits": "import subprocess; subprocess.run(['sleep', '60'])",
}
BUSY = {
    "loop": "while True: pass",
    "query": "import sqlite3; sqlite3.connect(':memory:').execute('WITH RECURSIVE c(x) AS "
    "(SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c').fetchone()",
    "rows that come in slowly": "import subprocess; given = subprocess.Popen(['sh', '-c', "
    "'while :; do echo row; sleep 0.3; done'], stdout=subprocess.PIPE); [None for row in given.stdout]",
    "a command that works": "import subprocess; subprocess.run(['sh', '-c', 'while :; do :; done'])",
}
pytestmark = pytest.mark.usefixtures("short")


def begun(slot: Slot, parse: Any, body: str, after: float = 0.6) -> threading.Thread:  # noqa: F811
    parse(
        f"@task(executor_config={{'looks_hung_after': {after}}})\ndef t():\n    print('begun', flush=True)\n    {body}\nt()"
    )
    return started(slot)[1]


def end(slot: Slot, thread: threading.Thread) -> None:  # noqa: F811
    assert slot.running is not None
    slot.running.cancel("the test has seen enough", at_once=True)
    thread.join(20)
    assert not thread.is_alive()


@pytest.mark.parametrize("body", HUNG.values(), ids=HUNG)
def test_what_shows_no_sign_of_life_is_told_with_its_stack(slot: Slot, parse: Any, body: str):  # noqa: F811
    thread = begun(slot, parse, body)
    wait_for(lambda: Attempt.objects.filter(hung_since__isnull=False).exists(), 20, "it being told")
    attempt = Attempt.objects.select_related("task_instance__run__dag").get()
    assert attempt.hung_since >= attempt.started_at
    assert "in t" in attempt.stack and "d.py" in attempt.stack
    assert "d.py" in log_of(attempt.task_instance.run)
    assert ("Processes it started" in attempt.stack) == ("subprocess" in body)
    reasons = why.of_task(attempt.task_instance, timezone.now())
    assert [each.kind for each in reasons] == ["looks_hung"]
    assert [each.pk for each in hung.of_run(attempt.task_instance.run_id)] == [attempt.pk]
    end(slot, thread)
    assert hung.of_run(attempt.task_instance.run_id) == []


@pytest.mark.parametrize("body", BUSY.values(), ids=BUSY)
def test_what_only_takes_long_is_let_be(slot: Slot, parse: Any, body: str):  # noqa: F811
    thread = begun(slot, parse, body)
    watch = slot.running.watch
    first = watch.vitals.alive_at
    wait_for(lambda: watch.vitals.alive_at > first + 3, 30, "signs of life for five times as long as is waited for one")
    assert not watch.told
    end(slot, thread)
    attempt = Attempt.objects.get()
    assert (attempt.hung_since, attempt.stack) == (None, None)
    assert attempt.peak_bytes > 1_000_000


def test_what_goes_on_is_hung_no_longer(slot: Slot, parse: Any, tmp_path: Any):  # noqa: F811
    pipe = tmp_path / "pipe"
    thread = begun(
        slot, parse, f"os.mkfifo({str(pipe)!r}); open({str(pipe)!r}).read(); print('on', flush=True); time.sleep(60)"
    )
    wait_for(lambda: Attempt.objects.filter(hung_since__isnull=False).exists(), 20, "it being told")
    pipe.write_text("x")
    wait_for(lambda: not Attempt.objects.filter(hung_since__isnull=False).exists(), 20, "it being taken back")
    assert Attempt.objects.get().stack
    end(slot, thread)


def test_the_processor_time_and_memory_of_all_its_processes_count(slot: Slot, parse: Any):  # noqa: F811
    code = "x = bytearray(120_000_000); import time; time.sleep(60)"
    thread = begun(slot, parse, f"import subprocess; subprocess.run([sys.executable, '-c', {code!r}])", after=0)
    wait_for(lambda: slot.running.watch.vitals.peak_bytes > 130_000_000, 20, "both processes being counted")
    end(slot, thread)
    assert Attempt.objects.get().peak_bytes > 130_000_000


def test_a_task_has_its_own_patience_or_the_settings(monkeypatch: Any):
    monkeypatch.setattr(settings.ORCH, "hung_seconds", 77.0)
    assert hung.patience(None) == 77
    assert hung.patience(TaskSpec("t", display={"executor_config": {"looks_hung_after": 0}})) == 0
    assert hung.patience(TaskSpec("t", display={"executor_config": {"looks_hung_after": "soon"}})) == 77


def test_a_process_that_is_gone_has_used_nothing_and_is_not_hung():
    assert usage(2**22 + 1).processes == {}
    assert Vitals(2**22 + 1, 0.001).look(0.0) == 0


def test_a_sensor_between_two_looks_waits_by_design():
    stack = 'Thread 0x1 (most recent call first):\n  File "/a/x.py", line 1 in other\n\nCurrent thread 0x2 (most recent call first):\n'
    sensor = stack + '  File "/b/orchestrator/sdk/clock.py", line 23 in sleep\n  File "/a/d.py", line 9 in t\n'
    assert waits_by_design(sensor) and not waits_by_design(stack + '  File "/a/d.py", line 9 in t\n')
    assert where(sensor) == "sleep (clock.py:23)"
    assert where("") == ""
