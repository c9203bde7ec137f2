"""Cancelling a run: what it stops, what it leaves to run, and how it ends."""

from __future__ import annotations

import pytest
from django.utils import timezone

from dags_app.models import AuditEntry
from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import DAG
from runs_app import actions, cancel, invariants, view
from runs_app.exceptions import InvalidState
from runs_app.finish import Outcome
from runs_app.models import Attempt, Callback, DagRun, StateEvent, TaskInstance, Trigger
from tests.runs_app.engine import end, play, python_dag, slot, start, state_of, states, take
from tests.support import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]


def cluster(dag_id: str = "cluster") -> object:
    """make >> work >> drop, where make is the setup of drop."""
    with DAG(dag_id) as dag:
        make, work, drop = (PythonOperator(task_id=name, python_callable=print) for name in ("make", "work", "drop"))
        make >> work >> drop.as_teardown(setups=make)
    return factories.make_dag(spec=dag.to_spec())


def kept() -> bool:
    return invariants.check(timezone.now(), liveness=False) == []


def test_a_cancelled_run_ends_at_once_and_so_does_all_of_it():
    run = start(python_dag("chain", {"a": (), "b": ("a",)}))
    row = take(slot())
    cancel.cancel_run(run.pk, reason="wrong day")
    assert (state_of(run), states(run)) == ("cancelled", {"a": "cancelled", "b": "cancelled"})
    assert not end(row, "success").accepted
    assert Attempt.objects.get().outcome == "stopped"
    assert StateEvent.objects.filter(reason="cancelled by command line: wrong day").count() == 3
    assert AuditEntry.objects.get(event="cancel_dag_run").extra == {"reason": "wrong day"}
    assert kept()


def test_what_had_ended_stays_as_it_is():
    run = start(python_dag("chain", {"a": (), "b": ("a",), "c": ("b",)}))
    end(take(slot()), "success")
    cancel.cancel_run(run.pk)
    assert states(run) == {"a": "success", "b": "cancelled", "c": "cancelled"}


def test_a_deferred_task_gives_up_its_trigger():
    run = start(python_dag("one", {"a": ()}))
    end(take(slot()), Outcome("deferred", trigger={"classpath": "x.Y", "method": "go"}))
    cancel.cancel_run(run.pk)
    assert not Trigger.objects.exists()
    assert (state_of(run), kept()) == ("cancelled", True)


def test_a_teardown_still_runs_when_its_setup_succeeded_and_the_run_ends_with_it():
    run = start(cluster())
    claimer = slot()
    end(take(claimer), "success")
    working = take(claimer)
    cancel.cancel_run(run.pk)
    assert (state_of(run), states(run)) == ("running", {"make": "success", "work": "cancelled", "drop": "none"})
    assert not end(working, "success").accepted
    assert states(run)["drop"] == "scheduled"
    assert play(claimer) == ["drop"]
    assert (state_of(run), states(run)["drop"]) == ("cancelled", "success")
    assert kept()


def test_a_teardown_whose_setup_did_not_succeed_has_nothing_to_tear_down():
    run = start(cluster())
    take(slot())
    cancel.cancel_run(run.pk)
    assert (state_of(run), set(states(run).values())) == ("cancelled", {"cancelled"})


def test_a_failing_teardown_does_not_change_how_the_run_ends():
    run = start(cluster())
    claimer = slot()
    end(take(claimer), "success")
    cancel.cancel_run(run.pk)
    play(claimer, lambda row: "failed")
    assert (state_of(run), states(run)["drop"]) == ("cancelled", "failed")


def test_a_queued_run_is_cancelled_before_it_begins_and_frees_its_place():
    dag = python_dag("one", {"a": ()}, max_active_runs=1)
    first, second, third = (actions.trigger_dag(dag.pk, logical_date=None) for _ in range(3))
    cancel.cancel_run(second.pk)
    assert state_of(second) == "cancelled"
    play(slot())
    actions.advance.start_queued(dag.pk, timezone.now())
    assert (state_of(first), state_of(third)) == ("success", "running")


def test_an_ended_run_has_nothing_to_cancel():
    run = start(python_dag("one", {"a": ()}))
    play(slot())
    with pytest.raises(InvalidState, match="ended as success"):
        cancel.cancel_run(run.pk)


def test_a_cancelled_run_is_no_failure_to_tell_of():
    run = start(factories.make_dag(spec=factories.make_spec("told", on_failure_callback=print)))
    cancel.cancel_run(run.pk)
    assert not Callback.objects.exists()


def test_what_was_cancelled_runs_again_with_what_failed():
    run = start(python_dag("wide", {"a": (), "b": ()}))
    end(take(slot()), "success")
    cancel.cancel_run(run.pk)
    actions.clear(run.pk, only_failed=True)
    play(slot())
    run.refresh_from_db()
    assert (run.state, run.cancelled_at, states(run)) == ("success", None, {"a": "success", "b": "success"})
    assert kept()


def test_clearing_while_teardowns_run_takes_the_cancelling_back():
    run = start(cluster())
    claimer = slot()
    end(take(claimer), "success")
    cancel.cancel_run(run.pk)
    actions.clear(run.pk, task_ids=["work"])
    play(claimer)
    assert (state_of(run), DagRun.objects.get().cancelled_at) == ("success", None)


def test_the_engine_cancels_in_its_own_name():
    run = start(python_dag("one", {"a": ()}))
    cancel.cancel_held(view.run_row(run.pk, lock=True), actor="engine", reason="a newer run is due", now=timezone.now())
    assert StateEvent.objects.filter(new="cancelled", actor="engine").count() == 2
    assert TaskInstance.objects.get().state == "cancelled"
