"""The overview of a DAG: what failed in a range, how long runs took, and what waits for somebody."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orchestrator.web import overview
from runs_app.models import AssetEvent, DagRun, Deadline, Failure, FailureGroup
from tests.support import factories


def text_of(client: Client, query: str = "") -> str:
    page = client.get(f"/dags/shop/overview{query}")
    assert page.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).split())


def recently(run: DagRun, **hours: float) -> None:
    """Move a run's ends, and its tasks', into the past by so many hours."""
    at = timezone.now() - timedelta(**hours)
    DagRun.objects.filter(pk=run.pk).update(
        ended_at=at, started_at=at - timedelta(seconds=30), queued_at=at - timedelta(minutes=1)
    )
    run.task_instances.filter(ended_at__isnull=False).update(ended_at=at)


def test_failures_of_the_range_are_counted(viewer: Client, shop_run: DagRun):
    recently(shop_run, hours=30)
    assert "0 failed runs of 0 that ended" in text_of(viewer)
    assert "1 failed run of 1 that ended" in text_of(viewer, "?range=1w")
    assert "4 failed task instances" in text_of(viewer, "?range=1w")
    assert "0 failed runs" in text_of(viewer, "?range=nonsense")


def test_the_end_of_the_last_failed_log_is_shown_with_its_reason(viewer: Client, shop_run: DagRun):
    sums = factories.instance_of(shop_run, "checks.sums")
    lines = [f"line {number}" for number in range(40)]
    factories.make_attempt(sums, lines=tuple(lines), reason="ValueError: <b>no</b>")
    recently(shop_run, hours=1)
    page = text_of(viewer)
    assert "checks.sums" in page
    assert "line 39" in page
    assert "line 20" not in page
    assert "ValueError: &lt;b&gt;no&lt;/b&gt;" in page


def test_failures_of_the_range_stand_by_their_kind(viewer: Client, shop_run: DagRun):
    kind = FailureGroup.objects.create(digest="d", title="ValueError: no rows", created_at=timezone.now())
    for hours, task_id in ((1, "extract"), (2, "checks.sums"), (50, "extract")):
        instance = factories.instance_of(shop_run, task_id)
        at = timezone.now() - timedelta(hours=hours)
        Failure.objects.create(
            group=kind, task_instance=instance, token=hours, try_number=1, dag_id="shop", task_id=task_id,
            version_number=1, at=at,
        )  # fmt: skip
    assert "2× ValueError: no rows" in text_of(viewer)
    assert "3× ValueError: no rows" in text_of(viewer, "?range=1w")


def test_the_chart_has_a_bar_for_each_run_and_their_median(viewer: Client, shop_run: DagRun):
    for number, seconds in enumerate((10, 20, 90)):
        run = factories.make_run(shop_run.dag, f"r{number}")
        DagRun.objects.filter(pk=run.pk).update(
            queued_at=run.run_after - timedelta(seconds=5), ended_at=run.run_after + timedelta(seconds=seconds)
        )
    shop_run.delete()
    html = viewer.get("/dags/shop/overview").content.decode()
    assert html.count('class="hit"') == 3
    assert "/dags/shop/runs/r2" in html
    assert "dashed: median 20s" in html
    assert "ran 1m 30s, queued 5.0s" in html


@pytest.mark.parametrize(
    ("seconds", "top"), [(0.004, 0.005), (0.7, 0.75), (9, 10), (61, 90), (3599, 3600), (4000, 5400), (90000, 108000)]
)
def test_the_scale_ends_at_a_round_number(seconds: float, top: float):
    assert overview._round_up(seconds) == pytest.approx(top)


def test_what_waits_for_somebody_and_what_came_of_it(viewer: Client, shop_run: DagRun):
    now = timezone.now()
    factories.make_question(factories.instance_of(shop_run, "extract"), subject="Ship it?")
    made = {"run": shop_run, "created_at": now}
    Deadline.objects.create(
        key="k", task_id="extract", name="by six", deadline_time=now - timedelta(hours=1), missed=True, **made
    )
    asset = factories.make_asset("orders")
    AssetEvent.objects.create(
        asset=asset, timestamp=now, source_dag_id="shop", source_task_id="extract", source_run_id="first"
    )
    page = text_of(viewer)
    for text in ("Ship it?", "by six", "missed", "orders", "1 required action"):
        assert text in page


def test_it_takes_as_many_queries_for_many_runs(viewer: Client, shop_run: DagRun):
    def count() -> int:
        text_of(viewer)
        with CaptureQueriesContext(connection) as found:
            text_of(viewer)
        return len(found)

    few = count()
    for number in range(20):
        factories.make_run(shop_run.dag, f"r{number}", state="failed")
    assert count() == few
