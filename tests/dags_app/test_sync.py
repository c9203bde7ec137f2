"""Rows of one parsed file, and when its DAG runs next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from dags_app import schedule, sync
from dags_app.documents import read
from dags_app.models import Dag, DagVersion, Pool
from dags_app.sync import Parsed
from dags_app.trees import Tree
from orchestrator.core.serde import SpecError, dag_to_json
from orchestrator.core.states import RunType
from orchestrator.operators.empty import EmptyOperator
from orchestrator.sdk import DAG
from runs_app.create import create_run

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def document(dag_id: str = "etl", *, task: dict | None = None, **arguments) -> dict:
    with DAG(dag_id, **arguments) as dag:
        EmptyOperator(task_id="t", **(task or {}))
    return dag_to_json(dag.to_spec())


def store(*documents: dict, path: str = "etl.py", text: bytes = b"1", now: datetime = NOW) -> sync.Outcome:
    parsed = Parsed(path, f"/dags/{path}", 0.1, [read(each) for each in documents], tree=Tree({path: text}))
    return sync.store(parsed, now=now, present={path})


def make_scheduled_run(dag: Dag, date: datetime):
    return create_run(
        dag=dag, version_pk=dag.version_id, run_type=RunType.SCHEDULED, run_after=date + DAY, logical_date=date,
        interval=(date, date + DAY), triggered_by="timetable", now=date + DAY,
    )  # fmt: skip


def test_a_run_keeps_its_version_when_the_file_changes_and_goes():
    store(document(schedule="@daily"))
    run = make_scheduled_run(Dag.objects.get(), datetime(2026, 3, 1, tzinfo=UTC))
    before = DagVersion.objects.values().get()
    store(document(schedule="@daily", description="new"), text=b"2")
    sync.store_gone(["etl.py"], now=NOW)
    run.refresh_from_db()
    assert run.version.version_number == 1 and Dag.objects.get().version.version_number == 2
    assert DagVersion.objects.values().get(pk=run.version_id) == before
    assert run.state == "queued"


def test_the_next_run_follows_the_last_one_whatever_the_edit():
    start = datetime(2026, 3, 1, tzinfo=UTC)
    store(document(schedule="@daily", start_date=start, catchup=True))
    first = Dag.objects.get().next_logical_date
    make_scheduled_run(Dag.objects.get(), first)
    store(document(schedule="@daily", start_date=start, catchup=True, description="x"), text=b"2")
    assert Dag.objects.get().next_run_after > first


def test_a_schedule_that_cannot_be_used_is_told_on_the_dag_and_stops_nothing():
    broken = document(schedule="@daily")
    broken["timetable"] = {"type": "nonsense"}
    assert not store(broken).has_error
    dag = Dag.objects.get()
    assert "nonsense" in dag.schedule_error and dag.next_run_after is None
    store(document(schedule="@daily"), text=b"2")
    dag = Dag.objects.get()
    assert dag.schedule_error == "" and dag.next_run_after is not None


def test_what_a_paused_dag_missed_is_not_due_when_its_file_is_parsed_again():
    store(document(schedule="@hourly"), now=NOW)
    later = NOW + 3 * DAY
    store(document(schedule="@hourly"), now=later)
    assert later - timedelta(hours=1) <= Dag.objects.get().next_run_after <= later + timedelta(hours=1)


def test_a_dag_that_is_stale_has_no_next_run():
    store(document(schedule="@daily"))
    dag = Dag.objects.get()
    dag.is_stale = True
    schedule.plan(dag, timezone.now(), None)
    assert dag.next_run_after is None


def test_upcoming_runs_end_where_the_schedule_ends():
    end = datetime(2026, 3, 12, tzinfo=UTC)
    store(document(schedule="@daily", start_date=datetime(2026, 3, 10, tzinfo=UTC), end_date=end, catchup=True))
    dag = Dag.objects.get()
    found = schedule.upcoming(dag, 10, NOW)
    assert 1 < len(found) < 5 and found[0].run_after == dag.next_run_after
    assert schedule.upcoming(Dag(dag_id="none"), 3, NOW) == []


def test_many_parses_of_one_content_write_one_version():
    for _ in range(3):
        store(document())
    assert DagVersion.objects.count() == 1


def test_a_file_of_many_dags_is_written_in_parts_and_as_a_whole():
    documents = [document(f"d{number:03}") for number in range(60)]
    assert len(store(*documents).changed) == 60
    assert store(*documents).changed == set()
    outcome = store(*documents[:3], text=b"2")
    assert outcome.freed == {f"d{number:03}" for number in range(3, 60)}
    assert Dag.objects.filter(is_stale=False).count() == 3


def test_two_dags_of_a_file_share_its_sources():
    store(document("a"), document("b"))
    assert DagVersion.objects.values("tree").distinct().count() == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "format 99"),
        ({"colour": "red"}, "colour"),
        ({"dag_id": "a/b"}, "dag_id"),
        ({"dag_id": 5}, "dag_id"),
        ({"max_active_runs": "3"}, "max_active_runs"),
        ({"max_active_tasks": -1}, "max_active_tasks"),
        ({"tags": ["x" * 101]}, "tag"),
        ({"description": 5}, "texts"),
        ({"timetable": "daily"}, "timetable"),
        ({"start_date": "yesterday"}, "not a time"),
        ({"tasks": [{"task_id": "t", "upstream": ["u"]}]}, "downstream of 'u'"),
        ({"tasks": [{"task_id": "t", "group_id": "g"}]}, "unknown group 'g'"),
        ({"tasks": [{"task_id": "t", "pool": ""}]}, "pool"),
        ({"tasks": [{"task_id": "t", "retries": 1.5}]}, "retries"),
        ({"tasks": "t"}, "cannot be stored"),
        ({"tasks": [5]}, "cannot be stored"),
        ({"groups": [{"group_id": "g", "parent_id": "h"}]}, "unknown group 'h'"),
        ({"doc_md": "a\0b"}, "NUL"),
        ({"doc_md": "\ud800"}, "cannot be stored"),
        ({"params": {"x": {"value": float("nan")}}}, "cannot be stored"),
    ],
)
def test_a_document_that_is_no_dag_is_refused_with_the_reason(change, message):
    with pytest.raises(SpecError, match=message):
        read({**document(), **change})


def test_a_text_that_only_looks_like_a_nul_is_stored():
    assert read(document(doc_md="C:\\u0000")).spec.doc_md == "C:\\u0000"


def test_a_task_that_no_pool_can_hold_is_told_when_its_file_is_parsed(caplog):
    Pool.objects.create(name="two", slots=2)
    store(document(task={"pool": "two", "pool_slots": 2}), document("big", task={"pool": "two", "pool_slots": 3}))
    store(document("lost", task={"pool": "nowhere"}), path="lost.py")
    told = [record.getMessage() for record in caplog.records if "task_never_runs" in record.getMessage()]
    assert len(told) == 2
    assert "dag=big task=t" in told[0] and "asks for 3 slots of pool 'two', which has 2" in told[0]
    assert "dag=lost task=t" in told[1] and "'nowhere' does not exist" in told[1]
