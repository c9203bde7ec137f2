"""Pages that tell when a run will end."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from runs_app import forecast
from runs_app.models import DagRun, Deadline
from tests.support.forecasts import needed, running

pytestmark = pytest.mark.django_db


def text_of(client: Client, address: str) -> str:
    page = client.get(address)
    assert page.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).split())


def test_pages_of_the_run_and_of_its_dag_tell_it(viewer: Client):
    needed(running(), 40, "<b>nightly</b>")
    for address in ("/dags/etl/runs/now", "/dags/etl"):
        assert re.search(r"ends .* nine of ten by .*ill miss .* by about \d\d s", text_of(viewer, address))
    assert "Will miss its deadline &lt;b&gt;nightly&lt;/b&gt;" in text_of(viewer, "/dags/etl/runs/now")


def test_home_lists_what_runs_with_its_end(viewer: Client):
    running()
    page = viewer.get("/?part=now").content.decode()
    listed = page[page.index('id="running"') :].partition("</section>")[0]
    assert "/dags/etl/runs/now" in listed and "nine of ten by" in listed
    DagRun.objects.update(state="success", ended_at=timezone.now())
    assert 'id="running"' not in viewer.get("/?part=now").content.decode()


def test_the_grid_is_told_when_a_run_ends(viewer: Client):
    running()
    told = viewer.get("/dags/etl/grid/instance.json?run=now").json()
    assert timezone.now().isoformat() < told["half"] <= told["most"]
    DagRun.objects.update(state="success", ended_at=timezone.now())
    assert viewer.get("/dags/etl/grid/instance.json?run=now").json() == {}
    assert viewer.get("/dags/etl/grid/instance.json?run=other").status_code == 404


def test_the_first_run_has_no_forecast_and_says_so(viewer: Client):
    running(runs=0)
    assert "no forecast: first run" in text_of(viewer, "/dags/etl/runs/now")


def test_a_run_that_has_ended_has_none(viewer: Client):
    running()
    DagRun.objects.update(state="success", ended_at=timezone.now())
    page = text_of(viewer, "/dags/etl/runs/now")
    assert "nine of ten" not in page
    assert "no forecast" not in page


def test_a_run_that_will_be_late_needs_somebody(viewer: Client):
    needed(running(), 40)
    page = text_of(viewer, "/")
    assert re.search(r"etl will miss .* by about \d\d s", page)
    assert "deadline nightly, run now" in page
    Deadline.objects.update(deadline_time=timezone.now() + timedelta(hours=1))
    forecast.forget()
    assert "will miss" not in text_of(viewer, "/")


def test_home_asks_no_more_for_many_late_runs_than_for_one(viewer: Client):
    needed(running("one"), 40)
    counts = []
    for more in ((), ("two", "three", "four")):
        for name in more:
            needed(running(name), 40)
        forecast.forget()
        viewer.get("/?part=now")  # specs are read once a process
        forecast.forget()
        with CaptureQueriesContext(connection) as captured:
            viewer.get("/?part=now")
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_what_one_may_not_see_is_not_told(client_of):
    needed(running(), 40)
    assert "will miss" not in text_of(client_of(""), "/")
    assert client_of("").get("/dags/etl/runs/now").status_code == 404


def test_hostile_names_stay_text(viewer: Client):
    run = running()
    Deadline.objects.create(
        run=run, key="k", name="<img src=x>", task_id="<i>a", deadline_time=timezone.now(), created_at=timezone.now()
    )
    assert b"<img src=x>" not in viewer.get("/dags/etl/runs/now").content
