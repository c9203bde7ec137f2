"""Deadlines of tasks: needed by a time, or slower than usual; and what names an alert from version to version."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.deadlines import keyed
from orchestrator.sdk import DAG, DeadlineAlert, DeadlineReference, EmptyOperator, PythonOperator, SyncCallback, task
from orchestrator.sdk.exceptions import DagError
from orchestrator.sdk.xcom_json import decode
from runs_app import actions, assignment, control, deadlines
from runs_app.models import Callback, DagRun, Deadline, TaskInstance
from tests.support import factories

from .engine import end, play, seconds, slot, start, take
from .test_worker import parse
from .test_worker import slot as real_slot

assert parse and real_slot  # fixtures
pytestmark = pytest.mark.django_db
RUN = DeadlineReference.DAGRUN_QUEUED_AT
STARTED = DeadlineReference.TASK_STARTED_AT


def told(**kwargs: Any) -> None:
    """What a deadline calls in these tests."""


def other(**kwargs: Any) -> None:
    """Another one."""


def alert(reference: Any = RUN, minutes: float = 10, name: str | None = None, call: Any = told) -> DeadlineAlert:
    return DeadlineAlert(reference, timedelta(minutes=minutes), SyncCallback(call), name)


def dag_of(*alerts: DeadlineAlert, dag_id: str = "d", deadline: Any = None, **more: Any) -> Any:
    """A DAG with the tasks a, which has the deadlines, and b behind it."""
    with DAG(dag_id, deadline=deadline) as dag:
        a = PythonOperator(task_id="a", python_callable=print, deadline=list(alerts), **more)
        a >> PythonOperator(task_id="b", python_callable=print)
    spec = dag.to_spec()
    there = factories.Dag.objects.filter(pk=dag_id).first()
    return factories.make_version(there, spec) if there else factories.make_dag(spec=spec)


def begin(now: Any = None) -> dict[str, Any]:
    """Claim the next task instance as a slot does, deadlines included."""
    row = take(slot(), now)
    assert row is not None
    deadlines.started(row, row["started_at"])
    return row


def missed(run: DagRun) -> list[str | None]:
    return [each.name for each in run.deadlines.filter(missed=True).order_by("pk")]


# ---- needed by a time


def test_a_task_is_late_though_its_run_goes_on():
    run = start(dag_of(alert(name="a soon")))
    assert run.deadlines.values_list("task_id", "map_index").get() == ("a", -1)
    row = begin()
    late = timezone.now() + timedelta(minutes=11)
    assert control.next_due(timezone.now()) == run.deadlines.get().deadline_time
    assert [control.step(late).deadlines_missed for _ in range(3)] == [1, 0, 0]
    assert Callback.objects.get().deadline == run.deadlines.get()
    end(row, "success", now=late)
    assert missed(run) == ["a soon"]


@pytest.mark.parametrize("ends", ["success", "skipped"])
def test_a_task_that_is_done_in_time_has_no_deadline_left(ends: str):
    run = start(dag_of(alert(), alert(STARTED)))
    end(begin(), ends)
    assert not run.deadlines.exists()


@pytest.mark.parametrize(("state", "expected"), [("failed", 1), ("success", 0), ("skipped", 0)])
def test_a_task_that_somebody_marks_is_judged_by_its_mark(state: str, expected: int):
    run = start(dag_of(alert()))
    actions.mark(run, [run], ["a"], state, user=None)
    assert control.step(timezone.now() + timedelta(hours=1)).deadlines_missed == expected


def test_a_mapped_task_is_done_when_all_of_it_is():
    @task(deadline=alert())
    def each(x: int) -> int:
        return x

    with DAG("d") as dag:
        each.expand(x=[1, 2, 3])
    run = start(factories.make_dag(spec=dag.to_spec()))
    rows = [begin() for _ in range(3)]
    now = timezone.now()
    for row in rows[:2]:
        end(row, "success", now=now)
    assert run.deadlines.count() == 1
    assert control.step(now + timedelta(minutes=11)).deadlines_missed == 1
    order = assignment.for_callback(Callback.objects.get(), "here")["callback"]
    assert decode(order["context"])["task_instance"]["map_index"] == rows[2]["map_index"]


def test_a_task_that_needs_no_process_may_have_a_deadline():
    with DAG("d") as dag:
        PythonOperator(task_id="a", python_callable=print) >> EmptyOperator(task_id="end", deadline=alert())
    run = start(factories.make_dag(spec=dag.to_spec()))
    assert run.deadlines.get().task_id == "end"
    play(slot())
    assert not run.deadlines.exists()


# ---- slower than usual


def test_twice_as_long_as_usual_is_told_while_it_still_runs():
    usual = DeadlineReference.AVERAGE_RUNTIME(3, 2, factor=2)
    dag = dag_of(alert(usual, 0, name="slow"))
    for took in (40, 20):
        run = start(dag)
        assert not run.deadlines.exists()
        row = begin()
        assert not run.deadlines.exists()  # too few to know what is usual
        end(row, "success", now=row["started_at"] + seconds(took))
        play(slot())

    run = start(dag)
    row = begin()
    assert run.deadlines.get().deadline_time == row["started_at"] + seconds(60)
    assert control.step(row["started_at"] + seconds(59)).deadlines_missed == 0
    assert control.step(row["started_at"] + seconds(61)).deadlines_missed == 1
    assert TaskInstance.objects.get(pk=row["id"]).state == "running" and missed(run) == ["slow"]


@pytest.mark.parametrize("ends", ["failed", "up_for_retry"])
def test_what_counts_from_a_start_ends_with_its_try(ends: str):
    run = start(dag_of(alert(STARTED), retries=int(ends == "up_for_retry")))
    end(begin(), "failed")
    assert not run.deadlines.exists()
    assert control.step(timezone.now() + timedelta(hours=1)).deadlines_missed == 0


def test_a_second_try_counts_anew_but_what_is_late_stays_late():
    run = start(dag_of(alert(STARTED, 10, "ten"), alert(STARTED, 30, "thirty"), retries=2, retry_delay=0))
    first = begin()
    control.step(first["started_at"] + timedelta(minutes=11))
    end(first, "failed", now=first["started_at"] + timedelta(minutes=12))
    again = begin(first["started_at"] + timedelta(minutes=20))
    found = dict(run.deadlines.values_list("name", "deadline_time"))
    assert found["thirty"] == again["started_at"] + timedelta(minutes=30)
    control.step(again["started_at"] + timedelta(minutes=31))
    assert missed(run) == ["ten", "thirty"] and Callback.objects.count() == 2


def test_a_task_that_was_cleared_is_not_late_while_it_waits_for_a_slot():
    run = start(dag_of(alert(STARTED)))
    begin()
    actions.clear(run.pk, task_ids=["a"])
    assert control.step(timezone.now() + timedelta(hours=1)).deadlines_missed == 0


def test_tasks_without_deadlines_ask_nothing(django_assert_num_queries: Any):
    start(dag_of())
    row = take(slot())
    assert row is not None
    with django_assert_num_queries(0):
        deadlines.started(row, row["started_at"])


FILE = """
from airflow.sdk import DeadlineAlert, DeadlineReference, SyncCallback

