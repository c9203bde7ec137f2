"""What people ask for, and what the engine makes of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from dags_app.models import AuditEntry, Dag
from runs_app import actions, advance
from runs_app.exceptions import InvalidState
from runs_app.finish import Outcome
from runs_app.models import Attempt, DagRun, TaskInstance, Trigger
from tests.runs_app.engine import end, play, python_dag, seconds, slot, start, state_of, states, take

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]

CHAIN = {"a": (), "b": ("a",)}


def test_a_triggered_run_starts_at_once():
    dag = python_dag("chain", CHAIN)
    run = actions.trigger_dag(dag.pk)
    assert (run.state, states(run)) == ("running", {"a": "scheduled", "b": "none"})


def test_a_run_of_a_paused_dag_waits_until_it_is_unpaused():
    dag = python_dag("chain", CHAIN, is_paused=True)
    run = actions.trigger_dag(dag.pk)
    assert run.state == "queued"
    actions.pause(dag.pk, False, user=None)
    assert state_of(run) == "running"


def test_a_paused_dag_finishes_what_is_under_way_and_starts_no_run():
    dag = python_dag("chain", CHAIN)
    run = start(dag)
    actions.pause(dag.pk, True, user=None)
    waiting = actions.trigger_dag(dag.pk)
    assert play(slot()) == ["a", "b"]
    assert (state_of(run), state_of(waiting)) == ("success", "queued")


def test_a_frozen_dags_tasks_are_not_claimed(invitations):
    dag = python_dag("chain", CHAIN)
    start(dag)
    actions.pause(dag.pk, True, freeze=True, user=None)
    assert take(slot()) is None
    invitations.clear()
    actions.pause(dag.pk, True, user=None)
    assert ("drain", "default", 1) in invitations
    assert take(slot()) is not None


def test_unpausing_thaws():
    dag = python_dag("chain", CHAIN)
    start(dag)
    actions.pause(dag.pk, True, freeze=True, user=None)
    actions.pause(dag.pk, False, user=None)
    assert take(slot()) is not None


def test_unpausing_plans_anew_so_that_old_intervals_are_not_due():
    now = timezone.now()
    dag = python_dag(
        "old", {"a": ()}, schedule="0 * * * *", start_date=now - timedelta(days=9), catchup=False, is_paused=True
    )
    Dag.objects.update(next_run_after=now - timedelta(days=8), next_logical_date=now - timedelta(days=8))
    actions.pause(dag.pk, False, user=None)
    assert Dag.objects.get().next_run_after > now - timedelta(hours=2)


def test_clearing_a_finished_run_reopens_it():
    run = start(python_dag("chain", CHAIN))
    play(slot(), lambda row: "failed")
    actions.clear(run.pk, only_failed=True)
    run.refresh_from_db()
    assert (run.state, run.generation, run.ended_at) == ("running", 2, None)
    assert states(run) == {"a": "scheduled", "b": "none"}
    play(slot())
    assert state_of(run) == "success"


def test_clearing_in_a_run_under_way_leaves_its_start_and_its_other_tasks_alone():
    run = start(python_dag("wide", {"a": (), "b": ()}))
    claimer = slot()
    end(take(claimer), "success")
    row = take(slot())
    started = DagRun.objects.get(pk=run.pk).started_at
    actions.clear(run.pk, task_ids=["a"])
    run.refresh_from_db()
    assert (run.state, run.started_at, run.generation) == ("running", started, 1)
    assert states(run) == {"a": "scheduled", "b": "running"}
    assert end(row, "success").accepted


def test_clearing_a_running_task_starts_it_again_and_the_old_attempt_counts_no_more():
    run = start(python_dag("one", {"a": ()}))
    old = take(slot())
    actions.clear(run.pk)
    assert Attempt.objects.get().outcome == "stopped"
    new = take(slot())
    assert new["token"] > old["token"]
    assert not end(old, "failed").accepted
    assert end(new, "success").accepted
    assert state_of(run) == "success"


def test_clearing_a_deferred_task_takes_its_trigger_along():
    run = start(python_dag("one", {"a": ()}))
    end(take(slot()), Outcome("deferred", trigger={"classpath": "x.Y", "method": "go"}))
    actions.clear(run.pk)
    assert not Trigger.objects.exists()
    assert states(run) == {"a": "scheduled"}


def test_a_cleared_task_has_its_retries_again():
    run = start(python_dag("one", {"a": ()}, tasks={"retries": 1, "retry_delay": seconds(0)}))
    assert play(slot(), lambda row: "failed") == ["a", "a"]
    actions.clear(run.pk)
    assert play(slot(), lambda row: "failed") == ["a", "a"]
    assert TaskInstance.objects.get().try_number == 4


def test_marking_a_running_task_stops_it_and_the_run_goes_on():
    run = start(python_dag("chain", CHAIN))
    row = take(slot())
    actions.set_task_state([row["id"]], "success")
    assert states(run) == {"a": "success", "b": "scheduled"}
    assert not end(row, "failed").accepted


def test_marking_a_failed_task_good_opens_what_failed_below_it():
    run = start(python_dag("chain", CHAIN))
    end(take(slot()), "failed")
    assert (state_of(run), states(run)) == ("failed", {"a": "failed", "b": "upstream_failed"})
    actions.set_task_state([TaskInstance.objects.get(task_id="a").pk], "success")
    assert (state_of(run), states(run)) == ("running", {"a": "success", "b": "scheduled"})


@pytest.mark.parametrize(("state", "running"), [("success", "success"), ("failed", "failed")])
def test_marking_a_run_ends_what_runs_and_skips_what_waits(state, running):
    run = start(python_dag("chain", CHAIN))
    row = take(slot())
    actions.set_run_state(run.pk, state, user=None)
    assert (state_of(run), states(run)) == (state, {"a": running, "b": "skipped"})
    assert not end(row, "success").accepted
    assert not advance.marked(run.pk)


def test_a_run_that_is_queued_by_hand_starts_again():
    run = start(python_dag("chain", CHAIN))
    play(slot())
    actions.set_run_state(run.pk, "queued", user=None)
    assert state_of(run) == "success"  # all its tasks are done
    assert DagRun.objects.get().generation == 2


def test_a_run_under_way_is_not_deleted():
    run = start(python_dag("chain", CHAIN))
    with pytest.raises(InvalidState, match="running"):
        actions.delete_run(run.pk, user=None)
    play(slot())
    actions.delete_run(run.pk, user=None)
    assert not DagRun.objects.exists()
    assert AuditEntry.objects.filter(event="delete_dag_run").count() == 1


def test_priority_decides_across_dags_and_queues():
    low = python_dag("low", {"a": ()}, tasks={"priority_weight": 1, "queue": "one"})
    high = python_dag("high", {"b": ()}, tasks={"priority_weight": 5, "queue": "two"})
    mid = python_dag("mid", {"c": ()}, tasks={"priority_weight": 3, "queue": "one"})
    for dag in (low, high, mid):
        start(dag)
    assert play(slot("one", "two")) == ["b", "c", "a"]


def test_equal_priorities_go_first_come_first_served():
    now = timezone.now()
    for number in range(3):
        start(python_dag(f"dag{number}", {f"t{number}": ()}), now=now + seconds(number))
    assert play(slot()) == ["t0", "t1", "t2"]
