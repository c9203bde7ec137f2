"""What time makes due, and what recovery puts right."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from dags_app.models import Dag
from runs_app import actions, advance, control, processes, sweep, tick
from runs_app.finish import Outcome
from runs_app.models import Attempt, Callback, ControlState, DagRun, Process, TaskInstance, Trigger
from tests.runs_app.engine import end, python_dag, seconds, slot, start, state_of, states, take

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]

ONE = {"a": ()}


def due_dag(dag_id: str, *, since: float = 0, now: Any = None, **arguments: Any) -> Dag:
    """A DAG that runs every minute and whose next run was due ``since`` seconds ago."""
    now = now or timezone.now()
    at = now - seconds(since)
    values: dict[str, Any] = {"schedule": seconds(60), "start_date": at, "catchup": True, **arguments}
    dag = python_dag(dag_id, ONE, **values)
    Dag.objects.filter(pk=dag.pk).update(
        next_run_after=at, next_logical_date=at, next_interval_start=at, next_interval_end=at
    )
    dag.refresh_from_db()
    return dag


# ---- schedules


def test_a_due_schedule_becomes_a_run_and_its_first_task_is_ready():
    now = timezone.now()
    due_dag("due", now=now)
    assert control.step(now).created == 1
    run = DagRun.objects.get()
    assert (run.run_type, run.state, run.triggered_by) == ("scheduled", "running", "timetable")
    assert run.run_id == f"scheduled__{now.isoformat()}"
    assert states(run) == {"a": "scheduled"}
    assert Dag.objects.get().next_run_after == now + seconds(60)


@pytest.mark.parametrize("column", ["is_paused", "is_stale"])
def test_a_paused_or_deleted_dag_makes_no_runs(column):
    due_dag("due")
    Dag.objects.update(**{column: True})
    assert control.step(timezone.now()).created == 0


def test_what_was_missed_is_made_up_for_in_turns(monkeypatch):
    monkeypatch.setattr(tick, "MOST_SECONDS", 60.0)
    now = timezone.now()
    due_dag("behind", since=60 * 200, now=now, max_active_runs=500)
    due_dag("fresh", now=now)
    assert tick.tick(now) == tick.MOST_A_DAG + 1
    assert DagRun.objects.filter(dag_id="fresh").count() == 1
    oldest = DagRun.objects.filter(dag_id="behind").order_by("logical_date").first()
    assert oldest.logical_date == now - seconds(60 * 200)


def test_without_catchup_only_the_newest_missed_run_is_made():
    now = timezone.now().replace(second=30, microsecond=0)
    due_dag("behind", since=3600, now=now, schedule="* * * * *", catchup=False)
    tick.tick(now)
    assert [run.logical_date for run in DagRun.objects.all()] == [now.replace(second=0)]


def test_no_more_runs_are_made_than_may_be_active():
    now = timezone.now()
    due_dag("behind", since=600, now=now, max_active_runs=3)
    assert control.step(now).created == 3
    assert control.step(now).created == 0
    assert DagRun.objects.filter(state="running").count() == 3
    end(take(slot()), "success")
    assert control.step(now).created == 1


def test_runs_of_a_backfill_take_no_place_of_scheduled_ones():
    now = timezone.now()
    dag = due_dag("behind", now=now, max_active_runs=1)
    start(dag, run_type=actions.RunType.BACKFILL, logical_date=now - timedelta(days=9))
    assert tick.tick(now) == 1


def test_a_run_that_is_there_already_is_not_made_again():
    now = timezone.now()
    dag = due_dag("due", now=now)
    start(dag, now=now)
    tick.tick(now)
    assert DagRun.objects.count() == 1
    assert Dag.objects.get().next_run_after == now + seconds(60)


def test_a_run_id_that_somebody_took_does_not_cost_the_run():
    now = timezone.now()
    dag = due_dag("due", now=now)
    start(dag, now=now - seconds(7), run_id=f"scheduled__{now.isoformat()}")
    tick.tick(now)
    assert DagRun.objects.get(run_type="scheduled").run_id.startswith(f"scheduled__{now.isoformat()}_")


def test_one_bad_dag_is_told_so_and_holds_nobody_up():
    now = timezone.now()
    bad = due_dag("bad", since=5, now=now)
    due_dag("good", now=now)
    bad.version.spec = {"format": "not ours"}
    bad.version.save()
    tick.load_spec.cache_clear()
    assert control.step(now).created == 1
    found = Dag.objects.get(pk="bad")
    assert found.schedule_error
    assert found.next_run_after == now + tick.BACK_OFF


def test_a_mended_dag_goes_on_where_it_was():
    now = timezone.now()
    due_dag("mended", now=now)
    Dag.objects.update(schedule_error="TimetableError: no", next_run_after=now, next_logical_date=None)
    DagRun.objects.all().delete()
    assert tick.tick(now) == 1
    assert Dag.objects.get().schedule_error == ""


def test_at_once_runs_once():
    now = timezone.now()
    due_dag("once", now=now, schedule="@once")
    assert tick.tick(now) == 1
    assert Dag.objects.get().next_run_after is None
    assert tick.tick(now + seconds(60)) == 0


def test_a_continuous_dag_runs_again_when_its_run_has_ended():
    now = timezone.now()
    due_dag("always", now=now, schedule="@continuous", max_active_runs=1)
    claimer = slot()
    for number in range(3):
        at = now + seconds(10 * number + 1)
        assert control.step(at).created == 1
        assert control.step(at + seconds(5)).created == 0
        end(take(claimer, at), "success", now=at + seconds(9))
    runs = list(DagRun.objects.order_by("logical_date"))
    assert len(runs) == 3
    assert all(one.data_interval_end == two.data_interval_start for one, two in itertools.pairwise(runs))


# ---- runs and task instances


def test_a_run_with_a_later_start_waits_for_it():
    now = timezone.now()
    dag = python_dag("later", ONE)
    run = start(dag, now=now, logical_date=None, interval=None, run_id="later")
    DagRun.objects.filter(pk=run.pk).update(run_after=now + seconds(60))
    TaskInstance.objects.filter(run=run).update(state="none")
    DagRun.objects.filter(pk=run.pk).update(state="queued", started_at=None)
    assert control.next_due(now) == now + seconds(60)
    control.step(now + seconds(59))
    assert state_of(run) == "queued"
    control.step(now + seconds(60))
    assert (state_of(run), states(run)) == ("running", {"a": "scheduled"})


def test_a_retry_comes_back_when_its_time_has_come(invitations):
    now = timezone.now()
    run = start(python_dag("retry", ONE, tasks={"retries": 1, "retry_delay": seconds(30)}), now=now)
    end(take(slot(), now), "failed", now=now)
    assert control.next_due(now) == now + seconds(30)
    control.step(now + seconds(29))
    assert states(run) == {"a": "up_for_retry"}
    assert control.step(now + seconds(30)).advanced == 1
    assert states(run) == {"a": "scheduled"}
    assert ("drain", "default", 1) in invitations


def test_a_deferral_that_takes_too_long_goes_back_to_fail():
    now = timezone.now()
    run = start(python_dag("deferred", ONE), now=now)
    trigger = {"classpath": "x.Y", "method": "resume", "timeout_seconds": 20}
    end(take(slot(), now), Outcome("deferred", trigger=trigger), now=now)
    assert control.next_due(now) == now + seconds(20)
    assert control.step(now + seconds(20)).expired == 1
    assert states(run) == {"a": "scheduled"}
    assert not Trigger.objects.exists()
    row = take(slot())
    assert (row["next_method"], row["next_kwargs"]) == ("__fail__", {"error": "Trigger timeout"})


def test_a_run_that_takes_too_long_fails_and_what_is_left_is_skipped():
    now = timezone.now()
    run = start(
        python_dag("late", {"a": (), "b": ("a",)}, dagrun_timeout=seconds(50), on_failure_callback=print), now=now
    )
    row = take(slot(), now)
    assert control.next_due(now) == now + seconds(50)
    assert control.step(now + seconds(50)).timed_out == 1
    assert (state_of(run), states(run)) == ("failed", {"a": "skipped", "b": "skipped"})
    assert Callback.objects.get().reason == "timed_out"
    assert not end(row, "success").accepted
    assert Attempt.objects.get().outcome == "stopped"


def test_nothing_is_due_where_nothing_waits():
    start(python_dag("plain", ONE))
    assert control.next_due(timezone.now()) is None


# ---- recovery


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database has been up, and passes were made, all the time."""
    now = processes.db_now()
    monkeypatch.setattr(sweep, "_clock", lambda: (processes.db_now(), now - seconds(3600)))
    ControlState.objects.create(pk=1, swept_at=now - seconds(1), expire_from=now - seconds(3600))


