"""max_active_tis_per_dag and per_dagrun count what has begun and waits, for a trigger or a person, as in Airflow."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dags_app.models import Pool
from runs_app import answering, limits, why
from runs_app.finish import Outcome
from runs_app.models import DagRun, TaskInstance
from tests.runs_app.engine import end, python_dag, slot, start, states, take
from tests.runs_app.test_hitl import ask, park
from tests.support import factories

pytestmark = pytest.mark.django_db
WAITING = ("awaiting_input", "deferred")


def wait(row: dict[str, Any], state: str) -> Any:
    """Have a running task instance wait for a person or for a trigger."""
    if state == "awaiting_input":
        found = ask(row)
        park(row)
        return found
    end(row, Outcome("deferred", trigger={"classpath": "x.Y", "method": "go"}))
    return None


def two_runs(**limits: Any) -> tuple[DagRun, DagRun]:
    dag = python_dag("d", {"a": ()}, tasks=limits)
    return start(dag, logical_date=factories.DAY), start(dag, logical_date=factories.DAY + timedelta(days=1))


@pytest.mark.parametrize("state", WAITING)
def test_a_task_that_waits_counts_in_all_runs(state: str):
    first, second = two_runs(max_active_tis_per_dag=1)
    wait(take(slot()), state)

    assert take(slot()) is None
    assert (states(first), states(second)) == ({"a": state}, {"a": "scheduled"})


@pytest.mark.parametrize("state", WAITING)
def test_a_mapped_task_that_waits_counts_in_its_run(state: str):
    run = start(python_dag("d", {"a": ()}, tasks={"max_active_tis_per_dagrun": 1}))
    first = TaskInstance.objects.get(run=run)
    TaskInstance.objects.filter(pk=first.pk).update(map_index=0)
    first.pk, first.map_index = None, 1
    first.save(force_insert=True)
    wait(take(slot()), state)

    assert take(slot()) is None
    assert sorted(states(run).values()) == sorted([state, "scheduled"])


def test_the_answer_gives_the_place_back():
    two_runs(max_active_tis_per_dag=1)
    question = wait(take(slot()), "awaiting_input")
    assert take(slot()) is None

    answering.answer(question.pk, options=["yes"], params={}, user=factories.make_user("user", "ada"))

    row = take(slot())
    assert row is not None and take(slot()) is None
    end(row, "success")
    assert take(slot()) is not None


def test_what_waits_takes_no_place_of_other_limits():
    Pool.objects.create(name="one", slots=1)
    run = start(
        python_dag("d", {"a": (), "b": ()}, tasks={"pool": "one", "max_active_tis_per_dag": 5}, max_active_tasks=1)
    )
    wait(take(slot()), "awaiting_input")

    assert take(slot()) is not None
    assert sorted(states(run).values()) == ["awaiting_input", "running"]


def test_why_names_who_waits():
    first, second = two_runs(max_active_tis_per_dag=1)
    wait(take(slot()), "awaiting_input")

    (reason,) = why.of_task(second.task_instances.get(), timezone.now())[:1]

    assert reason.kind == "limit_dag"
    assert [(each.run_id, each.state) for each in reason.held_by] == [(first.run_id, "awaiting_input")]
    assert "1 instances of its task are under way in all runs" in reason.text


def test_counting_is_one_statement():
    two_runs(max_active_tis_per_dag=1)
    wait(take(slot()), "deferred")
    capacity = limits.Capacity()
    capacity.refresh()

    with CaptureQueriesContext(connection) as asked:
        occupied = limits.count(capacity)

    assert len(asked) == 1
    assert occupied.tasks == {("d", "a"): 1} and not occupied.runs
