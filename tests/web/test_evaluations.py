"""Why a DAG on assets ran, or waits: now, and for each run before."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dags_app.models import Dag
from orchestrator import sdk
from runs_app.models import DagRun
from tests.runs_app.test_assets import event, make, renew
from tests.support import factories

pytestmark = pytest.mark.django_db
A, B, C = sdk.Asset("a"), sdk.Asset("b"), sdk.Asset("c")


@pytest.fixture
def reader(client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr("orchestrator.wake._send", lambda *args: None)
    client.force_login(factories.make_user("viewer"))
    make("p", outlets=[A, B, C])
    make("both", schedule=A & (B | C), max_active_runs=1)
    return client


def page(client: Client, query: str = "") -> str:
    answer = client.get(f"/dags/both/schedule{query}")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_it_says_what_has_come_and_what_is_waited_for(reader: Client):
    text = page(reader)
    assert "It runs when <b>a and (b or c)</b>" in text and "Nothing has changed since" in text
    event("a")
    event("a")
    text = page(reader, "?part=evaluation")
    assert "Now it waits for <b>b or c</b>" in text and "and 1 more" in text
    assert "then it waited for b or c" in text and "<html" not in text


def test_each_run_says_what_led_to_it(reader: Client):
    start = timezone.now() - timedelta(hours=1)
    event("a", now=start)
    event("c", now=start + timedelta(minutes=5))
    run = DagRun.objects.get(dag_id="both")
    for text in (page(reader), reader.get(f"/dags/both/runs/{run.run_id}/asset_events").content.decode()):
        assert "then it waited for b or c" in text and "then the condition held" in text
    assert "5m 00s" in page(reader)


def test_a_run_of_an_older_version_is_told_by_its_own_condition(reader: Client):
    event("a")
    event("b")
    renew(Dag.objects.get(pk="both"), schedule=A | B)
    text = page(reader)
    assert "It runs when <b>a or b</b>" in text and "when a and (b or c)" in text


def test_it_says_why_a_condition_that_holds_makes_no_run(reader: Client):
    for _ in range(2):
        event("a")
        event("b")
    assert "max_active_runs is 1" in page(reader)
    Dag.objects.filter(pk="both").update(is_paused=True)
    assert "The condition holds; the DAG is paused" in page(reader)


def test_a_dag_with_partitions_lists_what_is_collected(reader: Client):
    make("keyed", schedule=sdk.PartitionedAssetTimetable(assets=A & B))
    Dag.objects.filter(pk="keyed").update(is_partitioned=True)
    event("a", key="2026-03-01")
    text = reader.get("/dags/keyed/schedule").content.decode()
    assert "a <b>1 of 1</b>, b <b>0 of 1</b>" in text
    event("b", key="2026-03-01")
    assert "2026-03-01" in reader.get("/dags/keyed/schedule").content.decode()


def test_a_dag_without_assets_has_none_of_it(reader: Client):
    assert "What led to its runs" not in reader.get("/dags/p/schedule").content.decode()


def test_it_takes_as_many_queries_for_many_runs(reader: Client):
    def count() -> int:
        page(reader)  # what the head tells of earlier runs is kept for a while
        with CaptureQueriesContext(connection) as found:
            page(reader, "?part=evaluation")
        return len(found)

    Dag.objects.filter(pk="both").update(max_active_runs=50)
    event("a")
    event("b")
    few = count()
    for _ in range(8):
        event("a")
        event("c")
    assert DagRun.objects.filter(dag_id="both").count() == 9
    assert count() == few
