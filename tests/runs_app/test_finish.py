"""Claiming and ending attempts, and what follows in the run."""

from __future__ import annotations

import pytest
from django.utils import timezone

from orchestrator.operators.branch import LatestOnlyOperator
from orchestrator.operators.empty import EmptyOperator
from orchestrator.sdk import DAG
from runs_app import advance
from runs_app.claim import adopt, claim
from runs_app.finish import Outcome, finish
from runs_app.models import Attempt, StateEvent, TaskInstance, Trigger
from tests.runs_app.engine import end, play, python_dag, seconds, slot, start, state_of, states, take
from tests.support import factories

pytestmark = pytest.mark.django_db

DIAMOND = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}


def test_tasks_follow_each_other_to_the_end_of_the_run():
    run = start(python_dag("diamond", DIAMOND))
    assert play(slot()) == ["a", "b", "c", "d"]
    assert state_of(run) == "success"
    assert set(states(run).values()) == {"success"}


def test_a_failure_travels_down_the_whole_chain_at_once():
    run = start(python_dag("chain", {"a": (), "b": ("a",), "c": ("b",), "d": ("c",)}))
    play(slot(), lambda row: "failed")
    assert states(run) == {"a": "failed", "b": "upstream_failed", "c": "upstream_failed", "d": "upstream_failed"}
    assert state_of(run) == "failed"


def test_a_slot_claims_its_next_along_with_the_end():
    start(python_dag("chain", {"a": (), "b": ("a",)}))
    claimer = slot()
    row = take(claimer)
    found = finish(row, Outcome("success"), timezone.now(), claimer)
    assert found.next_row["task_id"] == "b"
    assert not found.ready["default"]


def test_a_result_under_an_old_token_changes_nothing():
    run = start(python_dag("one", {"a": ()}))
    first = take(slot())
    assert end(first, "lost").accepted
    second = take(slot())
    assert second["token"] > first["token"]
    assert not end(first, "failed").accepted
    assert states(run) == {"a": "running"}
    assert end(second, "success").accepted
    assert not end(second, "failed").accepted
    assert states(run) == {"a": "success"}


def test_a_lost_attempt_goes_on_as_the_same_try():
    run = start(python_dag("one", {"a": ()}))
    end(take(slot()), "lost")
    again = take(slot())
    assert again["try_number"] == 1
    end(again, "success")
    assert TaskInstance.objects.get(run=run).losses == 1


def test_a_task_that_ends_its_workers_fails_in_the_end(settings):
    run = start(python_dag("one", {"a": ()}))
    for _ in range(settings.ORCH.max_losses + 1):
        end(take(slot()), Outcome("lost", "killed", child_ran=False))
    assert states(run) == {"a": "failed"}
    assert "lost 6 times" in Attempt.objects.order_by("-pk").first().reason


def test_an_interrupted_attempt_costs_neither_a_try_nor_a_loss():
    run = start(python_dag("one", {"a": ()}))
    for _ in range(8):
        end(take(slot()), "interrupted")
    row = take(slot())
    assert (row["try_number"], row["losses"]) == (1, 0)
    assert states(run) == {"a": "running"}


def test_a_failed_try_waits_and_is_tried_again():
    run = start(python_dag("one", {"a": ()}, tasks={"retries": 1, "retry_delay": seconds(60)}))
    claimer, now = slot(), timezone.now()
    end(take(claimer), "failed", now=now)
    assert states(run) == {"a": "up_for_retry"}
    advance.advance(run.pk, now + seconds(59))
    assert take(claimer) is None
    advance.advance(run.pk, now + seconds(60))
    row = take(claimer)
    assert row["try_number"] == 2
    end(row, "failed")
    assert (states(run), state_of(run)) == ({"a": "failed"}, "failed")


def test_a_retry_without_delay_is_ready_at_once():
    run = start(python_dag("one", {"a": ()}, tasks={"retries": 2, "retry_delay": seconds(0)}))
    assert play(slot(), lambda row: "failed") == ["a", "a", "a"]
    assert states(run) == {"a": "failed"}


