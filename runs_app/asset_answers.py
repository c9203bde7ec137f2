"""What task code may ask about assets and their events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from dags_app import asset_sync
from dags_app.models import Asset

from .models import AssetEvent

Json = Any
MOST = 10_000
"""Events that one question is answered with."""


def asset(scope: Any, name: str | None = None, uri: str | None = None) -> Json:
    """The active asset of a name or URI; None where there is none."""
    rows = Asset.objects.filter(is_active=True)
    if name is not None:
        rows = rows.filter(name=name)
    if uri is not None:
        rows = rows.filter(uri=uri)
    found = rows.first() if name is not None or uri is not None else None
    return None if found is None else _asset(found)


def _asset(found: Asset) -> Json:
    return {"name": found.name, "uri": found.uri, "group": found.group, "extra": found.extra}


def inactive(scope: Any, assets: list[list[str]]) -> list[list[str]]:
    """Those of some assets that are not active."""
    wanted = {(name, uri) for name, uri in assets}
    active = {(each.name, each.uri) for each in asset_sync.find(wanted) if each.is_active}
    return [list(key) for key in sorted(wanted - active)]


def asset_events(
    scope: Any,
    name: str | None = None,
    uri: str | None = None,
    alias: str | None = None,
    after: str | None = None,
    before: str | None = None,
    ascending: bool = True,
    limit: int | None = None,
) -> list[Json]:
    """The events of an asset, or of an alias, by time."""
    rows = (
        AssetEvent.objects.filter(aliases__name=alias)
        if alias
        else AssetEvent.objects.filter(asset__name=name, asset__uri=uri)
    )
    if after is not None:
        rows = rows.filter(timestamp__gte=datetime.fromisoformat(after))
    if before is not None:
        rows = rows.filter(timestamp__lte=datetime.fromisoformat(before))
    rows = rows.order_by("timestamp", "pk") if ascending else rows.order_by("-timestamp", "-pk")
    return [_event(each, with_runs=True) for each in _loaded(rows[: min(limit or MOST, MOST)])]


def triggering(scope: Any) -> list[Json]:
    """The events that the asker's run was made for."""
    rows = AssetEvent.objects.filter(runs=scope.run_pk).order_by("timestamp", "pk")
    return [_event(each) for each in _loaded(rows)]


def _loaded(rows: QuerySet[AssetEvent]) -> Iterable[AssetEvent]:
    return rows.select_related("asset").prefetch_related("aliases", "runs")


def _event(event: AssetEvent, *, with_runs: bool = False) -> Json:
    found: Json = {
        "id": event.pk,
        "timestamp": event.timestamp.isoformat(),
        "extra": event.extra,
        "asset": _asset(event.asset),
        "aliases": sorted(alias.name for alias in event.aliases.all()),
        "source_dag_id": event.source_dag_id,
        "source_task_id": event.source_task_id,
        "source_run_id": event.source_run_id,
        "source_map_index": event.source_map_index,
        "partition_key": event.partition_key,
    }
    if with_runs:
        found["created_dagruns"] = [
            {
                "dag_id": run.dag_id,
                "run_id": run.run_id,
                "state": run.state,
                "logical_date": run.logical_date.isoformat() if run.logical_date else None,
                "start_date": run.started_at.isoformat() if run.started_at else None,
                "end_date": run.ended_at.isoformat() if run.ended_at else None,
                "partition_key": run.partition_key,
            }
            for run in event.runs.all()
        ]
    return found
