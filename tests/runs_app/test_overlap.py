"""What becomes of a scheduled run that is due while as many runs as may be are under way."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from dags_app import schedule
from dags_app.models import AuditEntry, Dag
from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import DAG
from orchestrator.sdk.exceptions import DagError
from runs_app import control, tick
from runs_app.models import DagRun, StateEvent
from tests.runs_app.engine import end, play, seconds, slot, start, take
from tests.runs_app.test_control import due_dag
from tests.support import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]

MINUTE = seconds(60)


def busy_dag(policy: str, now: Any, **arguments: Any) -> Dag:
    values = {"schedule": "* * * * *", "catchup": False, "max_active_runs": 1, **arguments}
    dag = due_dag("busy", now=now, **values)
    Dag.objects.filter(pk=dag.pk).update(overlap_policy=policy)
    dag.refresh_from_db()
    return dag


def whole_minute() -> Any:
    return timezone.now().replace(second=0, microsecond=0)


def dates() -> list[Any]:
    return list(DagRun.objects.order_by("logical_date").values_list("logical_date", flat=True))


def test_a_run_that_finds_no_room_waits_for_it():
    now = whole_minute()
    busy_dag("queue", now)
    assert tick.tick(now) == 1
    assert tick.tick(now + MINUTE) == 0
    play(slot())
    assert tick.tick(now + MINUTE + seconds(1)) == 1
    assert dates() == [now, now + MINUTE]


def test_a_run_that_finds_no_room_is_dropped_where_the_dag_says_so():
    now = whole_minute()
    busy_dag("drop", now)
    assert tick.tick(now) == 1
    assert tick.tick(now + MINUTE) == 0
    assert tick.tick(now + 2 * MINUTE) == 0
    play(slot())
    assert tick.tick(now + 2 * MINUTE + seconds(30)) == 0, "what was dropped does not come back"
    assert tick.tick(now + 3 * MINUTE) == 1
    assert dates() == [now, now + 3 * MINUTE]


def test_each_dropped_run_is_written_down_with_what_was_under_way():
    now = whole_minute()
    dag = busy_dag("drop", now)
    for number in range(3):
        control.step(now + number * MINUTE)
    entries = AuditEntry.objects.filter(event="drop_dag_run").order_by("pk")
    assert [each.extra["logical_date"] for each in entries] == [
        (now + MINUTE).isoformat(), (now + 2 * MINUTE).isoformat(),
    ]  # fmt: skip
    assert entries[0].extra["under_way"] == [DagRun.objects.get().run_id]
    assert (entries[0].actor, entries[0].dag_id) == ("scheduler", "busy")
    dag.refresh_from_db()
    assert len(tick.dropped_runs(dag, timezone.now())) == 2


def test_an_edit_of_the_file_does_not_bring_a_dropped_run_back():
    now = whole_minute()
    dag = busy_dag("drop", now)
    tick.tick(now)
    tick.tick(now + MINUTE)
    dag.refresh_from_db()
    schedule.replan(dag, now + MINUTE + seconds(5))
    assert dag.next_logical_date == now + 2 * MINUTE


def test_runs_that_people_trigger_queue_whatever_the_policy():
    now = whole_minute()
    dag = busy_dag("drop", now)
    tick.tick(now)
    run = start(dag, now=now + seconds(7))
    assert run.state == "queued"
    assert tick.tick(now + MINUTE) == 0, "one waits already: there is no room"
    assert AuditEntry.objects.filter(event="drop_dag_run").count() == 1


def run_states() -> list[str]:
    return list(DagRun.objects.order_by("run_after", "pk").values_list("state", flat=True))


def test_a_due_run_takes_the_place_of_the_oldest_where_the_dag_says_so():
    now = whole_minute()
    busy_dag("cancel_oldest", now)
    tick.tick(now)
    claimer = slot()
    row = take(claimer)
    assert tick.tick(now + MINUTE) == 1
    assert run_states() == ["cancelled", "running"]
    assert not end(row, "success").accepted, "the cancelled run's task is nobody's any more"
    assert play(claimer) == ["a"]
    assert run_states() == ["cancelled", "success"]
    event = StateEvent.objects.get(new="cancelled", task_instance=None)
    assert event.actor == "engine" and "overlap_policy cancel_oldest" in event.reason


def test_only_as_many_are_cancelled_as_are_in_the_way():
    now = whole_minute()
    busy_dag("cancel_oldest", now, max_active_runs=3)
    for number in range(5):
        tick.tick(now + number * MINUTE)
    assert run_states() == ["cancelled", "cancelled", "running", "running", "running"]


def test_what_people_triggered_is_never_cancelled_for_a_schedule():
    now = whole_minute()
    dag = busy_dag("cancel_oldest", now)
    start(dag, now=now + seconds(7))
    assert tick.tick(now) == 0
    play(slot())
    assert tick.tick(now + seconds(1)) == 1
    assert run_states() == ["running", "success"]


def test_the_cancelled_run_cleans_up_before_the_new_one_starts():
    now = whole_minute()
    with DAG("busy", schedule="* * * * *", start_date=now, max_active_runs=1, overlap_policy="cancel_oldest") as dag:
        up = PythonOperator(task_id="up", python_callable=print).as_setup()
        work = PythonOperator(task_id="work", python_callable=print)
        down = PythonOperator(task_id="down", python_callable=print).as_teardown(setups=up)
        up >> work >> down
    fields = {"next_logical_date": now, "next_interval_start": now, "next_interval_end": now}
    dag = factories.make_dag(
        spec=dag.to_spec(), max_active_runs=1, overlap_policy="cancel_oldest", next_run_after=now, **fields
    )
    tick.tick(now)
    claimer = slot()
    end(take(claimer), "success")
    work = take(claimer)
    assert work["task_id"] == "work"
    assert tick.tick(now + MINUTE) == 1
    assert run_states() == ["running", "queued"]
    assert tick.tick(now + 2 * MINUTE) == 1
    assert run_states() == ["running", "cancelled", "queued"], "the newest wins"
    end(work, "failed")
    teardown = take(claimer)
    assert teardown["task_id"] == "down"
    end(teardown, "success")
    control.step(now + 2 * MINUTE + seconds(1))
    assert run_states() == ["cancelled", "cancelled", "running"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"overlap_policy": "skip"}, "must be one of queue, drop, cancel_oldest"),
        ({"overlap_policy": "drop", "catchup": True, "start_date": timezone.now()}, "choose one"),
        ({"overlap_policy": "drop", "schedule": "@continuous", "max_active_runs": 1}, "never overlap"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_at_import(arguments, told):
    with pytest.raises(DagError, match=told):
        DAG("odd", **{"schedule": "@daily", **arguments}).to_spec()
