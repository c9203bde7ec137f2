"""When a run will end, told from the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dags_app.models import Dag, Pool
from dags_app.versions import load_spec
from runs_app import control, forecast
from runs_app.models import DagRun, Deadline, Process, TaskInstance
from tests.runs_app.engine import end, python_dag, seconds, slot, start, take

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]
NOW = timezone.now()
CHAIN = {"a": (), "b": ("a",), "c": ("b",)}


def lived(dag, claimer, took: dict[str, float], at) -> DagRun:
    """A run of the engine whose tasks took so many seconds each, one after the other."""
    run = start(dag, now=at)
    while (row := take(claimer, at)) is not None:
        at += seconds(took[row["task_id"]])
        end(row, "success", now=at)
    return run


def history(dag, claimer, runs: int = 5, **took: float) -> None:
    for number in range(runs):
        at = NOW - timedelta(days=runs - number)
        lived(dag, claimer, {task_id: each + number for task_id, each in took.items()}, at)


def test_it_is_the_rest_of_what_earlier_runs_took():
    dag, claimer = python_dag("etl", CHAIN), slot()
    history(dag, claimer, a=100, b=200, c=300)
    run = start(dag, now=NOW)
    told = forecast.of_run(run, NOW)
    assert told.runs == 5
    assert (told.half - NOW).total_seconds() == pytest.approx(606, abs=0.1)
    row = take(claimer, NOW)
    end(row, "success", now=NOW + seconds(150))
    row = take(claimer, NOW + seconds(150))
    forecast.forget()
    told = forecast.of_run(run, NOW + seconds(200))
    assert (told.half - NOW).total_seconds() == pytest.approx(150 + 504, abs=0.1)
    assert told.most > told.half


@pytest.mark.parametrize(
    "runs, reason",
    [
        (0, "no run of this DAG has succeeded yet"),
        (1, "only 1 run of this DAG succeeded so far, 3 are needed"),
        (2, "only 2 runs of this DAG succeeded so far, 3 are needed"),
    ],
)
def test_with_too_few_earlier_runs_it_says_so(runs, reason):
    dag, claimer = python_dag("etl", CHAIN), slot()
    history(dag, claimer, runs, a=1, b=1, c=1)
    told = forecast.of_run(start(dag, now=NOW), NOW)
    assert (told.half, told.reason) == (None, reason)


def test_a_try_that_failed_is_part_of_what_a_task_took():
    dag, claimer = python_dag("etl", {"a": ()}, tasks={"retries": 1, "retry_delay": seconds(50)}), slot()
    for number in range(4):
        at = NOW - timedelta(days=9 - number)
        start(dag, now=at)
        end(take(claimer, at), "failed", now=at + seconds(10))
        control.step(at + seconds(61))
        end(take(claimer, at + seconds(61)), "success", now=at + seconds(100))
    run = start(dag, now=NOW)
    assert ahead(run) == pytest.approx(100, abs=0.1)
    row = take(claimer, NOW)
    assert ahead(run, NOW + seconds(40)) == pytest.approx(60, abs=0.1)
    end(row, "failed", now=NOW + seconds(40))
    assert ahead(run, NOW + seconds(40)) > 50


def ahead(run: DagRun, now=NOW) -> float:
    forecast.forget()
    run.refresh_from_db()
    told = forecast.of_run(run, now)
    assert told.half is not None, told.reason
    return (told.half - now).total_seconds()


def test_what_is_left_shares_the_slots_there_are():
    dag, claimer = python_dag("wide", {name: () for name in "abcd"}), slot()
    history(dag, claimer, a=100, b=100, c=100, d=100)
    run = start(dag, now=NOW)
    assert ahead(run) == pytest.approx(408, abs=0.1)  # one slot
    slot()
    assert ahead(run) == pytest.approx(204, abs=0.1)
    Dag.objects.filter(pk=dag.pk).update(max_active_tasks=1)
    assert ahead(run) == pytest.approx(408, abs=0.1)


def test_it_waits_behind_others_in_its_pool():
    Pool.objects.create(name="db", slots=1)
    dag, claimer = python_dag("etl", {"a": ()}, tasks={"pool": "db"}), slot()
    other = python_dag("other", {"x": ()}, tasks={"pool": "db", "priority_weight": 9})
    for _ in range(9):
        slot()
    history(dag, claimer, a=100)
    history(other, claimer, x=1000)
    run = start(dag, now=NOW)
    assert ahead(run) == pytest.approx(102, abs=0.1)
    start(other, now=NOW)
    assert ahead(run) == pytest.approx(1002 + 102, abs=0.1)
    Pool.objects.filter(name="db").update(slots=2)
    assert ahead(run) == pytest.approx(102, abs=0.1)


@pytest.mark.parametrize(
    "spoil, reason",
    [
        (lambda run: Process.objects.update(ended_at=NOW), "no live worker serves queue default"),
        (lambda run: Dag.objects.update(is_frozen=True, is_paused=True), "the DAG is frozen"),
        (lambda run: TaskInstance.objects.filter(run=run, task_id="b").update(held=True), "task b is held"),
        (lambda run: Pool.objects.update(slots=0), "most of what is left has never run before, or finds no place as things are"),
        (lambda run: DagRun.objects.filter(pk=run.pk).update(state="queued"), "it is not running"),
    ],
)  # fmt: skip
def test_where_nothing_can_be_told_it_says_why(spoil, reason):
    dag, claimer = python_dag("etl", CHAIN), slot()
    history(dag, claimer, a=1, b=1, c=1)
    run = start(dag, now=NOW)
    spoil(run)
    run.refresh_from_db()
    told = forecast.of_run(run, NOW)
    assert (told.half, told.reason) == (None, reason)


def deadline(run: DagRun, after: float, **fields) -> None:
    at = NOW + seconds(after)
    Deadline.objects.create(run=run, key=str(after), deadline_time=at, created_at=NOW, **fields)


def test_it_warns_of_deadlines_that_will_be_missed_and_of_those_that_may():
    dag, claimer = python_dag("etl", CHAIN), slot()
    history(dag, claimer, a=100, b=200, c=300)
    run = start(dag, now=NOW)
    deadline(run, 500, name="early")
    deadline(run, 610, name="close")
    deadline(run, 5000, name="late")
    deadline(run, 90, name="of a", task_id="a")
    deadline(run, 400, name="of b", task_id="b")
    found = {each.name: each for each in forecast.of_run(run, NOW).lates}
    assert {name: each.is_sure for name, each in found.items()} == {"early": True, "close": False, "of a": True}
    assert found["early"].seconds == pytest.approx(106, abs=0.1)
    assert found["of a"].seconds == pytest.approx(12, abs=0.1)
    assert forecast.of_run(run, NOW).worst == found["early"]


def test_an_answer_is_kept_for_a_moment(django_assert_num_queries):
    dag, claimer = python_dag("etl", CHAIN), slot()
    history(dag, claimer, a=100, b=200, c=300)
    run = start(dag, now=NOW)
    told = forecast.of_run(run, NOW)
    with django_assert_num_queries(0):
        assert forecast.of_run(run, NOW + seconds(1)) is told
    assert forecast.of_run(run, NOW + seconds(600)) is not told


def test_many_runs_of_many_dags_take_as_many_statements_as_one():
    claimer, runs = slot(), []
    for number in range(4):
        dag = python_dag(f"dag{number}", {f"t{each}": () for each in range(1 + 5 * number)})
        history(dag, claimer, 4, **{f"t{each}": 5.0 for each in range(1 + 5 * number)})
        runs.append(start(dag, now=NOW))
    counts = []
    for asked in (runs[:1], runs):
        forecast.forget()
        for run in asked:
            load_spec(run.version_id)
        with CaptureQueriesContext(connection) as captured:
            told = forecast.of_runs(asked, NOW)
        assert all(each.half for each in told.values())
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 11


def test_a_page_that_has_little_time_is_told_of_the_first_ones():
    claimer, runs = slot(), []
    for number in range(3):
        dag = python_dag(f"dag{number}", {"a": ()})
        history(dag, claimer, 3, a=5.0)
        runs.append(start(dag, now=NOW))
    assert list(forecast.of_runs(runs, NOW, budget=0.0)) == [runs[0].pk]
    assert set(forecast.of_runs(runs, NOW, budget=60.0)) == {run.pk for run in runs}
