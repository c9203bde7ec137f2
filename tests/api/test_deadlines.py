"""Deadlines over the API."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestrator.sdk import DAG, DeadlineAlert, DeadlineReference, EmptyOperator, SyncCallback, VariableInterval
from tests.support import factories


@pytest.fixture
def run(db):
    due = DeadlineReference.DAGRUN_LOGICAL_DATE
    alerts = [
        DeadlineAlert(due, timedelta(hours=1), SyncCallback("a.b"), name="soon"),
        DeadlineAlert(due, timedelta(hours=2), SyncCallback("a.b")),
        DeadlineAlert(due, VariableInterval("absent"), SyncCallback("a.b"), name="never"),
    ]
    with DAG("alpha", deadline=alerts) as dag:
        EmptyOperator(task_id="a")
    return factories.make_run(factories.make_dag(spec=dag.to_spec()), "r1", logical_date=factories.DAY)


def test_the_deadlines_of_a_run(api, run):
    run.deadlines.filter(name="soon").update(missed=True)
    answer = api.call("get", "dags/alpha/dagRuns/r1/deadlines")
    assert answer["total_entries"] == 2
    first = answer["deadlines"][0]
    assert first.pop("id") and first.pop("alert_id")
    assert first == {
        "deadline_time": "2026-03-01T01:00:00Z",
        "missed": True,
        "created_at": "2026-03-01T00:00:00Z",
        "dag_id": "alpha",
        "dag_run_id": "r1",
        "alert_name": "soon",
        "task_id": None,
        "map_index": -1,
    }

    def names(**query: object) -> list[str | None]:
        return [each["alert_name"] for each in api.call("get", "dags/~/dagRuns/~/deadlines", **query)["deadlines"]]

    assert names(order_by="-deadline_time") == [None, "soon"]
    assert names(missed="true") == ["soon"] and names(missed="false") == [None]
    assert names(deadline_time_gt="2026-03-01T01:30:00Z") == [None]
    api.call("get", "dags/~/dagRuns/r1/deadlines", status=400)
    api.call("get", "dags/alpha/dagRuns/r9/deadlines", status=404)


def test_the_alerts_of_a_dag(api, run):
    found = api.call("get", "dags/alpha/deadlineAlerts")
    assert [(each["name"], each["interval"]) for each in found["deadline_alerts"]] == [
        ("soon", 3600.0),
        (None, 7200.0),
        ("never", None),
    ]
    assert {each["reference_type"] for each in found["deadline_alerts"]} == {"DagRunLogicalDateDeadline"}
    known = {each["id"] for each in found["deadline_alerts"]}
    assert {each["alert_id"] for each in api.call("get", "dags/alpha/dagRuns/r1/deadlines")["deadlines"]} <= known
    assert api.call("get", "dags/alpha/deadlineAlerts", limit=1, offset=2)["deadline_alerts"][0]["name"] == "never"
    assert api.call("get", "dags/alpha/deadlineAlerts", version_number=9)["total_entries"] == 0


def test_the_page_of_a_run_says_that_it_is_late(client, run):
    run.deadlines.filter(name="soon").update(missed=True)
    client.force_login(factories.make_user("viewer"))
    page = client.get("/dags/alpha/runs/r1").content.decode()
    assert "Missed its deadline <b>soon</b>" in page
    assert "Deadline soon" in client.get("/dags/alpha/runs/r1/details").content.decode()
