"""Every GET of the API asks the database as often with many rows as with few; each list is seen to have grown."""

from __future__ import annotations

import json
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from dags_app import secrets
from dags_app.models import AssetAlias, AuditEntry, Dag, FavoriteDag, Pool
from runs_app import asset_store, store
from runs_app.models import (
    AssetEvent,
    Backfill,
    Callback,
    DagRun,
    Deadline,
    GroupRetry,
    HITLDetail,
    Hold,
    Process,
    QueuedEvent,
    TaskInstance,
    Webhook,
)
from tests.access import routes
from tests.access.test_matrix import QUERIES, THERE, api_client, fill, world
from tests.support import factories
from tests.support.factories import DAY

__all__ = ["world"]

MORE = 7
NO_LISTS = {"api/v2/events", "api/v2/auth/login", "api/v2/auth/logout"}
"""A stream without an end, and what ends the sign-in."""
NO_MATTER_OF_ROWS = (
    "connectionTypes",
    "providers",
    "plugins",
    "plugins/importErrors",
    "deadlineAlerts",
    "tasks",
    "nextRuns",
    "groupRetries",
    "links",
)
"""Lists of what is installed, and of what a version's one document says."""


def test_more_rows_are_no_more_queries_at_any_endpoint(world: dict[str, Any]):
    client = api_client("token", "admin")
    grown(world, 1)
    ids = {**THERE, **world}
    before = {route: asked(client, fill(route, ids)) for route in collections()}
    for number in range(2, MORE):
        grown(world, number)
    more, same = [], []
    for route, (few, rows) in before.items():
        many, rows_then = asked(client, fill(route, ids))
        if many > few:
            more.append((route, few, many))
        assert (rows is None) == (rows_then is None), route
        if rows is not None and rows_then <= rows:
            same.append(route)
    assert more == []
    assert [each for each in same if not each.endswith(NO_MATTER_OF_ROWS)] == []
    assert len(before) >= 80


def collections() -> list[str]:
    return [route for route, methods in sorted(routes.API.items()) if "get" in methods and route not in NO_LISTS]


def asked(client: Any, path: str) -> tuple[int, int | None]:
    """How many queries an answer takes once caches are warm, and how many entries it says there are."""
    query = QUERIES.get(path) or QUERIES.get(path.rpartition("/")[2])
    client.get("/" + path, query)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get("/" + path, query)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert answer.status_code in {200, 403, 404}, (path, content)
    if not content.startswith(b"{"):
        return len(queries), None
    try:
        told = json.loads(content)
    except ValueError:  # lines of JSON
        return len(queries), None
    return len(queries), told.get("total_entries")


def grown(world: dict[str, Any], number: int) -> None:
    """One more of everything, about the DAG, run and task that the addresses name and about others."""
    dag, first = Dag.objects.get(pk="alpha"), DagRun.objects.get(run_id="r1")
    task = factories.instance_of(first, "a")
    file = factories.make_file(f"other_{number}.py", error="x")
    other = factories.make_dag(f"other_{number}", tags=(f"tag_{number}",), file=file, pools=["missing"])
    factories.make_run(other)
    run = factories.make_run(dag, f"more {number}")
    factories.make_version(dag, factories.make_spec("alpha", {"a": (), "m": ("a",)}), f"# {number}\n")
    factories.make_mapped(first, "m", 2 + number)
    for each in first.task_instances.filter(task_id="m"):
        tries(each, number)
        factories.make_xcom(each, each.map_index)
        factories.make_question(each)
    for each in (task, factories.instance_of(run, "a")):
        tries(each, number)
        factories.make_xcom(each, number, f"key_{number}")
        store.put(each.pk, f"key_{number}", 1, expires_at=None, now=DAY)
    assert HITLDetail.objects.filter(task_instance__run=first).count() > number
    _assets(dag, other, first, world["asset_id"], number)
    _rest(dag, first, number)


def tries(instance: TaskInstance, number: int) -> None:
    TaskInstance.objects.filter(pk=instance.pk).update(try_number=number + 1)
    for each in range(1, number + 2):
        factories.make_attempt(instance, lines=("x",), try_number=each)


def _assets(dag: Dag, other: Dag, run: DagRun, asset_id: int, number: int) -> None:
    asset = factories.make_asset(f"s3://bucket/{number}", producer=other, consumer=dag)
    AssetAlias.objects.create(name=f"alias {number}").assets.add(asset)
    asset_store.put(asset_id, f"key_{number}", 1, by={"kind": "api"}, now=DAY)
    about = {"source_dag_id": dag.pk, "source_task_id": "a", "source_run_id": "r1"}
    AssetEvent.objects.create(asset=asset, timestamp=DAY, **about).runs.add(run)
    for pair in ((dag, asset.pk), (other, asset_id)):
        QueuedEvent.objects.create(dag=pair[0], asset_id=pair[1], created_at=DAY, touched_at=DAY)


def _rest(dag: Dag, run: DagRun, number: int) -> None:
    AuditEntry.objects.create(actor="x", event="y", dag_id=dag.pk, run_id=run.run_id)
    Backfill.objects.create(dag=dag, from_date=DAY, to_date=DAY, created_at=DAY, updated_at=DAY, completed_at=DAY)
    Callback.objects.create(run=run, kind="success")
    Deadline.objects.create(run=run, key=f"k{number}", deadline_time=DAY, created_at=DAY)
    GroupRetry.objects.create(run=run, group_id="g", map_index=number)
    Hold.objects.create(dag=dag, task_id=f"t{number}", held_by="x", created_at=DAY)
    Process.objects.create(kind="slot", hostname="h", pid=number, started_at=DAY, beat_at=DAY)
    factories.make_webhook()
    factories.make_delivery(Webhook.objects.get(pk="w"))
    Pool.objects.create(name=f"pool {number}", slots=1)
    secrets.set_variable(f"variable {number}", "x")
    secrets.set_connection(f"connection_{number}", {"conn_type": "http"})
    FavoriteDag.objects.create(user=factories.make_user("viewer"), dag=dag)
