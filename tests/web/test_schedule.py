"""The schedule doctor's page: what is odd about a schedule, and how full the minutes of the day are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dags_app import schedule
from dags_app.models import Dag
from orchestrator.sdk import DAG, CronTriggerTimetable
from tests.support import factories


def make(dag_id: str, when: object, end: datetime | None = None, **fields: object) -> Dag:
    with DAG(dag_id, schedule=when, start_date=datetime(2026, 1, 1), end_date=end) as dag:  # type: ignore[arg-type]
        pass
    made = factories.make_dag(spec=dag.to_spec(), **fields)  # type: ignore[arg-type]
    schedule.replan(made, timezone.now())
    return made


def text_of(client: Client, dag_id: str, query: str = "") -> str:
    page = client.get(f"/dags/{dag_id}/schedule{query}")
    assert page.status_code == 200
    return " ".join(page.content.decode().split())


def test_gaps_and_doubles_of_ten_years_are_told(viewer: Client):
    make("night", CronTriggerTimetable("30 2 * * *", timezone="Europe/Berlin"))
    page = text_of(viewer, "night")
    assert page.count("02:30 does not exist: runs at 03:30 instead") in {10, 11}
    assert page.count("02:30 comes twice: runs once, the second time") in {10, 11}
    assert "At 02:30" in page
    assert "The next 50 runs" in page


def test_a_schedule_that_clocks_do_not_touch_is_said_to_be_sound(viewer: Client):
    make("noon", CronTriggerTimetable("0 12 * * *", timezone="Europe/Berlin"))
    assert "no run is left out, moved or doubled" in text_of(viewer, "noon")


def test_a_date_that_never_comes_is_told(viewer: Client):
    make("never", "0 0 30 2 *")
    assert "It never comes due" in text_of(viewer, "never")


def test_the_herd_is_told_better_minutes_each_another(viewer: Client):
    for number in range(4):
        make(f"d{number}", "0 0 * * *")
    make("asleep", "0 0 * * *", is_paused=True)
    page = text_of(viewer, "d2")
    assert "4 runs begin at" in page
    assert "<code>1 0 * * *</code>" in page
    assert "<code>2 0 * * *</code>" in page
    assert "asleep" not in page


def test_the_minute_asked_for_is_listed(viewer: Client):
    for number in range(3):
        make(f"d{number}", "0 0 * * *")
    make("late", "30 3 * * *")
    at = (timezone.now() + timedelta(days=1)).replace(hour=3, minute=30, second=0, microsecond=0)
    if at - timezone.now() > timedelta(days=1):
        at -= timedelta(days=1)
    assert "1 run begins at" in text_of(viewer, "late", f"?at={at:%Y-%m-%dT%H:%M}")
    for nonsense in ("x", "2020-01-01T00:00", "%00"):
        assert "3 runs begin at" in text_of(viewer, "late", f"?at={nonsense}")


def test_dags_without_times_have_a_page_too(viewer: Client):
    make("by_hand", None)
    make("often", timedelta(minutes=7))
    for dag_id in ("by_hand", "often"):
        text_of(viewer, dag_id)


def test_an_ended_dag_says_in_its_head_that_no_run_comes(viewer: Client):
    make("over", "0 0 * * *", datetime(2026, 1, 1, tzinfo=UTC) - timedelta(hours=1))
    make("on", "0 0 * * *")
    page, other = text_of(viewer, "over"), text_of(viewer, "on")
    assert "no more runs:" in page and "2025-12-31" in page
    assert "The next 0 runs" not in page and "no more runs:" not in other
    shown = viewer.get("/dags/over/grid.json").json(), viewer.get("/dags/on/grid.json").json()
    assert [each["how"] for each in shown] == [
        "Trigger it: its schedule makes no run.",
        "Trigger it, or wait for its schedule.",
    ]


def test_it_takes_as_many_queries_for_many_dags(viewer: Client):
    make("d", "0 0 * * *")

    def count() -> int:
        text_of(viewer, "d")
        with CaptureQueriesContext(connection) as found:
            text_of(viewer, "d")
        return len(found)

    few = count()
    for number in range(20):
        make(f"more{number}", "*/30 * * * *")
    assert count() == few
