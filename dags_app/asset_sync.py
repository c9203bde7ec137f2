"""What DAGs say of assets becomes rows; and which assets are active follows from who names them."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q

from orchestrator.core.assets import leaves
from orchestrator.core.spec import DagSpec

from . import plugin_calls
from .models import Asset, AssetAlias, AssetWatcher, ScheduleReference, TaskReference

log = logging.getLogger(__name__)

Key = tuple[str, str]
Json = Any
SHARE = 200
"""So many assets are looked for in one statement: each takes two values of it."""


def store(specs: Mapping[str, DagSpec], versions: Mapping[str, int], now: datetime) -> None:
    """Write the assets and references of some DAGs, by id, in the caller's transaction."""
    named = {dag_id: spec for dag_id, spec in specs.items() if _names_assets(spec)}
    touched = _forget(set(specs) - set(named))
    if named:
        assets = _store_assets(named.values(), now)
        aliases = _store_aliases(named.values(), now)
        for dag_id, spec in named.items():
            touched |= _store_references(dag_id, spec, assets, aliases, now)
            _store_watchers(dag_id, spec, assets, versions[dag_id], now)
        touched |= set(assets.values())
    settle(touched)


def _names_assets(spec: DagSpec) -> bool:
    return bool(spec.assets or expression_of(spec) or any(task.inlets or task.outlets for task in spec.tasks.values()))


def expression_of(spec: DagSpec) -> Json:
    """Return what a DAG's schedule says of assets; None where it says nothing."""
    return spec.timetable.get("assets")


def expanded(expression: Json) -> Json:
    """An expression with the row of each asset, as the API shows it."""
    keys = {(each["name"], each["uri"]) for kind, each in leaves(expression) if kind == "asset"}
    found = {(asset.name, asset.uri): asset.pk for asset in find(keys)}
    return _with_ids(expression, found)


def _with_ids(expression: Json, found: Mapping[Key, int]) -> Json:
    [(kind, content)] = expression.items()
    if kind in {"all", "any"}:
        return {kind: [_with_ids(each, found) for each in content]}
    if kind == "asset":
        return {kind: {**content, "id": found.get((content["name"], content["uri"]))}}
    return expression


# ---- assets and aliases


def find(keys: Iterable[Key]) -> list[Asset]:
    """Return the assets with these names and URIs, whether active or not."""
    found: list[Asset] = []
    wanted = sorted(keys)
    for at in range(0, len(wanted), SHARE):
        some = wanted[at : at + SHARE]
        rows = Asset.objects.filter(name__in={name for name, _ in some}, uri__in={uri for _, uri in some})
        found += [asset for asset in rows.order_by("pk") if (asset.name, asset.uri) in set(some)]
    return found


def _store_assets(specs: Iterable[DagSpec], now: datetime) -> dict[Key, int]:
    """Write every asset that the DAGs name; return their rows by name and URI."""
    wanted: dict[Key, dict[str, Any]] = {}
    for spec in specs:
        for each in spec.assets:
            wanted[each["name"], each["uri"]] = {"group": each["group"], "extra": each.get("extra") or {}}
    found = {(asset.name, asset.uri): asset for asset in find(wanted)}
    fresh = [
        Asset(name=key[0], uri=key[1], created_at=now, updated_at=now, **wanted[key])
        for key in sorted(wanted.keys() - found.keys())
    ]
    if fresh:
        Asset.objects.bulk_create(fresh, ignore_conflicts=True)
        if plugin_calls.heard("on_asset_created"):
            plugin_calls.tell("on_asset_created", ({"asset": told(each)} for each in fresh), now)
        found = {(asset.name, asset.uri): asset for asset in find(wanted)}
    for key, asset in found.items():
        if (asset.group, asset.extra) != (wanted[key]["group"], wanted[key]["extra"]):
            Asset.objects.filter(pk=asset.pk).update(**wanted[key], updated_at=now)
    return {key: asset.pk for key, asset in found.items()}


