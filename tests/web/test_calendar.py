"""The calendar of a DAG: its runs by day or hour of the reader's zone, and what is planned."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape

from dags_app import schedule
from dags_app.models import Dag
from runs_app.models import DagRun
from tests.support import factories


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def cells(client: Client, query: str = "", dag_id: str = "d") -> dict[str, str]:
    """Name of a cell -> what it says it holds; those that hold nothing left out."""
    page = client.get(f"/dags/{dag_id}/calendar?{query}")
    assert page.status_code == 200
    named = re.findall(r'aria-label="([^"]+?): ([^"]*?)"', page.content.decode())
    return {name: text.strip().rstrip(",") for name, text in named if "no runs" not in text}


def make(**of: str) -> Dag:
    dag = factories.make_dag("d")
    for number, (text, state) in enumerate(of.items()):
        date = at(text.replace("_", "-", 2).replace("_", "T", 1).replace("_", ":"))
        factories.make_run(dag, f"r{number}", state=state, logical_date=date)
    return dag


def test_days_are_those_of_the_reader_s_zone(viewer: Client):
    make(**{"2026_03_04_23_30": "failed", "2026_03_04_12_00": "success"})
    assert cells(viewer, "year=2026") == {"Wednesday 2026-03-04": "1 failed, 1 success"}
    viewer.cookies["zone"] = "Europe/Berlin"
    assert cells(viewer, "year=2026") == {"Thursday 2026-03-05": "1 failed", "Wednesday 2026-03-04": "1 success"}


def test_hours_of_a_month_over_the_change_of_clocks(viewer: Client):
    """In Berlin 01:30 UTC is 03:30 on the day that clocks go forward, and 02:30 for both 00:30 and 01:30 UTC when they go back."""
    make(**{"2026_03_29_01_30": "success", "2026_10_25_00_30": "success", "2026_10_25_01_30": "success"})
    viewer.cookies["zone"] = "Europe/Berlin"
    assert cells(viewer, "by=hour&month=2026-03") == {"2026-03-29 03:00 to 04:00": "1 success"}
    assert cells(viewer, "by=hour&month=2026-10") == {"2026-10-25 02:00 to 03:00": "2 success"}


def test_planned_runs_are_marked(viewer: Client):
    start = timezone.now().replace(microsecond=0)
    dag = factories.make_dag(spec=factories.make_spec("d", schedule="0 0 1 1 *", start_date=start, catchup=False))
    schedule.replan(dag, start)
    assert dag.next_logical_date is not None
    found = cells(viewer, f"year={dag.next_logical_date.year}")
    assert found == {f"{dag.next_logical_date:%A %Y-%m-%d}": "1 planned"}


def test_a_place_leads_to_its_runs_and_an_empty_one_to_the_trigger_dialog(user: Client, viewer: Client):
    make(**{"2026_03_04_12_00": "failed"})
    run = DagRun.objects.get()
    factories.make_run(run.dag, "next", logical_date=at("2026-03-05T00:00"))
    html = user.get("/dags/d/calendar?year=2026").content.decode()
    link = re.search(r'href="([^"]+)"[^>]*aria-label="Wednesday 2026-03-04', html)
    assert link
    listed = user.get(link[1].replace("&amp;", "&")).content.decode()
    assert escape("/dags/d/runs/r0") in listed
    assert "/dags/d/runs/next" not in listed
    empty = re.search(r'href="([^"]+)"[^>]*aria-label="Tuesday 2026-03-03', html)
    assert empty
    assert urlsplit(empty[1]).path == "/dags/d/trigger"
    assert parse_qs(urlsplit(empty[1]).query)["logical_date"] == ["2026-03-03T00:00:00.000+00:00"]
    form = user.get(empty[1].replace("&amp;", "&")).content.decode()
    assert 'value="2026-03-03T00:00:00"' in form
    assert re.search(r'value="date" checked', form)
    assert user.get("/dags/d/trigger?logical_date=nonsense").status_code == 200
    assert "/dags/d/trigger?logical" not in viewer.get("/dags/d/calendar?year=2026").content.decode()


def test_runs_without_a_logical_date_stand_where_they_ran(viewer: Client):
    make(**{"2026_03_04_12_00": "success"})
    DagRun.objects.update(logical_date=None, run_after=at("2026-03-07T00:00"))
    assert cells(viewer, "year=2026") == {"Saturday 2026-03-07": "1 success"}


def test_it_takes_as_many_queries_for_many_runs(viewer: Client):
    dag = make(**{"2026_03_04_12_00": "success"})

    def count() -> int:
        viewer.get("/dags/d/calendar?year=2026")
        with CaptureQueriesContext(connection) as found:
            cells(viewer, "year=2026")
        return len(found)

    few = count()
    for number in range(30):
        factories.make_run(dag, f"more{number}", logical_date=at("2026-05-01T00:00") + timedelta(hours=7 * number))
    assert count() == few


def test_nonsense_shows_the_present(viewer: Client):
    make()
    for query in (
        "year=x",
        "by=hour&month=2026-13",
        "by=hour&month=9999-01",
        "by=hour&month=%00",
        "year=-5",
        "year=99999",
    ):
        assert viewer.get(f"/dags/d/calendar?{query}").status_code == 200, query


def test_failed_runs_alone_lead_to_failed_runs(viewer: Client):
    make(**{"2026_03_04_12_00": "failed", "2026_03_04_13_00": "success"})
    html: Any = viewer.get("/dags/d/calendar?year=2026&show=failed").content.decode()
    assert "state=failed" in html
