"""Holding tasks back: nothing held starts, whatever happens to it, until it is released."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from dags_app.models import AuditEntry, Dag
from orchestrator.operators.empty import EmptyOperator
from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import DAG
from runs_app import actions, control, holds, invariants, why
from runs_app.exceptions import InvalidHold, NotHeld, TaskNotFound
from runs_app.finish import Outcome
from runs_app.models import Hold, TaskInstance
from tests.runs_app.engine import end, play, python_dag, seconds, slot, start, state_of, states, take
from tests.support import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]

CHAIN = {"a": (), "b": ("a",), "c": ("b",)}


def kept() -> bool:
    return invariants.check(timezone.now(), liveness=False) == []


def test_a_held_task_waits_and_the_run_goes_on_around_it():
    run = start(python_dag("chain", CHAIN))
    holds.hold("chain", "b", run_pk=run.pk, reason="look at a first")
    assert play(slot()) == ["a"]
    assert (state_of(run), states(run)) == ("running", {"a": "success", "b": "none", "c": "none"})
    control.step(timezone.now())
    assert (state_of(run), kept()) == ("running", True)
    holds.release_task("chain", "b", run_pk=run.pk)
    assert play(slot()) == ["b", "c"]
    assert (state_of(run), kept()) == ("success", True)
    assert list(AuditEntry.objects.filter(event__endswith="_task").values_list("event", flat=True)) == [
        "release_task",
        "hold_task",
    ]


def test_what_is_ready_is_taken_out_of_the_queue():
    run = start(python_dag("one", {"a": ()}))
    holds.hold("one", "a", run_pk=run.pk)
    assert (states(run), take(slot())) == ({"a": "none"}, None)
    assert kept()


def test_what_runs_goes_on_and_its_retry_is_held():
    run = start(python_dag("one", {"a": ()}, tasks={"retries": 1, "retry_delay": seconds(0)}))
    row = take(slot())
    holds.hold("one", "a", run_pk=run.pk)
    end(row, "failed")
    assert (states(run), take(slot())) == ({"a": "up_for_retry"}, None)
    control.step(timezone.now() + seconds(5))
    assert (states(run), kept()) == ({"a": "up_for_retry"}, True)
    holds.release_task("one", "a", run_pk=run.pk)
    assert play(slot()) == ["a"]


def test_a_lost_attempt_of_what_was_held_meanwhile_is_made_again():
    run = start(python_dag("one", {"a": ()}))
    row = take(slot())
    holds.hold("one", "a", run_pk=run.pk)
    end(row, "lost")
    assert (take(slot()) is not None, kept()) == (True, True)


def test_a_hold_survives_a_clear():
    run = start(python_dag("one", {"a": ()}))
    play(slot())
    holds.hold("one", "a", run_pk=run.pk)
    actions.clear(run.pk)
    assert (state_of(run), states(run), play(slot())) == ("running", {"a": "none"}, [])
    holds.release_task("one", "a", run_pk=run.pk)
    assert play(slot()) == ["a"]


def test_a_failure_above_is_still_a_failure():
    run = start(python_dag("chain", CHAIN))
    holds.hold("chain", "b", run_pk=run.pk)
    play(slot(), lambda row: "failed")
    assert (state_of(run), states(run)["b"]) == ("failed", "upstream_failed")


def test_a_held_task_can_be_skipped_for_one_run():
    run = start(python_dag("chain", {"a": (), "b": ()}))
    holds.hold("chain", "b", run_pk=run.pk)
    play(slot())
    actions.set_task_state([TaskInstance.objects.get(task_id="b").pk], "skipped")
    assert (state_of(run), states(run)) == ("success", {"a": "success", "b": "skipped"})


def test_a_task_without_a_process_is_held_as_well():
    with DAG("empty") as dag:
        EmptyOperator(task_id="first") >> EmptyOperator(task_id="last")
    made = factories.make_dag(spec=dag.to_spec())
    holds.hold("empty", "last")
    run = start(made)
    assert states(run) == {"first": "success", "last": "none"}
    holds.release_task("empty", "last")
    assert state_of(run) == "success"


def test_a_task_is_held_in_every_run_from_now_on():
    dag = python_dag("one", {"a": (), "b": ()}, max_active_runs=2)
    first = start(dag)
    holds.hold("one", "b", reason="its table is locked")
    second = start(dag)
    third = actions.trigger_dag(dag.pk, logical_date=None)  # waits for a place
    assert sorted(play(slot())) == ["a", "a"]
    assert (states(first)["b"], states(second)["b"], states(third)["b"]) == ("none", "none", "none")
    assert kept()
    holds.release_task("one", "b")
    assert Dag.objects.get().has_held_tasks is False
    assert play(slot()).count("b") == 2
    control.step(timezone.now())
    assert sorted(play(slot())) == ["a", "b"]


def test_two_holds_on_one_task_are_released_one_by_one():
    run = start(python_dag("one", {"a": ()}))
    holds.hold("one", "a", run_pk=run.pk)
    holds.hold("one", "a")
    holds.release_task("one", "a")
    assert (play(slot()), kept()) == ([], True)
    holds.release_task("one", "a", run_pk=run.pk)
    assert play(slot()) == ["a"]


def test_a_hold_ends_by_itself_at_its_time(invitations):
    now = timezone.now()
    run = start(python_dag("one", {"a": ()}))
    holds.hold("one", "a", run_pk=run.pk, until=now + timedelta(hours=1))
    assert control.next_due(now) == now + timedelta(hours=1)
    control.step(now + timedelta(minutes=59))
    assert states(run) == {"a": "none"}
    control.step(now + timedelta(minutes=61))
    assert (states(run), Hold.objects.count()) == ({"a": "scheduled"}, 0)
    assert ("drain", "default", 1) in invitations
    assert AuditEntry.objects.get(event="release_task").extra["by"] == "engine"


def test_one_index_of_a_mapped_task_and_all_of_them():
    with DAG("mapped") as dag:
        PythonOperator.partial(task_id="m", python_callable=print).expand(op_args=[[1], [2], [3]])
    run = start(factories.make_dag(spec=dag.to_spec()))
    holds.hold("mapped", "m", run_pk=run.pk, map_index=1)
    assert play(slot()) == ["m", "m"]
    assert states(run) == {"m[0]": "success", "m[1]": "none", "m[2]": "success"}
    holds.hold("mapped", "m")
    later = start(Dag.objects.get())
    assert (set(states(later).values()), len(states(later)), kept()) == ({"none"}, 3, True)
    holds.release_task("mapped", "m")
    assert (play(slot()), states(run)["m[1]"]) == (["m", "m", "m"], "none")


def test_holding_again_changes_the_reason_and_only_that():
    run = start(python_dag("one", {"a": ()}))
    first = holds.hold("one", "a", run_pk=run.pk, reason="x")
    again = holds.hold("one", "a", run_pk=run.pk, reason="y", until=timezone.now() + timedelta(days=1))
    assert (first.pk, again.reason, Hold.objects.count()) == (again.pk, "y", 1)


def test_what_cannot_be_held():
    run = start(python_dag("one", {"a": ()}))
    with pytest.raises(TaskNotFound, match="has no task `x`"):
        holds.hold("one", "x")
    with pytest.raises(TaskNotFound, match=r"a\[3\]"):
        holds.hold("one", "a", run_pk=run.pk, map_index=3)
    with pytest.raises(InvalidHold, match="time to come"):
        holds.hold("one", "a", until=timezone.now() - timedelta(days=1))
    with pytest.raises(InvalidHold, match="in a run only"):
        holds.hold("one", "a", map_index=0)
    with pytest.raises(NotHeld, match="is not held"):
        holds.release_task("one", "a")


def test_why_says_who_holds_it_and_until_when():
    run = start(python_dag("one", {"a": ()}))
    until = timezone.now() + timedelta(hours=2)
    holds.hold("one", "a", run_pk=run.pk, reason="wait for Ada", until=until)
    slot()
    (reason,) = why.of_task(TaskInstance.objects.select_related("run__dag").get(), timezone.now())
    assert (reason.kind, reason.text) == ("held", "It is held back by command line (wait for Ada).")
    assert reason.until == until


def test_a_held_sensor_looks_again_only_when_released():
    run = start(python_dag("one", {"a": ()}))
    end(take(slot()), Outcome("rescheduled", reschedule_at=timezone.now() + seconds(10)))
    holds.hold("one", "a", run_pk=run.pk)
    control.step(timezone.now() + seconds(20))
    assert states(run) == {"a": "up_for_reschedule"}
    holds.release_task("one", "a", run_pk=run.pk)
    control.step(timezone.now() + seconds(20))
    assert states(run) == {"a": "scheduled"}
