"""GET nextRuns: what the schedule has to come, explained."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.utils import timezone

from dags_app import schedule
from dags_app.models import Dag
from tests.support import factories


def planned(now: datetime, **spec) -> Dag:
    dag = factories.make_dag(spec=replace(factories.make_spec("alpha"), **spec))
    schedule.plan(dag, now, None)
    dag.save()
    return dag


@pytest.fixture
def spring(monkeypatch):
    now = datetime(2026, 3, 28, 12, tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: now)
    return now


BERLIN = {"type": "cron_trigger", "expression": "30 2 * * *", "timezone": "Europe/Berlin"}


def test_the_runs_to_come_have_local_times_and_notes(api, spring):
    planned(spring, timetable=BERLIN)
    found = api.call("get", "dags/alpha/nextRuns", count=3)
    assert found["timezone"] == "Europe/Berlin" and found["total_entries"] == 3 and found["ending"] is None
    assert [each["local_time"] for each in found["next_runs"]] == [
        "2026-03-29T03:30:00+02:00",
        "2026-03-30T02:30:00+02:00",
        "2026-03-31T02:30:00+02:00",
    ]
    assert found["next_runs"][0]["run_after"] == "2026-03-29T01:30:00Z"
    assert [len(each["notes"]) for each in found["next_runs"]] == [1, 0, 0]


def test_where_the_runs_end_the_reason_is_told(api, spring):
    planned(spring, timetable=BERLIN, end_date=datetime(2026, 3, 30, 12, tzinfo=UTC))
    found = api.call("get", "dags/alpha/nextRuns")
    assert found["total_entries"] == 2 and "end date, 2026-03-30" in found["ending"]


@pytest.mark.parametrize(
    ("timetable", "reason"),
    [
        ({"type": "null"}, "has no schedule"),
        ({"type": "nonsense"}, "cannot be used"),
        ({"type": "continuous"}, "the one before has ended"),
    ],
)
def test_a_schedule_without_runs_to_list_says_so(api, spring, timetable, reason):
    planned(spring, timetable=timetable)
    assert reason in api.call("get", "dags/alpha/nextRuns")["ending"]


@pytest.mark.parametrize("count", ["0", "-1", "x"])
def test_a_count_that_is_none_is_refused(api, count):
    factories.make_dag("alpha")
    assert api.call("get", "dags/alpha/nextRuns", status=422, count=count)["detail"][0]["loc"] == ["query", "count"]
