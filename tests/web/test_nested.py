"""Task instances of mappings inside of mappings, on pages and in the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from orchestrator.sdk import DAG, task, task_group
from runs_app.models import DagRun, TaskInstance
from tests.support import factories

pytestmark = pytest.mark.django_db
PACK = "/dags/orders/runs/first/tasks/shop.order.pack"
API = "/api/v2/dags/orders/dagRuns/first/taskInstances/shop.order.pack"


@pytest.fixture
def orders(db: None) -> DagRun:
    """Of three shops one has two orders, one none, and one is yet to tell."""
    with DAG("orders") as dag:

        @task
        def pack(order: Any) -> Any:
            return order

        @task_group
        def order(order: Any) -> None:
            pack(order)

        @task_group
        def shop(name: Any) -> None:
            order.expand(order=pack.override(task_id="orders")(name))

        shop.expand(name=["a", "b", "c"])
    run = factories.make_run(factories.make_dag(spec=dag.to_spec()), "first", state="running", states={})
    first = TaskInstance.objects.get(run=run, task_id="shop.order.pack")
    for index in (10_000, 10_001, -4, -2):
        first.pk, first.map_index = None, index
        first.save(force_insert=True)
    TaskInstance.objects.filter(run=run, task_id="shop.order.pack", map_index=-1).delete()
    return run


def test_the_list_shows_places_in_their_order(orders: DagRun, viewer: Client):
    text = viewer.get(f"{PACK}/mapped").content.decode()
    places = ["0 › <span", "1 › 0</a>", "1 › 1</a>", "2 › <span"]
    found = [text.index(each) for each in places]
    assert found == sorted(found) and text.count("not expanded yet") == 2


def test_what_is_not_expanded_has_a_page_that_says_why_and_cannot_be_held(orders: DagRun, user: Client):
    text = user.get(f"{PACK}/mapped/-2").content.decode()
    assert "[0 › …]" in text and "Why it does not run" in text
    assert "/hold" not in text and "/clear" in text
    assert "/hold" in user.get(f"{PACK}/mapped/10001").content.decode()


@pytest.mark.parametrize(("index", "place"), [(10_001, "1 › 1"), (-2, "0")])
def test_the_api_says_the_place_where_no_template_does(orders: DagRun, viewer: Client, index: int, place: str):
    found = viewer.get(f"{API}/{index}").json()
    assert (found["map_index"], found["rendered_map_index"]) == (index, place)
    listed = viewer.get(f"/api/v2/dags/orders/dagRuns/first/taskInstances?map_index={index}").json()
    assert [each["map_index"] for each in listed["task_instances"]] == [index]


def test_names_with_places_are_in_dialogs(orders: DagRun, user: Client):
    TaskInstance.objects.filter(run=orders, map_index=10_001).update(rendered_map_index=None)
    assert "shop.order.pack [1 › 1]" in user.get(f"{PACK}/mapped/10001/clear").content.decode()
