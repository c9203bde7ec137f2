"""The state store of assets: what tasks keep about an asset from run to run, such as how far they have read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from dags_app.models import Asset

from . import store
from .actions import audit
from .locking import retrying
from .models import AssetStoreEntry

Json = Any


@retrying()
def put(asset_pk: int, key: str, value: Json, *, by: dict[str, Json], now: datetime) -> None:
    """Write a key, whatever it held before."""
    store.check(key, value, settings.ORCH.store_max_bytes)
    AssetStoreEntry.objects.bulk_create(
        [AssetStoreEntry(asset_id=asset_pk, key=key, value=value, updated_at=now, updated_by=by)],
        update_conflicts=True,
        unique_fields=["asset", "key"],
        update_fields=["value", "updated_at", "updated_by"],
    )


@retrying()
def delete(asset_pk: int, key: str | None = None) -> int:
    """Delete a key, or all; return how many there were."""
    rows = AssetStoreEntry.objects.filter(asset_id=asset_pk)
    return int((rows.filter(key=key) if key is not None else rows).delete()[0])


def edit(asset: Asset, key: str, value: Json, *, user: Any) -> None:
    """Write a key as a person asked."""
    with transaction.atomic():
        put(asset.pk, key, value, by={"kind": "api"}, now=timezone.now())
        audit(user, "set_asset_state_store", asset=asset.name, key=key)


def forget(asset: Asset, key: str | None = None, *, user: Any) -> int:
    """Delete a key, or all, as a person asked; return how many there were."""
    with transaction.atomic():
        deleted = delete(asset.pk, key)
        audit(user, "clear_asset_state_store", asset=asset.name, key=key)
    return deleted
