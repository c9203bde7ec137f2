"""The grid as data: one string a run, kept while nothing changes, and told again only where something did."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from dags_app.models import Dag
from orchestrator.core.states import TaskState
from orchestrator.web import columns, grid
from runs_app import transitions
from runs_app.models import Callback, DagRun, Deadline, TaskInstance
from tests.support import factories

DATA = "/dags/shop/grid.json"


def get(client: Client, **query: Any) -> dict[str, Any]:
    return client.get(DATA, query).json()


def move(instance: TaskInstance, old: TaskState, new: TaskState) -> None:
    """Change a state as the engine does: with its event."""
    with transaction.atomic():
        step = transitions.Step(instance.pk, old, new, "test")
        assert transitions.move_many(
            instance.run_id, [step], actor="user:ada", at=factories.DAY + timedelta(hours=1), by_user=True
        )


def test_runs_are_in_the_order_of_their_dates_newest_last_and_older_ones_are_told_of(viewer: Client, shop: Dag):
    for number in range(6):
        factories.make_run(shop, f"run {number}")
    data = get(viewer, runs=4)
    assert [run["run_id"] for run in data["runs"]] == [f"run {number}" for number in (2, 3, 4, 5)]
    assert data["older"] is True
    assert [run["run_id"] for run in get(viewer, runs=4, page=2)["runs"]] == ["run 0", "run 1"]
    assert get(viewer, runs=4, page=2)["older"] is False


def test_the_older_runs_of_a_page_can_be_fetched_after_the_newest(viewer: Client, shop: Dag):
    for number in range(6):
        factories.make_run(shop, f"run {number}")
    assert [run["run_id"] for run in get(viewer, runs=5, skip=3)["runs"]] == ["run 1", "run 2"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": "failed"}, ["bad"]),
        ({"run_type": "backfill"}, ["again"]),
        ({"triggering_user_name_pattern": "ad"}, ["bad"]),
        ({"run_after_gte": "2026-04-01"}, ["late"]),
    ],
)
def test_runs_are_filtered_by_what_the_address_says(viewer: Client, shop: Dag, query: dict[str, str], found: list[str]):
    day = factories.DAY
    factories.make_run(shop, "bad", state="failed", triggering_user_name="ada", logical_date=day)
    factories.make_run(shop, "again", run_type="backfill", logical_date=day + timedelta(hours=1))
    factories.make_run(shop, "late", logical_date=day + timedelta(days=40))
    assert [run["run_id"] for run in get(viewer, **query)["runs"]] == found


def test_since_tells_only_of_runs_that_changed_or_are_under_way(
    viewer: Client, shop: Dag, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(grid, "MARGIN", 0)
    old, other, running = (factories.make_run(shop, name) for name in ("old", "other", "running"))
    DagRun.objects.filter(pk=running.pk).update(state="running", ended_at=None)
    at = get(viewer)["at"]
    move(factories.instance_of(old, "extract"), TaskState.SUCCESS, TaskState.FAILED)
    part = get(viewer, since=at)
    assert {run["run_id"] for run in part["runs"]} == {"old", "running"}
    assert part["order"] == [old.pk, other.pk, running.pk]
    assert "rows" not in part
    assert part["at"] > at


def test_a_change_is_seen_though_the_column_was_kept(viewer: Client, shop: Dag):
    run = factories.make_run(shop, "first")
    assert get(viewer)["runs"][0]["states"][0] == "s"
    move(factories.instance_of(run, "extract"), TaskState.SUCCESS, TaskState.FAILED)
    assert get(viewer)["runs"][0]["states"][0] == "f"


def test_finished_runs_are_read_once(viewer: Client, shop: Dag, django_assert_num_queries: DjangoAssertNumQueries):
    for _ in range(5):
        factories.make_run(shop)
    runs = list(grid.shown(DagRun.objects.filter(dag=shop)))
    layout = columns.Layout(shop.version_id, ("extract",), frozenset())
    with django_assert_num_queries(1):
        first = columns.columns(runs, layout)
    with django_assert_num_queries(0):
        assert columns.columns(runs, layout) == first


def test_runs_under_way_are_read_each_time(shop: Dag):
    run = factories.make_run(shop, state="running", states={"extract": "running"})
    layout = columns.Layout(shop.version_id, ("extract",), frozenset())
    (shown,) = grid.shown(DagRun.objects.filter(pk=run.pk))
    assert columns.columns([shown], layout)[run.pk].states == "r"
    factories.set_state(factories.instance_of(run, "extract"), "success")
    assert columns.columns([shown], layout)[run.pk].states == "s"


def test_what_is_kept_has_a_limit_and_the_oldest_goes_first():
    kept = columns.Kept(most=350)
    for number in range(3):
        kept.put((number,), columns.Column("s" * 50))
    assert kept.get((0,)) is None
    assert kept.get((2,)) is not None


def test_the_queries_of_a_grid_do_not_grow_with_its_runs(
    viewer: Client, shop: Dag, django_assert_max_num_queries: DjangoAssertNumQueries
):
    for _ in range(12):
        factories.make_run(shop)
    get(viewer)
    with django_assert_max_num_queries(9):
        get(viewer)


def test_marks_say_that_a_run_has_a_note_and_has_missed_a_deadline(viewer: Client, shop: Dag):
    run = factories.make_run(shop, "late", note="look here")
    factories.make_run(shop, "fine")
    missed = Deadline.objects.create(
        run=run, key="k", deadline_time=factories.DAY, missed=True, created_at=factories.DAY
    )
    Callback.objects.create(run=run, kind="deadline", deadline=missed)
    late, fine = get(viewer)["runs"]
    assert (late["note"], late["late"]) == (True, True)
    assert (fine["note"], "late" in fine) == (False, False)


def test_instances_of_a_mapped_task_have_their_labels(viewer: Client, shop_run: DagRun):
    TaskInstance.objects.filter(run=shop_run, task_id="load", map_index=1).update(rendered_map_index="oslo")
    found = viewer.get("/dags/shop/grid/mapped.json?task=load").json()
    rows = [{"index": 0, "label": "[0]"}, {"index": 1, "label": "oslo"}, {"index": 2, "label": "[2]"}]
    assert found == {"rows": rows, "states": {str(shop_run.pk): "uuu"}, "count": 3}


def test_a_run_with_fewer_instances_has_gaps(viewer: Client, shop: Dag, shop_run: DagRun):
    more = factories.make_run(shop, "more")
    factories.make_mapped(more, "load", 5)
    found = viewer.get("/dags/shop/grid/mapped.json?task=load").json()
    assert found["states"] == {str(shop_run.pk): "uuu--", str(more.pk): "sssss"}


def test_a_cell_tells_its_times(viewer: Client, shop_run: DagRun):
    one = viewer.get("/dags/shop/grid/instance.json?run=first&task=extract").json()
    assert one["start"] < one["end"]
    assert one["state"] == "success"
    assert viewer.get("/dags/shop/grid/instance.json?run=first&task=load").json()["count"] == 3
    index = viewer.get("/dags/shop/grid/instance.json?run=first&task=load&index=2").json()
    assert index["state"] == "upstream_failed"


@pytest.mark.parametrize(
    "query", ["?runs=x&page=-3&skip=99999999999&since=abc", "?run_after_gte=never", "?state=%00&run_type=%00"]
)
def test_nonsense_in_the_address_is_no_error(viewer: Client, shop_run: DagRun, query: str):
    assert viewer.get(f"/dags/shop{query}").status_code == 200
    assert viewer.get(f"{DATA}{query}").status_code == 200
    assert viewer.get(f"/dags/shop/grid/mapped.json{query}&task=%00").status_code == 200
    assert viewer.get("/dags/shop/grid/instance.json?run=%00&task=x").status_code == 404


def test_pages_and_data_are_compressed_and_what_is_streamed_is_not(viewer: Client, shop_run: DagRun):
    for path in ("/dags/shop", "/dags/shop/grid.json"):
        plain, packed = viewer.get(path), viewer.get(path, headers={"accept-encoding": "gzip"})
        assert packed["Content-Encoding"] == "gzip"
        assert len(packed.content) < len(plain.content)  # by how much is left to chance, see there
    log = viewer.get("/dags/shop/runs/first/tasks/extract/log.txt", headers={"accept-encoding": "gzip"})
    assert log.status_code == 200
    assert "Content-Encoding" not in log
