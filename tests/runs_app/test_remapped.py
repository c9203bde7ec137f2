"""A mapped task that is run again after what it maps over has changed."""

from __future__ import annotations

import pytest
from django.utils import timezone

from orchestrator.core.states import RunState
from orchestrator.sdk import DAG, task, task_group
from runs_app import actions, advance
from runs_app.finish import Outcome
from runs_app.models import DagRun
from tests.runs_app.engine import play, slot, start, state_of, states
from tests.support import factories

pytestmark = pytest.mark.django_db


def mapped() -> DagRun:
    with DAG("etl") as dag:

        @task
        def src():
            return []

        @task
        def work(x):
            return x

        work.expand(x=src())
    return start(factories.make_dag(spec=dag.to_spec()))


def go(run: DagRun, length: int) -> list[str]:
    """Play what is ready; the source pushes so many elements."""
    advance.start_queued(run.dag_id, timezone.now())
    pushed = Outcome("success", xcoms={"return_value": (list(range(length)), length)})
    return play(slot(), lambda row: pushed if row["task_id"] == "src" else "success")


@pytest.mark.parametrize("before", [1, 3])
@pytest.mark.parametrize("after", [1, 2, 5])
def test_instances_go_and_come_with_the_elements(invitations, before, after):
    run = mapped()
    assert len(go(run, before)) == 1 + before
    actions.clear(run.pk)
    assert len(go(run, after)) == 1 + after
    wanted = {f"work[{index}]": "success" if index < after else "removed" for index in range(max(before, after))}
    assert states(run) == {"src": "success", **wanted}
    assert state_of(run) == RunState.SUCCESS


@pytest.mark.parametrize("before", [1, 3])
@pytest.mark.parametrize("after", [1, 2, 5])
def test_all_tasks_of_a_group_go_and_come_with_the_elements(invitations, before, after):
    with DAG("etl") as dag:

        @task
        def work(x):
            return x

        @task_group
        def group(x):
            work.override(task_id="a")(x) >> work.override(task_id="b")(1) >> work.override(task_id="c")(1)

        group.expand(x=task(task_id="src")(list)())
    run = start(factories.make_dag(spec=dag.to_spec()))
    assert len(go(run, before)) == 1 + 3 * before
    actions.clear(run.pk)
    assert len(go(run, after)) == 1 + 3 * after
    ends = {index: "success" if index < after else "removed" for index in range(max(before, after))}
    wanted = {f"group.{each}[{index}]": state for each in "abc" for index, state in ends.items()}
    assert states(run) == {"src": "success", **wanted}
    assert state_of(run) == RunState.SUCCESS


def test_what_has_ended_stays_though_its_element_is_gone(invitations):
    run = mapped()
    go(run, 3)
    actions.clear(run.pk, task_ids=["src"])
    go(run, 1)
    assert states(run) == {"src": "success", **{f"work[{index}]": "success" for index in range(3)}}


def test_a_try_that_follows_at_once_finds_its_element(invitations):
    """Over a mapped task, whose output is as long as it has instances: looking at one task does not take it for empty."""
    with DAG("chain") as dag:

        @task
        def first(x):
            return x

        @task(retries=1, retry_delay=0)
        def second(x):
            return x

        second.expand(x=first.expand(x=[1, 2]))
    run = start(factories.make_dag(spec=dag.to_spec()))
    failed: set[int] = set()

    def outcome(row):
        if row["task_id"] == "first":
            return Outcome("success", xcoms={"return_value": (1, None)})
        once = row["map_index"] not in failed
        failed.add(row["map_index"])
        return "failed" if once else "success"

    play(slot(), outcome)
    assert failed == {0, 1}
    assert set(states(run).values()) == {"success"}
    assert state_of(run) == RunState.SUCCESS
