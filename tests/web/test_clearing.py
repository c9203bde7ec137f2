"""What the dialogs for clearing and marking reach: other runs, other versions, other DAGs; and what they show first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.test import Client

from dags_app.models import Dag
from runs_app.models import DagRun, Deadline
from tests.support import factories

FETCH = {"X-Requested-With": "fetch"}
DAYS = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]


@pytest.fixture
def days(shop: Dag) -> list[DagRun]:
    return [factories.make_run(shop, f"d{date.day}", logical_date=date) for date in DAYS]


def place(run_id: str, act: str) -> str:
    return f"/dags/shop/runs/{run_id}/tasks/extract/{act}"


def state_in(run: DagRun) -> str:
    return factories.instance_of(run, "extract").state


@pytest.mark.parametrize(
    ("scope", "touched"),
    [
        ({}, ["d2"]),
        ({"past": "on"}, ["d1", "d2"]),
        ({"future": "on"}, ["d2", "d3"]),
        ({"past": "1", "future": "1"}, ["d1", "d2", "d3"]),
    ],
)
def test_earlier_and_later_runs_are_cleared_where_asked_for(
    user: Client, days: list[DagRun], scope: dict[str, str], touched: list[str]
):
    preview = user.get(place("d2", "clear"), {"set": "1", "part": "affected", **scope}, headers=FETCH).content.decode()
    assert f"<b>{len(touched)}</b> task instance" in preview
    user.post(place("d2", "clear"), {"set": "1", **scope}, headers=FETCH)
    assert [run.run_id for run in days if state_in(run) != "success"] == touched


def test_a_preview_button_changes_nothing(user: Client, days: list[DagRun]):
    answer = user.post(place("d2", "clear"), {"set": "1", "past": "on", "note": "again", "preview": "1"})
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "<b>2</b> task instances affected in 2 runs" in text and ">again</textarea>" in text
    assert {state_in(run) for run in days} == {"success"}


def test_what_runs_is_not_cleared_where_that_is_to_be_prevented(user: Client, shop: Dag):
    run = factories.make_run(shop, "going", state="running", states={"extract": "running"})
    answer = user.post(place("going", "clear"), {"set": "1", "prevent_running": "on"}, headers=FETCH)
    assert (answer.status_code, "extract is running" in answer.content.decode()) == (409, True)
    assert state_in(run) == "running"
    only = {"set": "1", "downstream": "on", "only_running": "on", "part": "affected"}
    assert "<b>1</b> task instance " in user.get(place("going", "clear"), only, headers=FETCH).content.decode()


def test_a_note_stays_on_what_was_cleared_or_marked(user: Client, days: list[DagRun]):
    user.post(place("d1", "clear"), {"set": "1", "note": "late data"}, headers=FETCH)
    assert factories.instance_of(days[0], "extract").note == "late data"
    user.post(place("d2", "mark"), {"set": "1", "state": "failed", "future": "on", "note": "bad"}, headers=FETCH)
    assert [(state_in(run), factories.instance_of(run, "extract").note) for run in days[1:]] == [("failed", "bad")] * 2
    user.post("/dags/shop/runs/d3/clear", {"set": "1", "note": "all of it"}, headers=FETCH)
    days[2].refresh_from_db()
    assert days[2].note == "all of it"


def test_the_latest_version_is_offered_to_older_runs_and_taken(user: Client):
    dag = factories.make_dag(spec=factories.make_spec("grown", {"a": ()}))
    run = factories.make_run(dag, "old")
    address = "/dags/grown/runs/old/tasks/a/clear"
    assert "latest version" not in user.get(address, headers=FETCH).content.decode()
    version = factories.make_version(dag, factories.make_spec("grown", {"a": (), "b": ("a",)}))
    assert 'name="latest"' in user.get(address, headers=FETCH).content.decode()
    user.post(address, {"set": "1", "latest": "on"}, headers=FETCH)
    run.refresh_from_db()
    assert run.version_id == version.pk
    assert run.task_instances.filter(task_id="b").exists()


def test_a_dag_says_that_its_clears_are_for_its_latest_version_until_somebody_says_otherwise(user: Client):
    dag = factories.make_dag(spec=factories.make_spec("grown", {"a": ()}))
    run = factories.make_run(dag, "old", state="failed", states={"a": "failed"})
    latest = factories.make_version(
        dag, replace(factories.make_spec("grown", {"a": ()}), rerun_with_latest_version=True)
    )
    address = "/dags/grown/runs/old/clear"
    shown = user.get(address, {"only_failed": "on"}, headers=FETCH).content.decode()
    assert 'name="latest" checked' in shown and 'name="only_failed" checked' in shown
    assert "version_number=2&amp;compare=1" in shown and "run_on_latest_version" not in shown
    code = user.post("/as-code", {"dialog": address, "set": "1"}).content.decode()
    assert "run_on_latest_version&quot;: false" in code
    user.post(address, {"set": "1"}, headers=FETCH)
    assert DagRun.objects.get().version_id == run.version_id
    call_command("runs", "clear", "grown", "old")
    assert DagRun.objects.get().version_id == latest.pk


def test_what_a_clear_says_as_code_names_its_scope(user: Client, days: list[DagRun]):
    values = {"dialog": place("d2", "clear"), "set": "1", "past": "on", "note": "late"}
    lines = user.post("/as-code", values).content.decode()
    assert "include_past" in lines and "late" in lines
    assert "tasks clear" not in lines  # the command has no such choice


def test_a_task_group_is_cleared_and_marked_as_a_whole(user: Client, shop_run: DagRun):
    assert "/dags/shop/runs/first/groups/checks/clear" in user.get("/dags/shop/runs/first").content.decode()
    assert "<b>1</b> task instance " in user.get("/dags/shop/runs/first/groups/checks/clear").content.decode()
    user.post("/dags/shop/runs/first/groups/checks/mark", {"set": "1", "state": "success"}, headers=FETCH)
    assert factories.instance_of(shop_run, "checks.sums").state == "success"
    answer = user.post("/dags/shop/runs/first/groups/checks/clear", {"set": "1", "downstream": "on"}, headers=FETCH)
    assert "4 task instances" in answer.json()["toast"]
    assert user.get("/dags/shop/runs/first/groups/none/clear").status_code == 404


def test_a_viewer_is_not_offered_what_a_group_would_refuse(viewer: Client, shop_run: DagRun):
    assert "/groups/" not in viewer.get("/dags/shop/runs/first").content.decode()
    assert viewer.post("/dags/shop/runs/first/groups/checks/clear", {"set": "1"}).status_code == 403


def test_the_blast_of_a_clear_is_told_first(user: Client, shop: Dag, days: list[DagRun]):
    consumer = factories.make_dag("consumer")
    factories.make_asset("s3://orders", producer=shop, consumer=consumer, task_id="extract")
    factories.make_asset("s3://other", producer=shop, consumer=consumer, task_id="load")
    Deadline.objects.create(run=days[1], key="k", deadline_time=DAYS[2], created_at=DAYS[1])
    text = user.get(place("d2", "clear"), {"set": "1"}).content.decode()
    assert "Updates" in text and "s3://orders" in text and "s3://other" not in text
    assert ">consumer</a>" in text and "1 deadline of the run still counts" in " ".join(text.split())
    assert "Updates" not in user.get(place("d2", "mark")).content.decode()