@pytest.mark.usefixtures("steady")
def test_the_attempts_of_a_silent_process_are_given_to_others(settings, invitations):
    now = timezone.now()
    run = start(python_dag("lost", ONE))
    silent = slot(beat_at=now - seconds(settings.ORCH.lease_seconds + 1))
    take(silent)
    found = control.step(now).swept
    assert (found.processes, found.lost) == (1, 1)
    assert states(run) == {"a": "scheduled"}
    assert Attempt.objects.get().outcome == "lost"
    assert "silent since" in Process.objects.get(pk=silent.process_pk).end_reason
    assert ("drain", "default", 1) in invitations


@pytest.mark.usefixtures("steady")
def test_a_process_within_its_lease_keeps_its_work(settings):
    now = timezone.now()
    run = start(python_dag("kept", ONE))
    take(slot(beat_at=now - seconds(settings.ORCH.lease_seconds - 1)))
    control.step(now)
    assert states(run) == {"a": "running"}


def test_nobody_is_declared_dead_after_a_time_without_passes(settings):
    """Everything stood still, or the database was down: leases could not be renewed."""
    now = timezone.now()
    ControlState.objects.create(pk=1, swept_at=now - seconds(60), expire_from=now - seconds(3600))
    run = start(python_dag("kept", ONE))
    take(slot(beat_at=now - seconds(60)))
    control.step(now)
    assert states(run) == {"a": "running"}
    assert ControlState.objects.get().expire_from > now + seconds(settings.ORCH.lease_seconds - 5)


