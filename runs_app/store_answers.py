"""What task code may ask of state stores: its own, and those of assets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from dags_app.models import Asset, AssetAlias

from . import asset_store, store
from .models import AssetStoreEntry, TaskInstance
from .store import StoreRefused

Json = Any


def _holder(scope: Any) -> TaskInstance:
    """The task instance that asks, as long as it is still this attempt's: one that was given up writes nothing."""
    found = TaskInstance.objects.filter(
        run_id=scope.run_pk, task_id=scope.task_id, map_index=scope.map_index, token=scope.token
    )
    instance = found.only("pk", "run_id", "task_id").first()
    if instance is None:
        raise StoreRefused("state stores are for tasks, and this attempt no longer holds its task instance")
    return instance


def task_get(scope: Any, key: str) -> Json:
    row = store.alive(timezone.now()).filter(task_instance=_holder(scope), key=key).only("value").first()
    return None if row is None else {"value": row.value}


def task_set(scope: Any, key: str, value: Json, retention: float | None = None, never: bool = False) -> None:
    now = timezone.now()
    store.check(key, value, settings.ORCH.store_max_bytes)
    expires_at = store.default_expiry(now)
    if never:
        expires_at = None
    elif retention is not None:
        try:
            expires_at = now + timedelta(seconds=retention)
        except OverflowError:  # beyond the calendar
            expires_at = None
    store.put(_holder(scope).pk, key, value, expires_at=expires_at, now=now)


def task_delete(scope: Any, key: str) -> None:
    store.delete([_holder(scope).pk], key)


def task_clear(scope: Any, all_map_indices: bool = False) -> None:
    instance = _holder(scope)
    store.delete(store.siblings(instance).values_list("pk", flat=True) if all_map_indices else [instance.pk])


def _asset(name: str | None, uri: str | None) -> Asset:
    rows = Asset.objects.filter(**({"name": name} if name is not None else {"uri": uri}))
    asset = rows.order_by("-is_active", "pk").first()
    if asset is None:
        raise StoreRefused(f"there is no asset {name or uri!r}: no DAG that was parsed names it")
    return asset


def asset_get(scope: Any, key: str, name: str | None = None, uri: str | None = None) -> Json:
    row = AssetStoreEntry.objects.filter(asset=_asset(name, uri), key=key).only("value").first()
    return None if row is None else {"value": row.value}


def asset_set(scope: Any, key: str, value: Json, name: str | None = None, uri: str | None = None) -> None:
    _holder(scope)
    by = {"kind": "task", "dag_id": scope.dag_id, "run_id": scope.run_id, "task_id": scope.task_id}
    by["map_index"] = scope.map_index
    asset_store.put(_asset(name, uri).pk, key, value, by=by, now=timezone.now())


def asset_delete(scope: Any, key: str, name: str | None = None, uri: str | None = None) -> None:
    _holder(scope)
    asset_store.delete(_asset(name, uri).pk, key)


def asset_clear(scope: Any, name: str | None = None, uri: str | None = None) -> None:
    _holder(scope)
    asset_store.delete(_asset(name, uri).pk)


def alias_assets(scope: Any, name: str) -> list[Json]:
    """The assets that were announced under an alias so far."""
    alias = AssetAlias.objects.filter(name=name).first()
    return [] if alias is None else list(alias.assets.order_by("name").values("name", "uri"))


ANSWERS = {
    "task_store_get": task_get,
    "task_store_set": task_set,
    "task_store_delete": task_delete,
    "task_store_clear": task_clear,
    "asset_store_get": asset_get,
    "asset_store_set": asset_set,
    "asset_store_delete": asset_delete,
    "asset_store_clear": asset_clear,
    "alias_assets": alias_assets,
}