def write(context, kind):
    with open({path!r}, "a") as file:
        file.write(f"{{kind}} {{context['task_instance']['task_id']}} {{context['task_instance']['state']}}\\n")

@task(deadline=DeadlineAlert(
    DeadlineReference.TASK_STARTED_AT, timedelta(0), SyncCallback(write, kwargs={{"kind": "late"}})
))
def slow(): pass
slow()
"""


def test_a_real_worker_makes_the_deadline_and_calls_what_it_calls(real_slot: Any, tmp_path: Any, parse: Any):
    notes = tmp_path / "notes"
    parse(FILE.format(path=str(notes)))
    run = actions.trigger_dag("d")
    made = []
    original = deadlines.started

    def seen(row: Any, now: Any) -> None:
        original(row, now)
        made.append(run.deadlines.get().task_id)
        control.step(timezone.now())  # it is due at once, while the task runs

    deadlines.started = seen
    try:
        real_slot.drain()
    finally:
        deadlines.started = original
    assert (
        made == ["slow"] and notes.read_text() == "late slow success\n"
    )  # by the one slot there is, so after the task


# ---- which alert it is


@given(st.lists(st.tuples(st.one_of(st.none(), st.sampled_from("ab")), st.integers(0, 2)), max_size=6), st.randoms())
def test_keys_are_distinct_and_do_not_depend_on_places(given: list[tuple[str | None, int]], random: Any):
    documents = [{"name": name, "interval": interval} for name, interval in given]
    shuffled = random.sample(documents, len(documents))
    keys = [each.key for each in keyed("t", documents)]
    assert len(set(keys)) == len(documents)
    assert {each.key for each in keyed("t", shuffled)} == set(keys)
    assert not set(keys) & {each.key for each in keyed("u", documents)}


def test_a_run_that_moves_to_a_version_with_other_deadlines_calls_the_right_one():
    dag = dag_of(deadline=[alert(minutes=1), alert(minutes=2, name="named")])
    run = start(dag)
    play(slot(), lambda row: "failed")
    # The first is gone, so that the other one stands in its place, and calls something else; one is new.
    dag_of(deadline=[alert(minutes=2, name="named", call=other), alert(minutes=3, name="new")])
    actions.clear(run.pk, latest=True)
    assert sorted(run.deadlines.values_list("name", flat=True)) == ["named", "new"]
    control.step(timezone.now() + timedelta(minutes=2, seconds=30))
    callback = Callback.objects.get(kind="deadline")
    assert callback.deadline.name == "named"
    assert assignment.for_callback(callback, "here")["callback"]["path"].endswith(".other")


def test_a_deadline_that_no_version_defines_calls_nothing():
    run = start(dag_of(deadline=alert()))
    run.deadlines.update(key="gone")
    assert control.step(timezone.now() + timedelta(hours=1)).deadlines_missed == 0
    assert not Deadline.objects.exists() and not Callback.objects.exists()


def test_what_is_no_deadline_is_refused_with_the_task_that_has_it():
    with DAG("d") as dag:
        EmptyOperator(task_id="a", deadline=timedelta(hours=1))
    with pytest.raises(DagError, match="task 'a': deadline must be a DeadlineAlert"):
        dag.to_spec()
