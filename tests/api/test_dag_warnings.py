"""Warnings about DAGs over the API."""

from __future__ import annotations

from typing import Any

import pytest

from dags_app.models import Dag, Pool
from tests.support import factories


@pytest.fixture(autouse=True)
def world(db: None) -> None:
    """Two DAGs without their pools, one of which names an asset that another displaces; and one that is in order."""
    for dag_id, pools in (("a", ["default_pool", "narrow"]), ("b", ["wide", "narrow"]), ("c", ["default_pool"])):
        factories.make_dag(spec=factories.make_spec(dag_id), pools=pools)
    factories.make_asset("orders", uri="s3://new")
    factories.make_asset("orders", uri="s3://old", is_active=False, producer=Dag.objects.get(pk="a"))
    factories.make_asset("gone", is_active=False, producer=Dag.objects.get(pk="c"))


def told(api: Any, **query: Any) -> list[tuple[str, str]]:
    found = api.call("get", "dagWarnings", **query)
    return [(each["dag_id"], each["warning_type"]) for each in found["dag_warnings"]]


def test_each_says_what_is_missing(api: Any):
    found = api.call("get", "dagWarnings")
    assert found["total_entries"] == 3
    first, second, third = found["dag_warnings"]
    assert first.keys() == {"dag_id", "dag_display_name", "warning_type", "message", "timestamp"}
    assert (first["dag_id"], first["warning_type"]) == ("a", "asset conflict")
    assert "'orders' (s3://old)" in first["message"]
    assert second["message"] == "Dag 'a' references non-existent pools: ['narrow']"
    assert third["message"] == "Dag 'b' references non-existent pools: ['narrow', 'wide']"


def test_they_can_be_narrowed_ordered_and_paged(api: Any):
    assert told(api, dag_id="b") == [("b", "non-existent pool")]
    assert told(api, warning_type="asset conflict") == [("a", "asset conflict")]
    assert told(api, order_by="-dag_id", limit=1) == [("b", "non-existent pool")]
    assert told(api, order_by=["warning_type", "-dag_id"], offset=1) == [
        ("b", "non-existent pool"),
        ("a", "non-existent pool"),
    ]
    api.call("get", "dagWarnings", status=422, warning_type="rain")
    api.call("get", "dagWarnings", status=400, order_by="weather")


def test_a_warning_goes_with_its_reason(api: Any):
    Pool.objects.create(name="narrow", slots=1)
    Dag.objects.filter(pk="b").update(is_stale=True)
    assert told(api) == [("a", "asset conflict")]


def test_their_number_makes_no_more_queries(api: Any, django_assert_num_queries: Any):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as few:
        told(api)
    for number in range(20):
        factories.make_dag(spec=factories.make_spec(f"more{number}"), pools=["narrow"])
    with django_assert_num_queries(len(few)):
        assert len(told(api)) == 23
