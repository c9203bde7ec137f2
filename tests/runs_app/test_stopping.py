"""A teardown waits until what was ended above it has really stopped."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from orchestrator.core.states import TaskState
from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import DAG
from runs_app import actions, cancel, invariants, sweep, why
from runs_app.models import Attempt, DagRun, Process, TaskInstance
from runs_app.worker import Slot
from tests.runs_app.engine import end, play, slot, start, state_of, states, take
from tests.runs_app.test_worker import parse, started
from tests.runs_app.test_worker import slot as real_slot
from tests.support import factories
from tests.support.servers import wait_for

assert parse and real_slot  # fixtures
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]


def cluster() -> DagRun:
    """make >> (work >> more, other) >> drop, where make is the setup of drop, and work has begun."""
    with DAG("cluster") as dag:
        names = ("make", "work", "more", "other", "drop")
        make, work, more, other, drop = (PythonOperator(task_id=name, python_callable=print) for name in names)
        make >> [work, other]
        work >> more
        [more, other] >> drop.as_teardown(setups=make)
    run = start(factories.make_dag(spec=dag.to_spec()))
    end(take(slot()), "success")
    return run


def taken(task_id: str) -> dict:
    """Claim until this task runs; what came before goes on."""
    row = take(slot())
    while row["task_id"] != task_id:
        row = take(slot())
    return row


def kept() -> bool:
    return invariants.check(timezone.now(), liveness=False) == []


def test_the_teardown_of_a_cancelled_run_waits_for_what_is_being_stopped():
    run = cluster()
    rows = [take(slot()), take(slot())]
    cancel.cancel_run(run.pk)
    assert (state_of(run), states(run)["drop"]) == ("running", "none")
    (reason,) = why.of_task(run.task_instances.get(task_id="drop"), timezone.now())[:1]
    assert "other, work still being stopped" in reason.text
    assert not end(rows[0], "success").accepted
    assert states(run)["drop"] == "none"

    assert end(rows[1], "failed").ready == {"default": 1}

    assert states(run)["drop"] == "scheduled"
    assert play(slot()) == ["drop"]
    assert (state_of(run), kept()) == ("cancelled", True)


def test_what_is_marked_while_it_runs_is_waited_for_by_the_teardown_only():
    """Also where it is not directly above the teardown, and another end lets one look."""
    run = cluster()
    rows = {row["task_id"]: row for row in (take(slot()), take(slot()))}
    actions.set_task_state([rows["work"]["id"]], TaskState.SUCCESS, user=None)
    end(rows["other"], "success")
    end(taken("more"), "success")
    assert states(run)["drop"] == "none"
    assert state_of(run) == "running"

    end(rows["work"], "failed")

    assert states(run)["drop"] == "scheduled"


def test_a_worker_that_dies_while_it_stops_something_is_waited_for_until_it_is_found_dead(monkeypatch):
    run = cluster()
    row = take(slot())
    cancel.cancel_run(run.pk)
    assert states(run)["drop"] == "none"
    Process.objects.filter(pk=Attempt.objects.get(token=row["token"], task_instance=row["id"]).process_id).update(
        ended_at=timezone.now(), end_reason="its process is gone"
    )

    sweep.sweep(timezone.now())

    assert states(run)["drop"] == "scheduled"
    assert not end(row, "success").accepted
    assert not Attempt.objects.filter(stopping=True).exists()


def test_what_is_lost_is_told_by_the_invariants():
    run = cluster()
    take(slot())
    cancel.cancel_run(run.pk)
    Process.objects.update(ended_at=timezone.now() - timedelta(minutes=1))
    assert "stopped_is_known" in {each.rule for each in invariants.check(timezone.now())}


@pytest.mark.django_db(transaction=True)
def test_a_task_that_does_not_heed_sigterm_has_ended_when_the_teardown_begins(real_slot, parse, tmp_path, monkeypatch):
    monkeypatch.setattr(settings.ORCH, "heartbeat_seconds", 0.1)
    trace, go = tmp_path / "trace", tmp_path / "go"
    parse(
        f"""
@task
def make(): pass

@task
def work():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("begun", flush=True)
    while not os.path.exists("{go}"):
        time.sleep(0.01)
    open("{trace}", "a").write("work is over\\n")

@task
def drop():
    open("{trace}", "a").write("drop\\n")

made = make()
made >> work() >> drop().as_teardown(setups=made)
"""
    )
    other = Slot(["default"])
    other.start()
    run, thread = started(real_slot)
    cancel.cancel_run(run.pk)
    wait_for(lambda: real_slot.running is not None and real_slot.running.cancelled, 20, "the task being stopped")
    assert other.drain() == 0
    assert TaskInstance.objects.get(run=run, task_id="drop").state == "none"

    go.touch()

    def over() -> bool:
        run.refresh_from_db()
        return run.state == "cancelled" or other.drain() < 0

    wait_for(over, 30, "the end of the run")
    thread.join(20)
    other.stop()
    connection.close()
    assert trace.read_text().split("\n")[:2] == ["work is over", "drop"]
