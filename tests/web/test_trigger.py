"""The trigger form beside its params: what a link fills in, earlier configurations, interval and partition."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from dags_app.models import Dag
from orchestrator.operators.empty import EmptyOperator
from orchestrator.sdk import DAG, Param
from runs_app.models import DagRun
from tests.support import factories

FETCH = {"X-Requested-With": "fetch"}


def form(client: Client, **query: Any) -> str:
    return client.get(f"/dags/shop/trigger?{urlencode(query)}", headers=FETCH).content.decode()


def test_a_link_fills_in_values_and_nothing_is_run(user: Client, shop: Dag):
    text = form(user, conf='{"limit": 9, "more": [1]}', run_id="mine", note="<b>why</b>", **{"param.region": "south"})
    assert 'value="9"' in text and "&quot;more&quot;" in text
    assert '<option value="&quot;south&quot;" selected>' in text
    assert 'value="mine"' in text and "&lt;b&gt;why&lt;/b&gt;" in text
    assert not DagRun.objects.exists()


@pytest.mark.parametrize("conf", ["{", "[1]", "[" * 3000, "\0"])
def test_nonsense_in_a_link_fills_in_nothing(user: Client, shop: Dag, conf: str):
    text = form(user, conf=conf, logical_date="never", interval_start="x", **{"param.limit": "many"})
    assert 'name="param.limit"' in text and 'role="alert"' not in text


def test_what_a_link_fills_in_is_what_the_run_gets(user: Client):
    params = {"tags": Param(["a"], type="array", examples=["a", "b", "c"]), "name": Param("x", type=["string", "null"])}
    with DAG("shop", params=params) as dag:
        EmptyOperator(task_id="a")
    factories.make_dag(spec=dag.to_spec())
    text = user.get("/dags/shop/trigger?param.tags=b&param.tags=c&param.name=7", headers=FETCH).content.decode()
    assert text.count(" selected>") == 2 and 'value="7"' in text
    user.post("/dags/shop/trigger", {"mode": "form", "param.tags": ['"b"', '"c"'], "param.name": "", "run_id": "r"})
    assert DagRun.objects.get().conf == {"tags": ["b", "c"], "name": None}


def test_the_last_ten_configurations_are_offered_each_once(user: Client, shop: Dag):
    factories.make_run(shop, "none", conf={})
    for number in range(12):
        factories.make_run(shop, f"r{number}", conf={"limit": number // 2 if number < 2 else number})
    text = form(user)
    assert text.count("?again=") == 10
    assert "?again=r11" in text and "?again=r2" in text and "?again=r1&" not in text


def test_a_secret_in_an_earlier_configuration_is_masked(user: Client, shop: Dag):
    factories.make_run(shop, "old", conf={"api_password": "hunter2"})
    text = form(user)
    assert "api_password" in text and "hunter2" not in text


def test_the_data_interval_can_be_given(user: Client, shop: Dag):
    values = {"mode": "json", "conf": "{}", "interval_start": "2026-01-01T00:00", "interval_end": "2026-01-02T00:00"}
    user.post("/dags/shop/trigger", values)
    run = DagRun.objects.get()
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)]
    assert [run.data_interval_start, run.data_interval_end] == days


@pytest.mark.parametrize(("end", "says"), [("", "its start and its end"), ("2025-01-01T00:00", "before it starts")])
def test_half_an_interval_or_one_backwards_is_explained(user: Client, shop: Dag, end: str, says: str):
    values = {"mode": "json", "conf": "{}", "interval_start": "2026-01-01T00:00", "interval_end": end}
    answer = user.post("/dags/shop/trigger", values, headers=FETCH)
    assert (answer.status_code, says in answer.content.decode()) == (422, True)
    assert 'value="2026-01-01T00:00"' in answer.content.decode()
    assert not DagRun.objects.exists()


def test_a_partition_key_is_refused_where_there_are_none(user: Client, shop: Dag):
    assert 'name="partition_key"' not in form(user)
    values = {"mode": "json", "conf": json.dumps({}), "partition_key": "2026-01-01"}
    answer = user.post("/dags/shop/trigger", values, headers=FETCH)
    assert (answer.status_code, b"not a partitioned Dag" in answer.content) == (422, True)


@pytest.mark.parametrize("run_id", ["my run", "a/b", "..", "~", "é"])
def test_a_run_id_that_the_api_refuses_is_refused_here_and_stays_in_the_form(user: Client, shop: Dag, run_id: str):
    page = user.post("/dags/shop/trigger", {"mode": "json", "conf": "{}", "run_id": run_id})
    assert page.status_code == 422
    text = page.content.decode()
    assert "may have letters, digits" in text
    assert f'value="{run_id}"' in text
    assert not DagRun.objects.exists()
