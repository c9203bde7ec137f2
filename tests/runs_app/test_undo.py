"""Doing and undoing leaves everything as it was, or is refused as a whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from dags_app import secrets
from dags_app.models import AuditEntry, Connection, Dag, Pool, Variable
from orchestrator.sdk import DAG, task
from runs_app import actions, advance, bulk, clearing, invariants, registry
from runs_app.exceptions import CannotUndo
from runs_app.models import Callback, DagRun, Deadline, GroupRetry, TaskInstance, Undo
from runs_app.undo import columns
from runs_app.undo.keeping import forget, keeping, offered
from runs_app.undo.taking_back import newest, take_back
from tests.runs_app.engine import end, play, python_dag, slot, start, state_of, states, take
from tests.support import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]

CHAIN = {"a": (), "b": ("a",), "c": ("b",)}
GROWS = {"token", "seq", "updated_at"}
"""What never goes back, or says when a row was last written."""


def everything() -> str:
    """A digest of all rows that an action may change."""
    models = (DagRun, TaskInstance, Dag, Variable, Connection, Pool, Deadline, GroupRetry, Callback)
    found = {
        str(model): [columns.packed(row, columns.all_of(model, but=GROWS)) for row in model.objects.order_by("pk")]
        for model in models
    }
    return hashlib.sha256(json.dumps(found, sort_keys=True, default=str).encode()).hexdigest()


def done(act: Callable[[], Any], user: Any = None) -> Undo:
    """Do it as somebody who may take it back; it did change something."""
    before = everything()
    with keeping(user):
        act()
        undo = offered("It is done.")
    assert undo is not None
    assert everything() != before
    return undo


def failed_run(arrows: Any = CHAIN, **arguments: Any) -> DagRun:
    """A run that failed in its first task."""
    run = start(python_dag("chain", arrows, **arguments))
    play(slot(), lambda row: "failed")
    return run


def good_run(**arguments: Any) -> DagRun:
    run = start(python_dag("chain", CHAIN, **arguments))
    play(slot())
    return run


def same_after(act: Callable[[], Any]) -> None:
    before = everything()
    take_back(done(act).pk, user=None)
    assert everything() == before
    assert invariants.check(timezone.now(), liveness=False) == []
    assert not Undo.objects.exists()


def test_clearing_a_run_and_undoing_it_changes_nothing():
    run = good_run()
    same_after(lambda: actions.clear(run.pk))
    same_after(lambda: actions.clear(run.pk, task_ids=["b"], downstream=True))
    assert state_of(run) == "success"


def test_clearing_a_failed_task_and_undoing_it_changes_nothing():
    run = failed_run()
    same_after(lambda: actions.clear(run.pk, only_failed=True))
    assert states(run) == {"a": "failed", "b": "upstream_failed", "c": "upstream_failed"}


def test_clearing_in_a_run_under_way_is_undone_and_the_run_goes_on():
    run = start(python_dag("wide", {"a": (), "b": (), "c": ("a", "b")}))
    claimer = slot()
    end(take(claimer), "success")
    same_after(lambda: actions.clear(run.pk, task_ids=["a"]))
    play(slot())
    assert state_of(run) == "success"


@pytest.mark.parametrize("state", ["success", "failed", "skipped"])
def test_marking_tasks_and_undoing_it_changes_nothing(state):
    run = start(python_dag("chain", CHAIN))
    first = TaskInstance.objects.get(run=run, task_id="a")
    same_after(lambda: actions.set_task_state([first.pk], state))
    play(slot())
    assert state_of(run) == "success"


def test_marking_a_failed_task_good_is_undone_with_what_it_opened_below():
    run = failed_run()
    first = TaskInstance.objects.get(run=run, task_id="a")
    same_after(lambda: actions.set_task_state([first.pk], "success"))


@pytest.mark.parametrize("state", ["success", "failed", "queued"])
def test_marking_a_run_and_undoing_it_changes_nothing(state):
    run = start(python_dag("chain", CHAIN)) if state != "queued" else failed_run()
    same_after(lambda: actions.set_run_state(run.pk, state, user=None))


def test_a_task_waiting_for_its_retry_waits_again():
    run = start(python_dag("chain", CHAIN, tasks={"retries": 2, "retry_delay": timedelta(hours=1)}))
    play(slot(), lambda row: "failed", limit=1)
    assert states(run)["a"] == "up_for_retry"
    same_after(lambda: actions.clear(run.pk, task_ids=["a"]))
    assert states(run)["a"] == "up_for_retry"


def test_a_triggered_run_is_undone_by_deleting_it():
    dag = python_dag("chain", CHAIN)
    same_after(lambda: actions.trigger_dag(dag.pk, conf={"x": 1}))
    entry = AuditEntry.objects.get(event="delete_dag_run")
    assert entry.extra == {"undone": "trigger_dag_run"}


def test_a_run_that_was_triggered_with_the_dag_switched_on_is_undone_with_it():
    dag = python_dag("chain", CHAIN, is_paused=True)

    def act() -> None:
        actions.trigger_dag(dag.pk)
        actions.pause(dag.pk, False, user=None)

    same_after(act)


def test_switching_a_dag_on_is_undone_with_the_runs_that_started():
    dag = python_dag("chain", CHAIN, is_paused=True, schedule="@hourly")
    waiting = actions.trigger_dag(dag.pk)
    same_after(lambda: actions.pause(dag.pk, False, user=None))
    assert state_of(waiting) == "queued"


@pytest.mark.parametrize("freeze", [False, True])
def test_a_pause_is_undone_and_the_next_run_stays_planned(freeze):
    dag = python_dag("chain", CHAIN, schedule="@hourly", next_run_after=timezone.now() + timedelta(minutes=3))
    same_after(lambda: actions.pause(dag.pk, True, freeze=freeze, user=None))


def test_bulk_actions_are_undone_as_one():
    dags = [python_dag(f"dag{number}", CHAIN) for number in range(3)]
    runs = [start(dag) for dag in dags]
    play(slot(), lambda row: "failed")
    same_after(lambda: bulk.clear_failed(dags, user=None))
    same_after(lambda: bulk.clear_runs(runs, user=None))
    same_after(lambda: bulk.mark_runs(runs, "success", user=None))
    same_after(lambda: bulk.pause(dags, True, user=None))
    same_after(lambda: bulk.trigger(dags, user=None))


def test_a_clear_with_a_note_over_several_runs_is_undone_as_one():
    dag = python_dag("chain", CHAIN)
    runs = [start(dag, now=timezone.now() - timedelta(days=day)) for day in range(3)]
    play(slot())
    wanted = clearing.Wanted(task_ids=["b"], downstream=True, note="again")
    same_after(lambda: clearing.clear(runs[0], runs, wanted, lambda dag_id: True, user=None))


def test_group_retries_and_deadlines_of_a_run_are_as_they_were():
    run = good_run()
    at = timezone.now() + timedelta(hours=1)
    Deadline.objects.create(run=run, key="k", deadline_time=at, created_at=at)
    same_after(lambda: actions.clear(run.pk))


# ---- things under names


def test_deleting_and_changing_a_variable_is_undone_and_nobody_reads_it():
    registry.save_variable("key", {"value": "open sesame", "description": "d"}, new=True, user=None)
    undo = done(lambda: registry.delete_variable("key", user=None))
    assert "sesame" not in json.dumps(undo.parts)
    take_back(undo.pk, user=None)
    assert secrets.get_variable("key") == "open sesame"
    same_after(lambda: registry.save_variable("key", {"value": "other"}, new=False, user=None))
    same_after(lambda: registry.delete_variable("key", user=None))
    assert "sesame" not in json.dumps(list(AuditEntry.objects.values_list("extra", flat=True)))


def test_deleting_changing_and_making_a_connection_is_undone():
    values = {"conn_type": "http", "host": "h", "password": "open sesame", "port": 80}
    registry.save_connection("c", values, new=True, user=None)
    same_after(lambda: registry.delete_connection("c", user=None))
    same_after(lambda: registry.save_connection("c", {"password": "x"}, new=False, user=None))
    same_after(lambda: registry.save_connection("d", values, new=True, user=None))
    assert secrets.get_connection("c")["password"] == "open sesame"


def test_deleting_and_changing_a_pool_is_undone():
    registry.save_pool("p", {"slots": 3}, new=True, user=None)
    same_after(lambda: registry.delete_pool("p", user=None))
    same_after(lambda: registry.save_pool("p", {"slots": 5}, new=False, user=None))


def test_what_was_changed_since_stays():
    undo = done(lambda: registry.save_pool("p", {"slots": 3}, new=True, user=None))
    registry.save_pool("p", {"slots": 4}, new=False, user=None)
    refused(undo, "Pool p was changed since")


# ---- refused as a whole


def refused(undo: Undo, why: str, user: Any = None) -> None:
    before = everything()
    with pytest.raises(CannotUndo, match=why):
        take_back(undo.pk, user=user)
    assert everything() == before
    assert Undo.objects.filter(pk=undo.pk).exists()


def test_what_a_slot_has_claimed_since_is_not_undone_nor_the_rest():
    runs = [start(python_dag(f"dag{number}", CHAIN)) for number in range(2)]
    play(slot())
    undo = done(lambda: bulk.clear_runs(runs, user=None))
    row = take(slot())
    refused(undo, "a has begun in")
    assert end(row, "success").accepted


def test_a_triggered_run_that_has_begun_is_not_undone():
    dag = python_dag("chain", CHAIN)
    undo = done(lambda: actions.trigger_dag(dag.pk))
    take(slot())
    refused(undo, "a of .* has begun")


def test_what_follows_from_a_mark_and_has_begun_stays():
    run = start(python_dag("chain", CHAIN))
    undo = done(lambda: actions.set_task_state([TaskInstance.objects.get(task_id="a").pk], "success"))
    assert take(slot())["task_id"] == "b"
    refused(undo, f"b has begun in {run.run_id.replace('+', '.')}")


def test_what_another_has_done_since_stays():
    run = good_run()
    undo = done(lambda: actions.clear(run.pk, task_ids=["c"]))
    actions.set_task_state([TaskInstance.objects.get(task_id="a").pk], "failed", user=factories.make_user("user"))
    refused(undo, "has changed run")


def test_a_run_whose_place_was_taken_stays_ended():
    dag = python_dag("chain", CHAIN, max_active_runs=1)
    run = start(dag)
    waiting = start(dag, now=timezone.now() + timedelta(minutes=1))
    undo = done(lambda: actions.set_run_state(run.pk, "failed", user=None))
    advance.start_queued(dag.pk, timezone.now() + timedelta(minutes=2))
    assert state_of(waiting) == "running"
    refused(undo, "has taken the place")


def test_a_later_run_that_went_on_is_not_left_without_its_past():
    now = timezone.now()
    dag = python_dag("chain", {"a": ()}, tasks={"depends_on_past": True})
    first = start(dag, now=now - timedelta(days=1))
    second = start(dag, now=now)
    undo = done(lambda: actions.set_task_state([TaskInstance.objects.get(run=first).pk], "success"))
    advance.advance(second.pk, timezone.now())
    assert states(second) == {"a": "scheduled"}
    refused(undo, "of the later run")


def test_what_ran_and_was_stopped_is_not_offered():
    run = start(python_dag("chain", CHAIN))
    take(slot())
    with keeping(None):
        actions.clear(run.pk)
        assert offered("Cleared.") is None


def test_it_is_undone_once_by_its_doer_and_for_a_while():
    alice, bob = factories.make_user("user"), factories.make_user("user")
    run = good_run()
    undo = done(lambda: actions.clear(run.pk, user=alice), user=alice)
    refused(undo, "too late", user=bob)
    assert newest(bob) is None
    assert newest(alice) == undo
    take_back(undo.pk, user=alice)
    with pytest.raises(CannotUndo, match="undone already"):
        take_back(undo.pk, user=alice)
    late = done(lambda: actions.clear(run.pk, user=alice), user=alice)
    Undo.objects.update(expires_at=timezone.now())
    refused(late, "too late", user=alice)
    forget(timezone.now())
    assert not Undo.objects.exists()


def test_nothing_is_kept_where_nobody_asked():
    run = good_run()
    actions.clear(run.pk)
    assert offered("Cleared.") is None
    with keeping(None):
        assert offered("Nothing was done.") is None


def mapped_dag(dag_id: str = "mapped", **columns: Any) -> Dag:
    with DAG(dag_id) as made:

        @task
        def each(row: int) -> None: ...

        each.expand(row=[1, 2, 3])
    return factories.make_dag(spec=made.to_spec(), **columns)


def test_a_task_that_was_expanded_since_is_one_again():
    dag = mapped_dag(is_paused=True)
    run = actions.trigger_dag(dag.pk)
    assert states(run) == {"each": "none"}

    def act() -> None:
        actions.pause(dag.pk, False, user=None)
        assert len(states(run)) == 3

    same_after(act)
    assert states(run) == {"each": "none"}


def test_a_mapped_instance_that_has_begun_stays():
    dag = mapped_dag(is_paused=True)
    actions.trigger_dag(dag.pk)
    undo = done(lambda: actions.pause(dag.pk, False, user=None))
    take(slot())
    refused(undo, "each.* has begun")
