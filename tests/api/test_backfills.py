"""Backfills over the API."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.core.timetables import CronPartitionTimetable
from orchestrator.sdk import Param
from runs_app import advance
from runs_app.models import Backfill, DagRun
from tests.support import factories
from tests.support.factories import DAY

REQUIRED = {
    *("id", "dag_id", "from_date", "to_date", "dag_run_conf", "is_paused", "reprocess_behavior", "max_active_runs"),
    *("created_at", "completed_at", "updated_at", "dag_display_name"),
}
BODY: dict[str, Any] = {"dag_id": "daily", "from_date": "2026-03-01T00:00:00Z", "to_date": "2026-03-05T00:00:00Z"}


@pytest.fixture
def daily(db):
    params = {"n": Param(1, type="integer")}
    return factories.make_dag(spec=factories.make_spec("daily", schedule="@daily", start_date=DAY, params=params))


def create(api: Any, status: int = 200, **more: Any) -> Any:
    return api.call("post", "backfills", {**BODY, **more}, status)


def test_creating_reading_and_listing(api, daily):
    made = create(api, max_active_runs=2, dag_run_conf={"n": 3})
    assert made.keys() == REQUIRED
    assert (made["dag_id"], made["from_date"], made["dag_run_conf"]) == ("daily", "2026-03-01T00:00:00Z", {"n": 3})
    assert (made["is_paused"], made["reprocess_behavior"], made["completed_at"]) == (False, "none", None)
    runs = DagRun.objects.filter(backfill_id=made["id"])
    assert runs.filter(state="running").count() == 2
    assert {each.conf["n"] for each in runs} == {3}
    assert api.call("get", f"backfills/{made['id']}") == made
    listed = api.call("get", "backfills", dag_id="daily", order_by="-id")
    assert (listed["backfills"], listed["total_entries"]) == ([made], 1)
    assert api.call("get", "backfills", dag_id="other")["total_entries"] == 0
    assert api.call("get", "backfills", status=422)["detail"][0]["loc"] == ["query", "dag_id"]


def test_the_dry_run_lists_dates_and_makes_nothing(api, daily):
    factories.make_run(daily, state="success", logical_date=DAY)
    found = api.call("post", "backfills/dry_run", {**BODY, "run_backwards": True})
    assert found["total_entries"] == 4
    assert found["backfills"][0] == {
        "logical_date": "2026-03-05T00:00:00Z",
        "partition_key": None,
        "partition_date": None,
    }
    assert not Backfill.objects.exists()


def test_pausing_going_on_and_cancelling(api, daily):
    made = create(api, max_active_runs=1)
    place = f"backfills/{made['id']}"
    assert api.call("put", f"{place}/pause")["is_paused"]
    assert not api.call("put", f"{place}/unpause")["is_paused"]
    assert api.call("put", f"{place}/cancel")["completed_at"]
    states = [run["state"] for run in api.call("get", "dags/daily/dagRuns")["dag_runs"]]
    assert sorted(states) == ["failed"] * 4 + ["running"]
    for action in ("pause", "unpause", "cancel"):
        assert api.call("put", f"{place}/{action}", status=409)["detail"] == "Backfill is already completed."


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"dag_id": "nowhere"}, 404, "Could not find dag nowhere"),
        ({"dag_id": "by_hand"}, 422, "non-periodic schedule"),
        ({"from_date": "2026-03-09T00:00:00Z"}, 422, "must not be after"),
        ({"from_date": "2090-03-09T00:00:00Z", "to_date": "2091-01-01T00:00:00Z"}, 422, "future dates"),
        ({"from_date": "2026-03-01T03:00:00Z", "to_date": "2026-03-01T04:00:00Z"}, 422, "No runs to create"),
        ({"dag_run_conf": {"n": "x"}}, 422, "n"),
        ({"reprocess_behavior": "all"}, 422, "reprocess_behavior"),
        ({"max_active_runs": 0}, 422, "greater than 0"),
        ({"from_date": "2026-03-01T00:00:00"}, 422, "timezone"),
        ({"dag_run_conf": []}, 422, "dictionary"),
        ({"more": 1}, 422, "Extra inputs"),
    ],
)
@pytest.mark.parametrize("where", ["backfills", "backfills/dry_run"])
def test_what_is_refused(api, daily, where, changes, status, says):
    factories.make_dag("by_hand")
    assert says in str(api.call("post", where, {**BODY, **changes}, status)["detail"])
    assert not Backfill.objects.exists()


def test_a_second_one_is_refused_and_reverse_where_the_past_counts(api, daily):
    create(api)
    assert create(api, status=409)["detail"].startswith("There is already a running backfill for dag daily")
    spec = factories.make_spec("strict", schedule="@daily", tasks={"depends_on_past": True})
    factories.make_dag(spec=spec)
    assert "reprocess" in create(api, status=422, dag_id="strict")["detail"]
    again = {"dag_id": "strict", "reprocess_behavior": "completed"}
    assert "reverse" in create(api, status=422, **again, run_backwards=True)["detail"]
    assert create(api, **again)["reprocess_behavior"] == "completed"


def test_what_is_not_there(api, daily):
    assert api.call("get", "backfills/99", status=404)["detail"] == "Backfill not found"
    assert api.call("put", "backfills/99/pause", status=404)["detail"] == "Could not find backfill with id 99"
    api.call("get", f"backfills/{10**30}", status=404)


def test_a_backfill_beside_ordinary_runs_starts_after_them(api, daily):
    create(api, max_active_runs=1)
    api.call("post", "dags/daily/dagRuns", {"logical_date": None, "dag_run_id": "mine"})
    assert api.call("get", "dags/daily/dagRuns/mine")["state"] == "running"
    assert advance.start_queued("daily", DAY).total() == 0


def test_partitions_have_keys_and_dates_instead_of_logical_dates(api):
    timetable = CronPartitionTimetable("@daily", timezone="Asia/Taipei", key_format="%Y-%m-%d")
    factories.make_dag(spec=factories.make_spec("parts", schedule=timetable))
    body = {"dag_id": "parts", "from_date": "2026-02-28T16:00:00Z", "to_date": "2026-03-01T16:00:00Z"}
    found = api.call("post", "backfills/dry_run", body)
    assert found["backfills"] == [
        {"logical_date": None, "partition_key": "2026-03-01", "partition_date": "2026-02-28T16:00:00Z"},
        {"logical_date": None, "partition_key": "2026-03-02", "partition_date": "2026-03-01T16:00:00Z"},
    ]
    made = api.call("post", "backfills", body)
    listed = api.call("get", "dags/parts/dagRuns", order_by="run_after")["dag_runs"]
    assert [(each["partition_key"], each["logical_date"]) for each in listed] == [
        ("2026-03-01", None),
        ("2026-03-02", None),
    ]
    assert made["from_date"] == body["from_date"]