def told(asset: Asset) -> dict[str, Any]:
    """An asset as listeners are told of it."""
    return {"name": asset.name, "uri": asset.uri, "group": asset.group, "extra": asset.extra}


def _store_aliases(specs: Iterable[DagSpec], now: datetime) -> dict[str, int]:
    wanted: dict[str, str] = {}
    for spec in specs:
        things = [each for task in spec.tasks.values() for each in (*task.inlets, *task.outlets)]
        expression = expression_of(spec)
        for thing in [*things, *([expression] if expression else [])]:
            wanted |= {each["name"]: each.get("group", "asset") for kind, each in leaves(thing) if kind == "alias"}
    if not wanted:
        return {}
    if plugin_calls.heard("on_asset_alias_created"):
        there = set(AssetAlias.objects.filter(name__in=wanted).values_list("name", flat=True))
        fresh = sorted(wanted.keys() - there)
        told_of = [{"asset_alias": {"name": name, "group": wanted[name]}} for name in fresh]
        plugin_calls.tell("on_asset_alias_created", told_of, now)
    rows = [AssetAlias(name=name, group=group) for name, group in sorted(wanted.items())]
    AssetAlias.objects.bulk_create(rows, update_conflicts=True, update_fields=["group"], unique_fields=["name"])
    return dict(AssetAlias.objects.filter(name__in=wanted).values_list("name", "pk"))


# ---- who names them


def _store_references(
    dag_id: str, spec: DagSpec, assets: Mapping[Key, int], aliases: Mapping[str, int], now: datetime
) -> set[int]:
    """Bring a DAG's references up to date, those that stay untouched; return the assets of those that went."""
    expression = expression_of(spec)
    scheduled = [_target(*leaf, assets, aliases) for leaf in leaves(expression)] if expression else []
    gone = _replace(ScheduleReference, dag_id, scheduled, ("asset_id", "alias_id", "name", "uri"), now)
    of_tasks = []
    for task in spec.tasks.values():
        for things, is_outlet in ((task.inlets, False), (task.outlets, True)):
            for thing in things:
                found = _target(*next(iter(leaves(thing))), assets, aliases)
                if found.pop("alias_id") is None:
                    of_tasks.append({**found, "task_id": task.task_id, "is_outlet": is_outlet})
    columns = ("task_id", "is_outlet", "asset_id", "name", "uri")
    return gone | _replace(TaskReference, dag_id, of_tasks, columns, now)


def _target(
    kind: str, about: Mapping[str, Any], assets: Mapping[Key, int], aliases: Mapping[str, int]
) -> dict[str, Any]:
    found: dict[str, Any] = {"asset_id": None, "alias_id": None, "name": None, "uri": None}
    if kind == "asset":
        found["asset_id"] = assets[about["name"], about["uri"]]
    elif kind == "alias":
        found["alias_id"] = aliases[about["name"]]
    else:
        found |= about
    return found


def _replace(
    model: Any, dag_id: str, wanted: Iterable[Mapping[str, Any]], columns: tuple[str, ...], now: datetime
) -> set[int]:
    keys = {tuple(each[name] for name in columns) for each in wanted}
    there = {tuple(key): pk for pk, *key in model.objects.filter(dag_id=dag_id).values_list("pk", *columns)}
    gone = {key: pk for key, pk in there.items() if key not in keys}
    if gone:
        model.objects.filter(pk__in=gone.values()).delete()
    rows = [dict(zip(columns, key, strict=True)) for key in sorted(keys - there.keys(), key=str)]
    model.objects.bulk_create([model(dag_id=dag_id, created_at=now, updated_at=now, **row) for row in rows])
    at = columns.index("asset_id")
    return {key[at] for key in gone if key[at] is not None}


def _forget(dag_ids: Collection[str]) -> set[int]:
    """Delete the references of DAGs that name no assets; return the assets that they named before."""
    if not dag_ids:
        return set()
    gone: set[int] = set()
    for model in (ScheduleReference, TaskReference, AssetWatcher):
        rows = model.objects.filter(dag_id__in=dag_ids)
        found = list(rows.values_list("asset_id", flat=True))
        if found:
            rows.delete()
        gone.update(pk for pk in found if pk is not None)
    return gone


