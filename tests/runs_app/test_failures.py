"""Failed tries are grouped by what they have in common, by the control pass."""

from __future__ import annotations

import pytest
from django.db.models import F
from django.utils import timezone

from orchestrator.core.states import TaskState
from runs_app import failures
from runs_app.models import ControlState, DagRun, Failure, FailureGroup, StateEvent, TaskInstance
from tests.support import factories
from tests.support.factories import DAY

TRACE = 'Task failed with exception\nTraceback (most recent call last):\n  File "/v/x.py", line {}, in f\n    g()\nValueError: row {}'


@pytest.fixture(autouse=True)
def control(db: None) -> None:
    ControlState.objects.get_or_create(pk=1, defaults={"swept_at": DAY, "expire_from": DAY})


def fail(
    instance: TaskInstance, reason: str = "boom", *lines: str, state: str = "failed", actor: str = "worker"
) -> None:
    """A try that failed: its attempt with its log, and the event of its end."""
    factories.set_state(instance, TaskState.FAILED)
    attempt = factories.make_attempt(instance, lines=lines)
    StateEvent.objects.create(
        run_id=instance.run_id, task_instance=instance, old="running", new=state, token=attempt.token,
        actor=actor, reason=reason, at=timezone.now(),
    )  # fmt: skip


def run_of(dag_id: str) -> DagRun:
    return factories.make_run(factories.make_dag(dag_id), state="failed")


def test_failures_that_differ_in_noise_only_are_one_group_over_dags():
    for number, dag_id in enumerate(("one", "two", "three")):
        run = run_of(dag_id)
        for task_id in ("a", "b"):
            fail(
                factories.instance_of(run, task_id), f"ValueError: row {number}", "begun", TRACE.format(number, number)
            )
    assert failures.collect(timezone.now()) == 6
    group = FailureGroup.objects.get()
    assert (group.title, group.place) == ("ValueError: row 0", "x.py, in f")
    assert set(Failure.objects.values_list("dag_id", "log_line")) == {("one", 2), ("two", 2), ("three", 2)}


def test_each_try_is_counted_once_however_often_it_is_looked_at():
    instance = factories.instance_of(run_of("x"), "a")
    fail(instance, state="up_for_retry")
    assert failures.collect(timezone.now()) == 1
    assert failures.collect(timezone.now()) == 0
    ControlState.objects.update(failures_seen=0)
    assert failures.collect(timezone.now()) == 0
    fail(instance)
    assert failures.collect(timezone.now()) == 1
    assert Failure.objects.count() == 2


def test_what_somebody_marked_is_no_failure():
    fail(factories.instance_of(run_of("x"), "a"), actor="user:ada")
    assert failures.collect(timezone.now()) == 0


def test_a_pass_takes_a_bounded_number_and_the_next_ones_the_rest(monkeypatch):
    monkeypatch.setattr(failures, "FAILURES_AT_ONCE", 2)
    run = run_of("x")
    for _ in range(5):
        fail(factories.instance_of(run, "a"))
    assert [failures.collect(timezone.now()) for _ in range(4)] == [2, 2, 1, 0]


def test_a_log_that_is_gone_or_long_leaves_the_reason(monkeypatch):
    run = run_of("x")
    fail(factories.instance_of(run, "a"), "exit code 3")
    monkeypatch.setattr(failures, "COUNTED_BYTES", 10)
    monkeypatch.setattr(failures, "LOG_BYTES", 400)
    fail(factories.instance_of(run, "b"), "ValueError: row 1", "x" * 1000, TRACE.format(1, 1))
    assert failures.collect(timezone.now()) == 2
    assert set(Failure.objects.values_list("group__title", "log_line")) == {
        ("exit code 3", None),
        ("ValueError: row 1", None),
    }


def test_a_deleted_run_takes_its_failures_along():
    run = run_of("x")
    fail(factories.instance_of(run, "a"))
    failures.collect(timezone.now())
    run.delete()
    assert not Failure.objects.exists()
    assert failures.collect(timezone.now()) == 0


def test_a_gap_in_the_numbers_of_events_is_passed_at_once():
    fail(factories.instance_of(run_of("x"), "a"))
    failures.collect(timezone.now())
    fail(factories.instance_of(run_of("y"), "a"))
    StateEvent.objects.filter(run__dag_id="y").update(id=F("id") + 10 * failures.EVENTS_AT_ONCE)
    assert failures.collect(timezone.now()) == 1