@pytest.mark.usefixtures("steady")
def test_nobody_is_declared_dead_right_after_the_database_started(monkeypatch):
    run = start(python_dag("kept", ONE))
    take(slot(beat_at=timezone.now() - seconds(60)))
    monkeypatch.setattr(sweep, "_clock", lambda: (processes.db_now(), processes.db_now() - seconds(5)))
    control.step(timezone.now())
    assert states(run) == {"a": "running"}


@pytest.mark.usefixtures("steady")
def test_nobody_is_declared_dead_right_after_the_database_failed(monkeypatch):
    run = start(python_dag("kept", ONE))
    take(slot(beat_at=timezone.now() - seconds(60)))
    monkeypatch.setattr(sweep, "_saw_errors", True)
    control.step(timezone.now())
    assert states(run) == {"a": "running"}


def test_a_process_of_this_machine_that_is_gone_loses_its_work_at_once():
    child = subprocess.Popen(["sleep", "60"])
    run = start(python_dag("gone", ONE))
    claimer = slot()
    ticks = processes.start_ticks(child.pid)
    boot = processes.boot_id().partition(":")[0]
    Process.objects.filter(pk=claimer.process_pk).update(
        hostname=socket.gethostname(), pid=child.pid, boot_id=f"{boot}:{ticks}"
    )
    ControlState.objects.create(pk=1, swept_at=timezone.now() - seconds(60), expire_from=timezone.now())
    take(claimer)
    control.step(timezone.now())
    assert states(run) == {"a": "running"}
    child.kill()
    child.wait()
    ControlState.objects.update(swept_at=timezone.now() - seconds(2))
    control.step(timezone.now())
    assert states(run) == {"a": "scheduled"}


def test_our_own_process_is_not_gone():
    pk = processes.register("slot", ["default"])
    assert not processes.is_gone(Process.objects.get(pk=pk))
    assert Process.objects.get(pk=pk).pid == os.getpid()


@pytest.mark.usefixtures("steady")
def test_an_attempt_without_a_process_is_lost():
    run = start(python_dag("orphan", ONE))
    claimer = slot()
    take(claimer)
    Process.objects.filter(pk=claimer.process_pk).delete()
    control.step(timezone.now())
    assert states(run) == {"a": "scheduled"}


@pytest.mark.usefixtures("steady")
def test_triggers_and_callbacks_of_a_dead_process_are_left_to_others():
    run = start(python_dag("held", ONE))
    claimer = slot()
    end(take(claimer), Outcome("deferred", trigger={"classpath": "x.Y", "method": "resume"}))
    Trigger.objects.update(process_id=claimer.process_pk)
    once = Callback.objects.create(run=run, kind="success", process_id=claimer.process_pk, tries=1)
    often = Callback.objects.create(run=run, kind="success", process_id=claimer.process_pk, tries=3)
    Process.objects.filter(pk=claimer.process_pk).update(ended_at=timezone.now())
    control.step(timezone.now())
    assert Trigger.objects.get().process_id is None
    once.refresh_from_db()
    often.refresh_from_db()
    assert (once.process_id, once.done_at) == (None, None)
    assert often.done_at is not None


