"""Triggerers as real processes, on the test's own database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from dags_app import secrets
from orchestrator.core.states import TaskState
from orchestrator.sdk.xcom_json import decode, encode
from orchestrator.triggers.base import BaseTrigger
from orchestrator.triggers.external_task import WorkflowTrigger
from orchestrator.triggers.temporal import DateTimeTrigger
from runs_app import deferrals, logs, transitions
from runs_app.models import DagRun, Process, StateEvent, TaskInstance, Trigger, XCom
from runs_app.triggerer import Triggerer
from tests.support import factories
from tests.support.processes import tree
from tests.support.servers import wait_for

ROOT = Path(__file__).resolve().parents[2]
SOURCE = '''
import asyncio, os, time
from pathlib import Path
from airflow.models import Variable
from airflow.triggers.base import BaseTrigger, TriggerEvent

class Given(BaseTrigger):
    """Does what the test tells it to."""

    def __init__(self, **kwargs):
        super().__init__()
        self.kwargs = kwargs

    def serialize(self):
        return f"{__name__}.Given", self.kwargs

    async def run(self):
        print("hello from", self.task_instance.task_id)
        if self.kwargs.get("block"):
            time.sleep(self.kwargs["block"])
        if self.kwargs.get("crash"):
            os._exit(9)
        if self.kwargs.get("wait"):
            await asyncio.sleep(self.kwargs["wait"])
        if self.kwargs.get("error"):
            raise ValueError(self.kwargs["error"])
        if self.kwargs.get("nothing"):
            return
        if self.kwargs.get("variable"):
            yield TriggerEvent(Variable.get(self.kwargs["variable"]))
            return
        if self.kwargs.get("codes"):
            yield TriggerEvent("".join(map(chr, self.kwargs["codes"])))
            return
        yield TriggerEvent(self.kwargs.get("payload"))

    async def cleanup(self):
        if self.kwargs.get("cleaned"):
            Path(self.kwargs["cleaned"]).touch()
'''


class Given(BaseTrigger):
    """Stands for the class of that name in the DAG file."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        self.kwargs = kwargs

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "dag_file_waits.Given", self.kwargs


Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(process_environment: dict[str, str]) -> Iterator[Start]:
    """Starts triggerers; what is left of them ends with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(**environment: str) -> subprocess.Popen[bytes]:
        env = {**process_environment, **environment}
        process = subprocess.Popen([sys.executable, "manage.py", "triggerer"], cwd=ROOT, env=env)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.send_signal(signal.SIGTERM)
    for process in started:
        process.wait(20)


def make_run(tasks: int = 1) -> DagRun:
    """A running run of a DAG whose file brings triggers of its own."""
    spec = factories.make_spec("waits", {f"t{number}": () for number in range(tasks)} | {"after": ("t0",)})
    dag = factories.make_dag(spec=spec, source=SOURCE, file=factories.make_file("waits.py"))
    return factories.make_run(dag, state="running")


def defer(run: DagRun, trigger: BaseTrigger, task_id: str = "t0", token: int = 3) -> TaskInstance:
    """Put a task into ``deferred``, as an attempt that raised TaskDeferred leaves it."""
    instance = factories.instance_of(run, task_id)
    factories.set_state(
        instance,
        TaskState.DEFERRED,
        token=token,
        first_started_at=timezone.now(),
        next_method="execute_complete",
        next_kwargs={"kept": 1},
    )
    classpath, kwargs = trigger.serialize()
    Trigger.objects.create(task_instance=instance, token=token, classpath=classpath, kwargs=encode(kwargs))
    return instance


def in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def log_of(instance: TaskInstance) -> str:
    lines, _ = logs.read_lines(instance.run_id, instance.pk, 3, 0, 1 << 20)
    return "\n".join(json.loads(line)["event"] for line in lines)


def left_deferred(instance: TaskInstance, limit: float = 20.0) -> TaskInstance:
    """Wait until the task goes on."""
    wait_for(lambda: fresh(instance).state != TaskState.DEFERRED, limit, f"an event of {instance}")
    return fresh(instance)


def fresh(instance: TaskInstance) -> TaskInstance:
    return TaskInstance.objects.get(pk=instance.pk)


def test_a_moment_comes_and_the_task_goes_on_with_it(start: Start):
    moment = in_seconds(0.2)
    instance = defer(make_run(), DateTimeTrigger(moment))
    start()

    found = left_deferred(instance)

    assert (found.state, found.next_method, found.token) == ("scheduled", "execute_complete", 3)
    assert decode(found.next_kwargs) == {"kept": 1, "event": moment}
    assert not Trigger.objects.exists()
    event = StateEvent.objects.get(old="deferred")
    assert (event.old, event.new, event.actor) == ("deferred", "scheduled", "triggerer")


def test_an_event_is_accepted_within_a_tenth_of_a_second(start: Start):
    run = make_run(4)
    start()
    left_deferred(defer(run, DateTimeTrigger(in_seconds(0)), "t0"))  # its process is there from here on
    moments = {f"t{number}": in_seconds(1.0 + 0.1 * number) for number in range(1, 4)}
    for task_id, moment in moments.items():
        defer(run, DateTimeTrigger(moment), task_id)

    late = []
    for task_id, moment in moments.items():
        found = left_deferred(factories.instance_of(run, task_id))
        late.append((found.scheduled_at - moment).total_seconds())

    assert all(seconds >= 0 for seconds in late)
    assert sorted(late)[1] < 0.1


def test_a_class_of_the_dag_file_runs_from_the_version_and_prints_into_the_log_of_the_task(start: Start):
    payload = {"when": datetime(2026, 1, 1, tzinfo=UTC), "pair": (1, 2), "names": {"a"}}
    instance = defer(make_run(), Given(payload=payload))
    start()

    found = left_deferred(instance)
    assert found.next_method == "execute_complete", found.next_kwargs
    assert decode(found.next_kwargs)["event"] == payload
    wait_for(lambda: "hello from t0" in log_of(instance), 30)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"error": "boom"}, "ValueError: boom"),
        ({"nothing": True}, "ended without yielding an event"),
        ({"codes": [0]}, None),  # PostgreSQL stores no NUL character; SQLite does
    ],
)
def test_a_trigger_that_fails_fails_the_task_with_its_reason(start: Start, arguments: dict[str, Any], reason: str):
    instance = defer(make_run(), Given(**arguments))
    start()

    found = left_deferred(instance)

    assert found.state == TaskState.SCHEDULED
    if reason is not None or connection.vendor == "postgresql":
        assert found.next_method == "__fail__"
        assert (reason or "cannot be stored") in found.next_kwargs["error"]
    if reason is not None:
        wait_for(lambda: "The trigger failed" in log_of(instance), 30)


def test_a_class_that_is_not_there_fails_the_task(start: Start):
    run = make_run()
    instance = defer(run, Given())
    Trigger.objects.update(classpath="no_such_module.Trigger")
    start()

    assert "No module named 'no_such_module'" in left_deferred(instance).next_kwargs["error"]


def test_a_trigger_may_ask_for_variables_and_for_the_states_of_runs(start: Start):
    run = make_run(2)
    secrets.set_variable("place", "here", None)
    asks = defer(run, Given(variable="place"), "t0")
    watches = defer(run, WorkflowTrigger("waits", run_ids=[run.run_id], allowed_states=["running"]), "t1")
    start()

    assert decode(left_deferred(asks).next_kwargs)["event"] == "here"
    assert decode(left_deferred(watches).next_kwargs)["event"] == {"status": "success"}


def test_a_trigger_may_end_the_task_and_the_run_goes_on(start: Start):
    run = make_run()
    instance = defer(run, DateTimeTrigger(in_seconds(0), end_from_trigger=True))
    start()

    assert left_deferred(instance).state == TaskState.SUCCESS
    assert factories.instance_of(run, "after").state == TaskState.SCHEDULED
    assert not XCom.objects.exists()


def test_a_task_that_waits_no_more_has_its_trigger_cancelled(start: Start, tmp_path: Path):
    run = make_run()
    instance = defer(run, Given(wait=60, cleaned=str(tmp_path / "cleaned")))
    start()
    wait_for(lambda: "hello from" in log_of(instance), 20)

    with transaction.atomic():
        transitions.set_by_user([fresh(instance)], TaskState.SUCCESS, actor="user:a", reason="", at=timezone.now())

    wait_for((tmp_path / "cleaned").exists, 30, "the cleanup of the trigger")
    assert fresh(instance).state == TaskState.SUCCESS


def test_a_late_or_doubled_event_changes_nothing(transactional_db: None, redis_server: Any):
    run = make_run()
    instance = defer(run, Given())
    process = Process.objects.create(kind="triggerer", started_at=timezone.now(), beat_at=timezone.now(), pid=1)
    [deferral] = deferrals.take(process.pk, 10)
    answers = [(deferral, {"payload": 1})]

    assert deferrals.resume(answers, timezone.now()) == {(instance.pk, 3)}
    assert deferrals.resume(answers, timezone.now()) == set()
    defer(run, Given(), token=4)
    assert deferrals.resume(answers, timezone.now()) == set()
    assert fresh(instance).state == TaskState.DEFERRED
    assert Trigger.objects.count() == 1


def test_what_was_taken_by_a_commit_whose_answer_was_lost_is_left_to_others(transactional_db: None):
    """Else a task waits for as long as the triggerer lives that has its trigger and does not know it."""
    instance = defer(make_run(), Given())
    triggerer = Triggerer()
    deferrals.take(triggerer.lease.pk, 10)  # and nobody hears of it
    assert deferrals.held(triggerer.lease.pk) == {(instance.pk, 3)}

    triggerer.check()

    assert deferrals.held(triggerer.lease.pk) == set()
    assert [each.key for each in deferrals.take(triggerer.lease.pk, 10)] == [(instance.pk, 3)]
    triggerer.selector.close()
    triggerer.nudges.close()


def test_an_ended_lease_takes_nothing(transactional_db: None):
    defer(make_run(), Given())
    now = timezone.now()
    process = Process.objects.create(kind="triggerer", started_at=now, beat_at=now, ended_at=now, pid=1)

    assert deferrals.take(process.pk, 10) == []


def test_killing_the_child_loses_nothing(start: Start):
    run = make_run(2)
    defer(run, DateTimeTrigger(in_seconds(3)), "t0")
    defer(run, Given(wait=1, payload=7), "t1")
    triggerer = start()
    children = wait_for(lambda: [each for each in tree(triggerer.pid)[1:]][:2], 20)
    wait_for(lambda: "hello from" in log_of(factories.instance_of(run, "t1")), 20)

    for each in children:
        os.kill(each.pid, signal.SIGKILL)

    for task_id in ("t0", "t1"):
        assert left_deferred(factories.instance_of(run, task_id)).next_method == "execute_complete"


def test_killing_a_triggerer_loses_nothing(start: Start):
    run = make_run(20)
    for number in range(20):
        defer(run, DateTimeTrigger(in_seconds(3)), f"t{number}")
    first = start()
    wait_for(lambda: Trigger.objects.filter(process__isnull=False).count() == 20, 20)

    first.kill()
    first.wait()
    # As the sweep does when a lease has run out.
    Process.objects.filter(pid=first.pid).update(ended_at=timezone.now())
    Trigger.objects.update(process=None)
    start()

    for number in range(20):
        assert left_deferred(factories.instance_of(run, f"t{number}")).state == TaskState.SCHEDULED
    assert StateEvent.objects.filter(old="deferred").count() == 20


def test_a_triggerer_whose_lease_was_ended_starts_over_under_a_new_one(start: Start):
    instance = defer(make_run(), Given(wait=4, payload="once"))
    triggerer = start()
    first = wait_for(lambda: Process.objects.filter(pid=triggerer.pid).first(), 20)
    wait_for(lambda: Trigger.objects.filter(process=first).exists(), 20)

    # As the sweep does with a process that was frozen for too long.
    Process.objects.filter(pk=first.pk).update(ended_at=timezone.now())
    Trigger.objects.update(process=None)

    second = wait_for(lambda: Process.objects.filter(pid=triggerer.pid, ended_at=None).first(), 20)
    wait_for(lambda: Trigger.objects.filter(process=second).exists(), 20)
    assert decode(left_deferred(instance).next_kwargs)["event"] == "once"
    assert StateEvent.objects.filter(old="deferred").count() == 1


def test_a_frozen_child_is_replaced(start: Start):
    instance = defer(make_run(), DateTimeTrigger(in_seconds(12)))
    triggerer = start()
    child = wait_for(lambda: tree(triggerer.pid)[1:], 20)[0]
    wait_for(lambda: "Waiting until" in log_of(instance), 20)

    os.kill(child.pid, signal.SIGSTOP)

    assert left_deferred(instance, 40).next_method == "execute_complete"


def test_a_triggerer_that_stops_leaves_its_triggers_to_others(start: Start):
    run = make_run()
    defer(run, Given(wait=60))
    first = start()
    wait_for(lambda: Trigger.objects.filter(process__isnull=False).exists(), 20)

    first.send_signal(signal.SIGTERM)
    assert first.wait(20) == 0

    assert Trigger.objects.get().process is None
    assert Process.objects.get(pid=first.pid).ended_at is not None


def test_triggerers_share_the_triggers(start: Start):
    run = make_run(40)
    pids = {start().pid, start().pid}
    wait_for(lambda: Process.objects.filter(pid__in=pids).count() == 2, 30)
    for number in range(40):
        defer(run, Given(wait=60), f"t{number}")

    wait_for(lambda: not Trigger.objects.filter(process=None).exists(), 20)

    counts = [Trigger.objects.filter(process__pid=pid).count() for pid in pids]
    assert min(counts) >= 10


def test_a_trigger_that_blocks_the_loop_is_named_and_the_others_go_on(start: Start):
    run = make_run(2)
    blocks = defer(run, Given(block=120), "t0")
    others = defer(run, Given(wait=0.5, payload="on time"), "t1")
    start()

    assert decode(left_deferred(others, 60).next_kwargs)["event"] == "on time"
    assert fresh(blocks).state == TaskState.DEFERRED
    wait_for(lambda: "has blocked the event loop" in log_of(blocks), 20)
    assert "time.sleep" in log_of(blocks)


def test_a_trigger_that_ends_its_process_fails_alone(start: Start):
    run = make_run(4)
    crashes = defer(run, Given(crash=True), "t0")
    others = [defer(run, Given(wait=8, payload=number), f"t{number}") for number in range(1, 4)]
    start()

    found = left_deferred(crashes, 40)
    assert found.next_method == "__fail__" and "exit code 9" in found.next_kwargs["error"]
    for each in others:
        assert left_deferred(each, 40).next_method == "execute_complete"


def test_a_thousand_triggers_fire_and_none_too_early(start: Start):
    run = make_run(1000)
    start()
    left_deferred(defer(run, DateTimeTrigger(in_seconds(0)), "t0"))
    instances = [each for each in run.task_instances.all() if each.task_id not in {"t0", "after"}]
    moment = in_seconds(8)
    classpath, kwargs = DateTimeTrigger(moment).serialize()
    TaskInstance.objects.filter(pk__in=[each.pk for each in instances]).update(
        **{"state": TaskState.DEFERRED, "token": 3, "started_at": timezone.now(), "next_method": "execute_complete"}
    )
    triggers = [
        Trigger(task_instance=each, token=3, classpath=classpath, kwargs=encode(kwargs), created_at=timezone.now())
        for each in instances
    ]
    Trigger.objects.bulk_create(triggers, batch_size=500)
    wait_for(lambda: not Trigger.objects.filter(process=None).exists(), 60, "all triggers being taken")
    wait_for(lambda: not Trigger.objects.exists(), 120, "all events being accepted")

    late = [
        (each.scheduled_at - moment).total_seconds()
        for each in TaskInstance.objects.filter(pk__in=[each.pk for each in instances])
    ]
    assert len(late) == 999 and min(late) >= 0
