"""The lists over all DAGs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orchestrator.web import paging
from runs_app.models import Deadline
from tests.support import factories
from tests.support.factories import DAY

LISTS = ("/dag_runs", "/task_instances", "/xcoms", "/deadlines")


def runs(client: Client, query: str) -> list[str]:
    return [run.run_id for run in client.get(f"/dag_runs{query}").context["chunk"].rows]


def tasks(client: Client, query: str) -> list[str]:
    rows = client.get(f"/task_instances{query}").context["chunk"].rows
    return [f"{row.dag_id}.{row.task_id}" for row in rows]


@pytest.fixture
def two(db: None) -> None:
    etl, report = factories.make_dag("etl"), factories.make_dag("nightly_etl")
    first = factories.make_run(etl, "one", state="failed", logical_date=DAY, triggering_user_name="ada")
    factories.make_run(report, "two", state="success", logical_date=DAY + timedelta(days=1), run_type="scheduled")
    factories.set_state(factories.instance_of(first, "a"), "failed", pool="small", queue="gpu", hostname="w9")


def test_runs_are_found_by_what_they_are(viewer: Client, two: None):
    assert runs(viewer, "") == ["two", "one"]
    assert runs(viewer, "?state=failed") == ["one"]
    assert runs(viewer, "?state=failed&state=success") == ["two", "one"]
    assert runs(viewer, "?run_type=scheduled") == ["two"]
    assert runs(viewer, "?triggering_user_name_pattern=ad") == ["one"]
    assert runs(viewer, "?run_after_gte=2026-03-01T12:00&run_after_lte=2026-03-03") == ["two"]
    assert runs(viewer, "?duration_gte=11") == []
    assert runs(viewer, "?duration_lte=10") == ["two", "one"]
    assert runs(viewer, "?dag_id=etl") == ["one"]


def test_text_finds_beginnings_and_parts_when_asked(viewer: Client, two: None):
    assert runs(viewer, "?dag_id_pattern=ETL") == ["one"]
    assert runs(viewer, "?dag_id_pattern=etl&anywhere=on") == ["two", "one"]
    page = viewer.get("/dag_runs?dag_id_pattern=tl").content.decode()
    assert "Match anywhere" in page and "dag_id_pattern=tl&amp;anywhere=on" in page


def test_task_instances_are_found_by_where_they_ran(viewer: Client, two: None):
    assert len(tasks(viewer, "")) == 4
    for query in ("?pool=small", "?queue_pattern=gp", "?hostname_pattern=w9", "?state=failed&task_id=a"):
        assert tasks(viewer, query) == ["etl.a"], query
    assert tasks(viewer, "?state=bogus") == []


def test_times_are_read_in_the_zone_that_was_chosen(viewer: Client, two: None):
    assert runs(viewer, "?logical_date_gte=2026-03-01T00:30") == ["two"]
    viewer.cookies["zone"] = "Asia/Tokyo"
    assert runs(viewer, "?logical_date_gte=2026-03-01T00:30") == ["two", "one"]
    viewer.cookies["zone"] = "../../etc/passwd"
    assert runs(viewer, "?logical_date_gte=2026-03-01T00:30") == ["two"]


@pytest.mark.parametrize(
    "query",
    [
        "run_after_gte=soon",
        "duration_gte=long",
        "duration_gte=1e400",
        "run_after_lte=0001-01-01T00:00%2B23:59",
        "dag_version_gte=x",
    ],
)
def test_a_filter_that_makes_no_sense_is_said_and_filters_nothing(viewer: Client, two: None, query: str):
    page = viewer.get(f"/dag_runs?{query}")
    assert page.status_code == 200
    assert "is not filtered by" in page.content.decode()
    assert len(page.context["chunk"].rows) == 2


def test_columns_sort_both_ways_and_unknown_ones_not_at_all(viewer: Client, two: None):
    assert runs(viewer, "?sort=dag_id") == ["one", "two"]
    assert runs(viewer, "?sort=-dag_id") == ["two", "one"]
    assert runs(viewer, "?sort=password") == ["two", "one"]
    text = viewer.get("/dag_runs?sort=-dag_id&state=failed").content.decode()
    assert 'aria-sort="descending"><a href="?sort=dag_id&amp;state=failed"' in text


def test_every_column_that_can_be_sorted_by_sorts(viewer: Client, two: None):
    from orchestrator.web.views import browse

    sorts = (browse.RUN_SORTS, browse.INSTANCE_SORTS, browse.XCOM_SORTS, browse.DEADLINE_SORTS)
    for address, names in zip(LISTS, sorts, strict=True):
        for name in names:
            assert viewer.get(f"{address}?sort=-{name}").status_code == 200


def test_a_chip_takes_one_filter_away(viewer: Client, two: None):
    chips = viewer.get("/dag_runs?state=failed&dag_id_pattern=e&page=1").context["filters"].chips
    assert [(chip.label, chip.without) for chip in chips] == [("DAG", "?state=failed"), ("State", "?dag_id_pattern=e")]


def test_pages_count_only_as_far_as_somebody_reads(viewer: Client, two: None, monkeypatch):
    monkeypatch.setattr(paging, "LIMITS", (1, 2))
    monkeypatch.setattr(paging, "COUNTED", 2)
    chunk = viewer.get("/task_instances?limit=1&page=2").context["chunk"]
    assert (chunk.begin, chunk.end, chunk.is_more, chunk.has_previous, chunk.has_next) == (2, 2, True, True, True)
    assert b"The list ends before this page" in viewer.get("/task_instances?limit=1&page=99").content


def test_missed_deadlines_are_told_from_those_to_come(viewer: Client, two: None):
    run = factories.DagRun.objects.get(run_id="one")
    for position, missed in enumerate((True, False)):
        Deadline.objects.create(run=run, key=str(position), deadline_time=DAY, missed=missed, created_at=DAY)
    assert len(viewer.get("/deadlines").context["chunk"].rows) == 2
    assert [row.missed for row in viewer.get("/deadlines?missed=true").context["chunk"].rows] == [True]


def test_values_of_xcoms_are_shown_in_short(viewer: Client, two: None):
    run = factories.DagRun.objects.get(run_id="one")
    factories.make_xcom(factories.instance_of(run, "a"), {"rows": "x" * 500})
    text = viewer.get("/xcoms?key=return_value").content.decode()
    assert "{&quot;rows&quot;: &quot;xxx" in text and "x" * 200 not in text


@pytest.mark.parametrize("address", LISTS)
def test_a_list_asks_as_many_questions_for_many_rows_as_for_few(viewer: Client, two: None, address: str):
    def fill(name: str) -> None:
        run = factories.make_run(factories.make_dag(name))
        factories.make_xcom(factories.instance_of(run, "a"), 1)
        Deadline.objects.create(run=run, key="0", deadline_time=DAY, created_at=DAY)

    def count() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert viewer.get(address).status_code == 200
        return len(queries)

    fill("x")
    few = count()
    for number in range(8):
        fill(f"x{number}")
    assert count() == few


@pytest.mark.parametrize("address", LISTS)
def test_an_empty_list_says_what_to_do_next(viewer: Client, address: str):
    text = viewer.get(address).content.decode()
    assert 'class="card empty"' in text
    assert "no role" not in text


def test_columns_are_switched_off_and_remembered(viewer: Client, two: None):
    def off(query: str = "") -> str:
        return str(viewer.get(f"/task_instances{query}").context["off"])

    assert off() == ""
    shown = "&".join(f"columns_instances={name}" for name in ("try_number", "pool", "start_date", "duration"))
    assert off(f"?columns_instances_set=1&{shown}&state=failed") == "operator queue hostname"
    assert off() == "operator queue hostname"
    text = viewer.get("/task_instances?state=failed").content.decode()
    assert '<input type="hidden" name="state" value="failed">' in text
    assert viewer.get("/dag_runs").context["off"] == ""
    assert off("?columns_instances_set=1").split() == [
        "try_number",
        "operator",
        "pool",
        "queue",
        "start_date",
        "duration",
        "hostname",
    ]


def test_every_column_that_can_be_switched_off_has_its_rule():
    from pathlib import Path

    from django.conf import settings

    from orchestrator.web.browsing import COLUMNS

    css = Path(settings.BASE_DIR, "static/css/lists.css").read_text()
    for kind, columns in COLUMNS.items():
        table = Path(settings.BASE_DIR, f"templates/browse/_{kind}.html").read_text()
        for name in columns:
            assert f'[data-off~="{name}"] .c-{name}' in css
            assert table.count(f"c-{name}") == 2, name  # its head and its cells


def test_a_list_of_instances_says_operators_as_people_know_them(viewer: Client, shop_run: object):
    page = viewer.get("/task_instances?operator_pattern=@task").content.decode()
    assert page.count(">@task</td>") == 3 and "DecoratedOperator" not in page and "extract" not in page
    assert "DecoratedOperator" not in viewer.get("/dags/shop/runs/first").content.decode()
    found = viewer.get("/api/v2/dags/shop/dagRuns/first/taskInstances?operator_name_pattern=@task").json()
    assert {(row["operator_name"], row["operator"]) for row in found["task_instances"]} == {
        ("@task", "_PythonDecoratedOperator")
    }