@pytest.mark.usefixtures("steady")
def test_a_mark_that_nobody_acted_on_is_advanced():
    run = start(python_dag("marked", {"a": (), "b": ("a",)}))
    row = TaskInstance.objects.get(run=run, task_id="a")
    old = timezone.now() - seconds(10)
    TaskInstance.objects.filter(pk=row.pk).update(state="success", ended_at=old, changed=True, updated_at=old)
    control.step(timezone.now())
    assert states(run) == {"a": "success", "b": "scheduled"}
    assert not TaskInstance.objects.filter(changed=True).exists()


@pytest.mark.usefixtures("steady")
def test_a_mark_in_a_run_that_has_ended_goes_away():
    run = start(python_dag("marked", ONE))
    end(take(slot()), "success")
    TaskInstance.objects.filter(run=run).update(changed=True, updated_at=timezone.now() - seconds(10))
    control.step(timezone.now())
    assert not TaskInstance.objects.filter(changed=True).exists()


@pytest.mark.usefixtures("steady")
def test_a_run_with_nothing_left_to_do_is_ended():
    run = start(python_dag("stuck", ONE))
    old = timezone.now() - seconds(10)
    TaskInstance.objects.filter(run=run).update(state="success", ended_at=old)
    DagRun.objects.filter(pk=run.pk).update(updated_at=old)
    control.step(timezone.now())
    assert state_of(run) == "success"


@pytest.mark.usefixtures("steady")
def test_work_that_waits_is_invited_again_once_an_idle_slot(invitations):
    start(python_dag("waits", {f"t{number}": () for number in range(5)}))
    TaskInstance.objects.update(scheduled_at=timezone.now() - seconds(5))
    slot("default"), slot("default", "other"), slot("other")
    busy = slot("default")
    take(busy)
    invitations.clear()
    control.step(timezone.now())
    assert [each for each in invitations if each[0] == "drain"] == [("drain", "default", 2)]


@pytest.mark.usefixtures("steady")
def test_nobody_is_invited_to_a_frozen_dag(invitations):
    dag = python_dag("waits", ONE)
    start(dag)
    TaskInstance.objects.update(scheduled_at=timezone.now() - seconds(5))
    slot()
    Dag.objects.update(is_paused=True, is_frozen=True)
    invitations.clear()
    control.step(timezone.now())
    assert invitations == []


def test_two_recovery_passes_a_moment_apart_are_one():
    assert control.step(timezone.now()).swept is not None
    assert control.step(timezone.now()).swept is None


def test_a_pass_is_made_where_nobody_makes_any():
    assert control.step_if_stale(timezone.now()) is not None
    assert control.step_if_stale(timezone.now()) is None
    ControlState.objects.update(swept_at=timezone.now() - seconds(4))
    assert control.step_if_stale(timezone.now()) is not None


def test_an_error_in_one_part_leaves_the_others_be(monkeypatch):
    def broken(now: Any) -> int:
        raise RuntimeError("broken")

    monkeypatch.setattr(tick, "tick", broken)
    run = start(python_dag("retry", ONE, tasks={"retries": 1, "retry_delay": seconds(0.001)}))
    end(take(slot()), "failed")
    counts = control.step(timezone.now() + seconds(1))
    assert counts.failed == ["_create_runs"]
    assert states(run) == {"a": "scheduled"}


def test_long_ended_processes_are_forgotten_unless_an_attempt_names_them(steady):
    start(python_dag("named", ONE))
    named, idle, fresh = slot(), slot(), slot()
    take(named)
    old = timezone.now() - timedelta(days=2)
    Process.objects.filter(pk__in=[named.process_pk, idle.process_pk]).update(ended_at=old)
    Process.objects.filter(pk=fresh.process_pk).update(ended_at=timezone.now())
    sweep._forget_processes(sweep.Swept(), sweep.Turn(timezone.now(), True), timezone.now())
    assert set(Process.objects.values_list("pk", flat=True)) == {named.process_pk, fresh.process_pk}


def test_runs_that_wait_for_an_earlier_one_are_looked_at_again(steady):
    dag = python_dag("past", ONE, tasks={"depends_on_past": True})
    now = timezone.now()
    first, second = start(dag, now=now), start(dag, now=now + seconds(1))
    old = timezone.now()
    TaskInstance.objects.filter(run=first).update(state="success", ended_at=old)
    found = sweep.Swept()
    sweep._advance_blocked(found, sweep.Turn(now, True), now)
    assert states(second) == {"a": "scheduled"}
    assert advance.marked(second.pk) is False
