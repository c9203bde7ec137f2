"""The Gantt chart of a run: what each try waited for and ran."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from runs_app.models import Attempt, DagRun, StateEvent, TaskInstance
from tests.support import factories
from tests.support.servers import wait_for

from .test_browser import browser, chromium, is_live, make_shop, needs_chromium

__all__ = ["browser", "chromium"]


def ready(instance: TaskInstance, seconds: float) -> None:
    at = instance.run.run_after + timedelta(seconds=seconds)
    StateEvent.objects.create(
        run=instance.run, task_instance=instance, old="none", new="scheduled", actor="engine", at=at
    )


def attempt(instance: TaskInstance, number: int, begin: float, end: float | None, outcome: str | None) -> None:
    start = instance.run.run_after
    until = None if end is None else start + timedelta(seconds=end)
    fields = {"try_number": number, "started_at": start + timedelta(seconds=begin), "outcome": outcome}
    made = factories.make_attempt(instance, **fields)
    type(made).objects.filter(pk=made.pk).update(ended_at=until)


def spans_of(client: Client, task_id: str) -> list[list[Any]]:
    rows = client.get("/dags/shop/runs/first/gantt.json").json()["rows"]
    return next(row["spans"] for row in rows if row["id"] == task_id)


def test_tries_show_how_long_they_waited_and_ran(viewer: Client, shop_run: DagRun):
    shop_run.task_instances.exclude(task_id="extract").update(started_at=None)
    extract = factories.instance_of(shop_run, "extract")
    extract.attempts.all().delete()
    ready(extract, 0)
    attempt(extract, 1, 2, 3, "up_for_retry")
    ready(extract, 10)
    attempt(extract, 2, 11, 15, "success")
    assert spans_of(viewer, "extract") == [
        [1, "scheduled", 0, 2000],
        [1, "up_for_retry", 2000, 3000],
        [2, "scheduled", 10000, 11000],
        [2, "success", 11000, 15000],
    ]


def test_a_deferral_lies_between_two_parts_of_one_try(viewer: Client, shop_run: DagRun):
    shop_run.task_instances.exclude(task_id="extract").update(started_at=None)
    extract = factories.instance_of(shop_run, "extract")
    extract.attempts.all().delete()
    attempt(extract, 1, 0, 1, "deferred")
    ready(extract, 5)
    attempt(extract, 1, 6, 8, "success")
    assert spans_of(viewer, "extract") == [
        [1, "running", 0, 1000],
        [1, "deferred", 1000, 5000],
        [1, "scheduled", 5000, 6000],
        [1, "success", 6000, 8000],
    ]


def test_what_runs_has_no_end_and_a_run_that_is_over_has_one(viewer: Client, shop_run: DagRun):
    data = viewer.get("/dags/shop/runs/first/gantt.json").json()
    assert data["end"] == 10_000
    other = factories.make_run(shop_run.dag, "second", state="running", states={"extract": "running"})
    data = viewer.get("/dags/shop/runs/second/gantt.json").json()
    assert data["end"] is None
    assert {row["id"]: row.get("spans") for row in data["rows"]}["extract"] == [[1, "running", 0, None]]
    assert other.pk


def test_mapped_instances_are_one_bar(viewer: Client, shop_run: DagRun):
    made = factories.make_mapped(shop_run, "load", 3)
    start = shop_run.run_after
    factories.set_state(
        made[2], "failed", started_at=start + timedelta(seconds=1), ended_at=start + timedelta(seconds=9)
    )
    assert spans_of(viewer, "load") == [[1, "failed", 0, 9000]]


def test_it_takes_as_many_queries_for_many_tasks(viewer: Client, shop_run: DagRun):
    def count() -> int:
        viewer.get("/dags/shop/runs/first/gantt.json")
        with CaptureQueriesContext(connection) as found:
            assert viewer.get("/dags/shop/runs/first/gantt.json").status_code == 200
        return len(found)

    few = count()
    factories.make_mapped(shop_run, "load", 40)
    wide = factories.make_spec("shop", {f"t{number}": () for number in range(40)})
    run = factories.make_run(shop_run.dag, "wide")
    factories.make_version(shop_run.dag, wide)
    assert count() == few
    assert run.pk


@needs_chromium
def test_what_runs_grows_and_the_chart_can_be_zoomed(browser: Any):
    run = make_shop()
    begun = timezone.now() - timedelta(seconds=4)
    DagRun.objects.filter(pk=run.pk).update(started_at=begun)
    run.task_instances.filter(task_id="extract").update(started_at=begun)
    Attempt.objects.update(started_at=begun, ended_at=None, outcome=None)
    page = browser()
    page.goto("/dags/shop/runs/first/gantt")
    is_live(page)
    page.wait_for_selector("[data-drawn]")
    wide = "document.querySelector('.gt-bar.st-running').getBoundingClientRect().width"
    first = page.evaluate(wide)
    wait_for(lambda: page.evaluate(wide) != first, 30, "a bar that grows")
    before = page.evaluate(wide)
    page.click("[data-zoom=in]")
    assert page.evaluate(wide) > before * 1.3
    page.click("[data-group=checks]")
    page.wait_for_selector("[data-drawn='3']")
    page.reload()
    page.wait_for_selector("[data-drawn='3']")
    page.fill("[data-filter]", "sums")
    page.wait_for_selector("[data-drawn='1']")