def test_a_failure_that_must_not_be_retried_is_final():
    run = start(python_dag("one", {"a": ()}, tasks={"retries": 3}))
    end(take(slot()), Outcome("failed", retry=False))
    assert states(run) == {"a": "failed"}


def test_a_reschedule_keeps_its_try_and_the_time_of_its_first_poke():
    run = start(python_dag("one", {"a": ()}))
    first = take(slot())
    at = timezone.now() + seconds(5)
    end(first, Outcome("rescheduled", reschedule_at=at))
    assert states(run) == {"a": "up_for_reschedule"}
    advance.advance(run.pk, at)
    second = take(slot())
    assert second["try_number"] == 1
    assert second["first_started_at"] == first["first_started_at"]
    assert second["reschedule_count"] == 1


def test_a_deferred_task_leaves_a_trigger_and_goes_on_where_it_said():
    run = start(python_dag("one", {"a": ()}))
    row = take(slot())
    trigger = {
        "classpath": "x.Y",
        "kwargs": {"n": 1},
        "method": "resume",
        "next_kwargs": {"k": 2},
        "timeout_seconds": 9,
    }
    end(row, Outcome("deferred", trigger=trigger))
    assert states(run) == {"a": "deferred"}
    waiting = Trigger.objects.get()
    assert (waiting.classpath, waiting.kwargs, waiting.token) == ("x.Y", {"n": 1}, row["token"])
    assert not end(row, "success").accepted


def test_every_change_of_state_leaves_one_event():
    run = start(python_dag("chain", {"a": (), "b": ("a",)}))
    play(slot())
    for instance in run.task_instances.all():
        path = list(StateEvent.objects.filter(task_instance=instance).values_list("old", "new"))
        assert path == [("none", "scheduled"), ("scheduled", "running"), ("running", "success")]


def test_a_commit_whose_answer_got_lost_is_neither_repeated_nor_forgotten(monkeypatch):
    """The end was written, and the next claimed, but the slot saw an error: it must learn both."""
    from django.db import OperationalError

    from runs_app import finish as module

    run = start(python_dag("chain", {"a": (), "b": ("a",), "c": ("b",)}))
    claimer = slot()
    row = take(claimer)
    whole, lose = module._finish_inside, [True]

    class Lost:
        def __enter__(self):
            pass

        def __exit__(self, *error):
            if lose and error[0] is None:
                lose.pop()
                raise OperationalError("the connection was lost")

    monkeypatch.setattr(module.transaction, "atomic", Lost)
    monkeypatch.setattr(module, "is_passing", lambda error: True, raising=False)
    try:
        found = module._finish.__wrapped__(row, Outcome("success"), timezone.now(), claimer)
    except OperationalError:
        found = module._finish.__wrapped__(row, Outcome("success"), timezone.now(), claimer)
    assert whole is module._finish_inside
    assert found.accepted
    assert found.next_row["task_id"] == "b"
    assert Attempt.objects.filter(outcome__isnull=True).count() == 1
    assert states(run) == {"a": "success", "b": "running", "c": "none"}


def test_a_claim_whose_answer_got_lost_is_found_again():
    start(python_dag("one", {"a": (), "b": ()}))
    claimer = slot()
    row = take(claimer)
    claimer.unsure = True
    again = claim(claimer, timezone.now())
    assert (again["id"], again["token"]) == (row["id"], row["token"])
    assert again["try_started"] is True
    end(again, "success")
    assert adopt(claimer) is None


def test_a_task_decided_in_the_engine_has_made_its_first_try(invitations):
    """As in Airflow: whoever counts tries need not know that no process was there."""
    with DAG("inline") as dag:
        EmptyOperator(task_id="a") >> LatestOnlyOperator(task_id="b")
    run = start(factories.make_dag(spec=dag.to_spec()))
    rows = TaskInstance.objects.filter(run=run).values_list("task_id", "state", "try_number")
    assert list(rows) == [("a", "success", 1), ("b", "success", 1)]
