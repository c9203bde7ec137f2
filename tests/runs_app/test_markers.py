"""ExternalTaskMarker: what else is to be done again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.operators.empty import EmptyOperator
from orchestrator.operators.external_task import ExternalTaskMarker
from orchestrator.sdk import DAG
from runs_app.exceptions import TooManyMarkers
from runs_app.markers import tied_to
from runs_app.models import DagRun
from tests.support import factories

DAY = datetime(2024, 3, 1, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def dag(dag_id: str, marks: dict[str, Any] | None = None, below: tuple[str, ...] = ("first", "second")) -> DagRun:
    """A DAG of tasks in a row, the last of them a marker; and its run of the day."""
    with DAG(dag_id) as made:
        before = None
        for task_id in below:
            task = EmptyOperator(task_id=task_id)
            if before is not None:
                before >> task
            before = task
        if marks is not None:
            marker = ExternalTaskMarker(task_id="mark", **marks)
            if before is not None:
                before >> marker
    return factories.make_run(factories.make_dag(spec=made.to_spec()), logical_date=DAY)


def tied(run: DagRun, *task_ids: str) -> dict[str, list[str]]:
    found = tied_to(run, task_ids)
    return {DagRun.objects.get(pk=pk).dag_id: sorted(tasks) for pk, tasks in found.items()}


def test_the_named_task_of_the_same_date_and_all_below_it():
    run = dag("parent", {"external_dag_id": "child", "external_task_id": "second"})
    dag("child", below=("first", "second", "third"))
    assert tied(run, "first", "mark") == {"child": ["second", "third"]}
    assert tied(run, "first") == {}, "the marker is not among what is cleared"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("{{ logical_date.isoformat() }}", True),
        ("{{ execution_date.isoformat() }}", True),
        ("{{ ts }}", True),
        ("{{ logical_date }}", True),
        ("2024-03-01", True),
        (DAY, True),
        (DAY + timedelta(days=1), False),
        ("{{ macros.ds_add(ds, 1) }}", False),
        ("soon", False),
    ],
)
def test_the_date_that_is_named(given: Any, found: bool):
    run = dag("parent", {"external_dag_id": "child", "external_task_id": "first", "logical_date": given})
    dag("child")
    assert bool(tied(run, "mark")) is found


def test_a_dag_or_run_that_is_not_there_is_nothing():
    run = dag("parent", {"external_dag_id": "nowhere", "external_task_id": "x"})
    assert tied(run, "mark") == {}


def test_markers_lead_on_as_far_as_the_first_one_says():
    run = dag("a", {"external_dag_id": "b", "external_task_id": "first", "recursion_depth": 2})
    dag("b", {"external_dag_id": "c", "external_task_id": "second", "recursion_depth": 1})
    dag("c")
    assert tied(run, "mark") == {"b": ["first", "mark", "second"], "c": ["second"]}


def test_more_steps_than_that_are_refused():
    run = dag("a", {"external_dag_id": "b", "external_task_id": "first", "recursion_depth": 1})
    dag("b", {"external_dag_id": "c", "external_task_id": "second"})
    dag("c")
    with pytest.raises(TooManyMarkers, match="Maximum recursion depth 1 reached for ExternalTaskMarker mark"):
        tied_to(run, ["mark"])


def test_a_ring_of_markers_ends():
    run = dag("a", {"external_dag_id": "b", "external_task_id": "first"})
    dag("b", {"external_dag_id": "a", "external_task_id": "first"})
    assert tied(run, "mark") == {"b": ["first", "mark", "second"]}
