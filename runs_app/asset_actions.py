"""What people may ask for about assets. Pages, API and commands call only these; each writes an audit entry."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from dags_app.models import Asset, Dag
from orchestrator.core.states import RunType

from . import actions, advance, asset_events, asset_runs, outlet_notes
from .exceptions import AmbiguousAsset, AssetNotFound, InvalidEvent, NotMaterialized
from .models import AssetEvent, DagRun, QueuedEvent

Json = Any


def create_event(
    asset_pk: int, *, extra: Json = None, partition_key: str | None = None, source: str = "from_rest_api", user: Any
) -> AssetEvent:
    """Make an event of an asset as if a task had, and the runs that are due by it.

    Raises:
        AssetNotFound, InvalidEvent: nothing was changed.
    """
    asset = Asset.objects.filter(pk=asset_pk).first()
    if asset is None:
        raise AssetNotFound(asset_pk)
    note = {"asset": [asset.name, asset.uri], "extra": {**(extra or {}), source: True}, "partition_key": partition_key}
    try:
        (found,) = outlet_notes.read([note])
    except outlet_notes.BadNote as error:
        raise InvalidEvent(str(error)) from error
    now = timezone.now()
    with transaction.atomic():
        consumers = asset_events.emit([asset_events.Emitted(asset.pk, found.extra, found.partition_key)], None, now)
        event = AssetEvent.objects.filter(asset=asset).order_by("-pk")[0]
        actions.audit(user, "create_asset_event", asset=asset.name, partition_key=partition_key, new_extra=extra or {})
    advance.tell(asset_runs.make(consumers, now))
    return event


def producers(asset_pk: int) -> list[str]:
    """The DAGs whose tasks make an asset."""
    dags = Dag.objects.filter(is_stale=False, task_references__asset=asset_pk, task_references__is_outlet=True)
    return sorted(set(dags.values_list("pk", flat=True)))


def producer_of(asset_pk: int) -> str:
    """Return the one DAG that makes an asset.

    Raises:
        AssetNotFound, NotMaterialized, AmbiguousAsset: there is none, or more than one.
    """
    if not Asset.objects.filter(pk=asset_pk).exists():
        raise AssetNotFound(asset_pk)
    found = producers(asset_pk)
    if not found:
        raise NotMaterialized(asset_pk)
    if len(found) > 1:
        raise AmbiguousAsset(asset_pk, found)
    return found[0]


def materialize(asset_pk: int, *, user: Any, triggered_by: str = "ui", **values: Any) -> DagRun:
    """Make a run of the DAG that makes an asset; ``values`` are those of :func:`runs_app.actions.trigger_dag`.

    Raises:
        AssetNotFound, NotMaterialized, AmbiguousAsset, and what ``trigger_dag`` raises.
    """
    return actions.trigger_dag(
        producer_of(asset_pk),
        run_type=RunType.ASSET_MATERIALIZATION,
        triggered_by=triggered_by,
        user=user,
        **{"logical_date": None, **values},
    )


def drop_queued(*, dag_ids: Any, asset_pk: int | None = None, before: datetime | None = None, user: Any) -> int:
    """Forget that assets have changed for DAGs; return how many rows that were. The next run is told of the events."""
    rows = QueuedEvent.objects.filter(dag__in=dag_ids)
    if asset_pk is not None:
        rows = rows.filter(asset_id=asset_pk)
    if before is not None:
        rows = rows.filter(created_at__lt=before)
    with transaction.atomic():
        named = sorted({f"{dag_id} {name}" for dag_id, name in rows.values_list("dag_id", "asset__name")})
        count, _ = rows.delete()
        if count:
            actions.audit(user, "delete_queued_asset_events", queued=named[:100])
    return count
