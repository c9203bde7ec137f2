"""The asset events of a run."""

from __future__ import annotations

from django.test import Client

from runs_app.models import AssetEvent
from tests.support import factories
from tests.support.factories import DAY


def test_a_run_lists_what_it_was_made_for_and_what_it_made(viewer: Client):
    producer, consumer = factories.make_dag("producer"), factories.make_dag("consumer")
    first, second = factories.make_run(producer, "p1"), factories.make_run(consumer, "c1")
    orders, other = factories.make_asset("orders", producer=producer, consumer=consumer), factories.make_asset("other")
    event = AssetEvent.objects.create(
        asset=orders, source_dag_id="producer", source_task_id="a", source_run_id="p1", timestamp=DAY
    )
    event.runs.add(second)
    AssetEvent.objects.create(asset=other, source_dag_id="producer", source_run_id="p2", timestamp=DAY)
    made = viewer.get(f"/dags/producer/runs/{first.run_id}/asset_events")
    assert ([each.asset.name for each in made.context["made"]], made.context["came"]) == (["orders"], [])
    assert 'href="/dags/consumer/runs/c1"' in made.content.decode()
    came = viewer.get("/dags/consumer/runs/c1/asset_events")
    assert ([each.pk for each in came.context["came"]], came.context["made"]) == ([event.pk], [])
    assert "other" not in made.content.decode()


def test_a_run_without_any_says_where_they_come_from(viewer: Client):
    factories.make_run(factories.make_dag("plain"), "r")
    assert b"No asset events" in viewer.get("/dags/plain/runs/r/asset_events").content
