"""The replay of a run: what the page shows at a moment, and how one gets from moment to moment."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from runs_app.models import DagRun, StateEvent
from tests.runs_app.engine import end, python_dag, seconds, slot, start, take
from tests.support import factories

NOW = timezone.now() - timedelta(hours=1)


@pytest.fixture
def run(db: None) -> DagRun:
    """A run of a, then b: each waited 10 s and ran 30 s; b failed."""
    run = start(python_dag("etl", {"a": (), "b": ("a",)}), now=NOW, run_id="r")
    claimer = slot()
    for at, outcome in ((10, "success"), (50, "failed")):
        row = take(claimer, NOW + seconds(at))
        end(row, outcome, now=NOW + seconds(at + 30))
    run.refresh_from_db()
    return run


def states(client: Client, query: str) -> dict[str, str]:
    """The states that the page shows, by task, and that of the run under ""."""
    page = client.get(f"/dags/etl/runs/r/replay{query}")
    assert page.status_code == 200
    text = page.content.decode().split('id="replay"')[-1]
    found = dict(re.findall(r'<tr id="task-(\w+)">.*?class="state"><i class="st st-(\w+)"', text, re.DOTALL))
    of_run = re.search(r'class="state"><i class="st st-(\w+)"', text.split("<table")[0])
    return {"": of_run[1] if of_run else "", **found}


@pytest.mark.parametrize(
    "at, wanted",
    [
        ("0", {"": "running", "a": "scheduled", "b": "none"}),
        ("9.9", {"": "running", "a": "scheduled", "b": "none"}),
        ("10", {"": "running", "a": "running", "b": "none"}),
        ("45", {"": "running", "a": "success", "b": "scheduled"}),
        ("60", {"": "running", "a": "success", "b": "running"}),
        ("80", {"": "failed", "a": "success", "b": "failed"}),
        ("1e9", {"": "failed", "a": "success", "b": "failed"}),
        ("-5", {"": "running", "a": "scheduled", "b": "none"}),
    ],
)
def test_the_page_shows_the_moment_that_its_address_names(viewer: Client, run: DagRun, at, wanted):
    assert states(viewer, f"?at={at}") == wanted
    assert states(viewer, f"?part=replay&at={at}") == wanted


def test_without_a_moment_it_is_the_end(viewer: Client, run: DagRun):
    assert states(viewer, "") == {"": "failed", "a": "success", "b": "failed"}


@pytest.mark.parametrize("text", ["yesterday", "nan", "1e400", "%00", "2026-13-45", "<b>x</b>", "9" * 400])
def test_what_is_no_moment_is_said(viewer: Client, run: DagRun, text):
    page = viewer.get(f"/dags/etl/runs/r/replay?at={text}")
    assert page.status_code == 200
    assert "is no time" in page.content.decode()
    assert b"<b>x</b>" not in page.content


def test_steps_lead_from_change_to_change_and_show_what_it_made(viewer: Client, run: DagRun):
    """To the microsecond: at the moment of a change, it has happened."""
    query, seen = "?at=0", []
    while query:
        seen.append(tuple(states(viewer, query).values()))
        page = viewer.get(f"/dags/etl/runs/r/replay{query}").content.decode()
        following = re.search(r'href="(\?[^"]+)" title="The next change"', page)
        query = following[1].replace("&amp;", "&") if following else ""
    assert seen == [
        ("running", "scheduled", "none"),
        ("running", "running", "none"),
        ("running", "success", "scheduled"),
        ("running", "success", "running"),
        ("failed", "success", "failed"),
    ]


def test_slots_and_queue_are_listed(viewer: Client, run: DagRun):
    def side(at: int) -> str:
        page = viewer.get(f"/dags/etl/runs/r/replay?at={at}").content.decode()
        return " ".join(re.sub(r"<[^>]+>", " ", page.split('class="replay-side"')[1]).split())

    assert re.search(r"Slots 0 in use Nothing of this run ran. Queue 1 ready a default_pool", side(5))
    assert re.search(r"Slots 1 in use b default_pool 10s Queue 0 ready Nothing", side(60))


def test_the_graph_shows_the_same_moment(viewer: Client, run: DagRun):
    page = viewer.get("/dags/etl/runs/r/graph?at=60")
    assert page.context["data"]["states"] == {"a": {"success": 1}, "b": {"running": 1}}
    source = re.search(r'data-json="([^"]+)"', page.content.decode())[1].replace("&amp;", "&")
    assert viewer.get(source).json()["states"] == {"a": {"success": 1}, "b": {"running": 1}}
    assert viewer.get("/dags/etl/runs/r/graph?at=nonsense").context["data"]["states"]["b"] == {"failed": 1}


def test_a_part_alone_asks_little_however_many_tasks(viewer: Client, run: DagRun):
    wide = factories.make_run(python_dag("wide", {f"t{number}": () for number in range(60)}), "r")
    pks = wide.task_instances.values_list("pk", flat=True)
    for new, at in (("scheduled", 0), ("running", 5), ("success", 9)):
        StateEvent.objects.bulk_create(
            StateEvent(run=wide, task_instance_id=pk, new=new, actor="engine", at=wide.queued_at + seconds(at))
            for pk in pks
        )
    counts = []
    for dag_id in ("etl", "wide"):
        viewer.get(f"/dags/{dag_id}/runs/r/replay?part=replay&at=6")
        with CaptureQueriesContext(connection) as captured:
            assert viewer.get(f"/dags/{dag_id}/runs/r/replay?part=replay&at=6").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 12


def test_a_run_that_has_not_begun_can_be_looked_at(viewer: Client):
    dag = factories.make_dag("etl", is_paused=True)
    factories.make_run(dag, "r", state="queued")
    assert states(viewer, "")["a"] == "none"