def _store_watchers(dag_id: str, spec: DagSpec, assets: Mapping[Key, int], version_pk: int, now: datetime) -> None:
    """Bring a DAG's watchers up to date; what other DAGs say of the same assets stays beside it."""
    wanted = {
        (assets[each["name"], each["uri"]], watcher["name"], digest_of(watcher)): watcher
        for each in spec.assets
        for watcher in each.get("watchers") or ()
    }
    rows = AssetWatcher.objects.filter(dag_id=dag_id)
    there = {
        (asset_pk, name, digest): pk
        for pk, asset_pk, name, digest in rows.values_list("pk", "asset_id", "name", "digest")
    }
    if there:
        rows.filter(pk__in=[pk for key, pk in there.items() if key not in wanted]).delete()
        rows.update(version_id=version_pk)
    for asset_pk, name, digest in sorted(wanted.keys() - there.keys()):
        watcher = wanted[asset_pk, name, digest]
        AssetWatcher.objects.create(
            asset_id=asset_pk,
            dag_id=dag_id,
            name=name,
            classpath=watcher["classpath"],
            kwargs=watcher["kwargs"],
            digest=digest,
            version_id=version_pk,
            created_at=now,
        )


def digest_of(watcher: Mapping[str, Any]) -> str:
    """What two watchers have in common that can share one trigger."""
    text = json.dumps([watcher["classpath"], watcher["kwargs"]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


# ---- which are active


def retire(dag_ids: Collection[str], *, gone: bool = False) -> None:
    """No file defines some DAGs: what only they named is not active any more.

    Their references stay until they come back; with ``gone`` they are deleted, as the DAGs are about to be.
    """
    if gone:
        settle(_forget(dag_ids))
        return
    touched: set[int] = set()
    for model in (ScheduleReference, TaskReference):
        rows = model.objects.filter(dag_id__in=dag_ids, asset__isnull=False)
        touched.update(rows.values_list("asset_id", flat=True))
    settle(touched)


def settle(asset_pks: Collection[int]) -> None:
    """Make assets active, or not any more, as who names them says.

    Of several assets with one name, or one URI, the one that was active first stays so while it is named.
    """
    touched = list(Asset.objects.filter(pk__in=asset_pks))
    if not touched:
        return
    same = Q(name__in={asset.name for asset in touched}) | Q(uri__in={asset.uri for asset in touched})
    assets = list(Asset.objects.filter(same).order_by("pk"))
    named = _named({asset.pk for asset in assets})
    lost = [asset.pk for asset in assets if asset.is_active and asset.pk not in named]
    if lost:
        Asset.objects.filter(pk__in=lost).update(is_active=False)
    active = [asset for asset in assets if asset.is_active and asset.pk in named]
    names, uris = {asset.name: asset for asset in active}, {asset.uri: asset for asset in active}
    gained = []
    for asset in assets:
        if asset.pk not in named or asset.is_active:
            continue
        rival = names.get(asset.name) or uris.get(asset.uri)
        if rival is not None:
            log.warning(
                "asset_not_active name=%r uri=%r because_of=%r %r", asset.name, asset.uri, rival.name, rival.uri
            )
            continue
        names[asset.name] = uris[asset.uri] = asset
        gained.append(asset.pk)
    if gained:
        Asset.objects.filter(pk__in=gained).update(is_active=True)


def _named(asset_pks: Collection[int]) -> set[int]:
    """Those of some assets that a DAG which is there names, or that a task announced under an alias."""
    named: set[int] = set()
    for model in (ScheduleReference, TaskReference):
        rows = model.objects.filter(asset__in=asset_pks, dag__is_stale=False)
        named.update(rows.values_list("asset_id", flat=True))
    announced = AssetAlias.assets.through.objects.filter(asset__in=asset_pks)
    return named | set(announced.values_list("asset_id", flat=True))
