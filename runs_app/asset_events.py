"""Events of assets: written in the transaction of what caused them, and queued for the DAGs scheduled on them."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from dags_app import asset_sync, plugin_calls
from dags_app.models import Asset, AssetAlias
from dags_app.versions import load_spec
from orchestrator.sdk.listeners import ASSET_HOOKS

from . import notify, partitions
from .locking import batches, fetch, moment, placeholders, send
from .models import AssetEvent
from .outlet_notes import Note

log = logging.getLogger(__name__)

Json = Any
TOLD = ("on_asset_changed", "on_asset_event_emitted")


@dataclass(frozen=True, slots=True)
class Source:
    """The task instance that an event comes from, and its run's partition."""

    dag_id: str
    task_id: str
    run_id: str
    map_index: int
    partition_key: str | None = None
    partition_date: datetime | None = None


@dataclass(frozen=True, slots=True)
class Emitted:
    """One event to be written."""

    asset_pk: int
    extra: Json
    partition_key: str | None = None
    partition_date: datetime | None = None
    alias_pks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Consumer:
    """A DAG that is scheduled on an asset."""

    dag_id: str
    is_paused: bool
    is_partitioned: bool


# ---- of a task that has succeeded


def of_task(row: Mapping[str, Any], outlets: Sequence[Json], notes: Iterable[Note], now: datetime) -> set[str]:
    """Write the events of a task's outlets in the caller's transaction; return the DAGs that may be due by them.

    An outlet that the task noted nothing about has one event without extra; what it noted about assets that are no
    outlets of it is passed over.
    """
    source = _source(row)
    hooks = {each for each in load_spec(row["version_id"]).listens if each in ASSET_HOOKS}
    noted: dict[tuple[str, str], list[Note]] = {}
    announced: dict[tuple[Any, ...], tuple[Note, set[str]]] = {}
    aliases = {each["alias"]["name"] for each in outlets if "alias" in each}
    for note in notes:
        if note.alias is None:
            noted.setdefault(note.key, []).append(note)
        elif note.alias in aliases:
            same = (note.key, json.dumps(note.asset_extra, sort_keys=True), json.dumps(note.extra, sort_keys=True))
            announced.setdefault(same, (note, set()))[1].add(note.alias)
    found = []
    for asset in _active(outlets, row):
        for each in noted.get((asset.name, asset.uri)) or [Note((asset.name, asset.uri), {})]:
            found.append(_emitted(asset.pk, each, source))
    for note, names in announced.values():
        asset_pk, alias_pks = _announce(note, names, hooks, now)
        found.append(Emitted(asset_pk, note.extra, source.partition_key, source.partition_date, alias_pks))
    return emit(found, source, now, hooks)


def _source(row: Mapping[str, Any]) -> Source:
    ((run_id, key, date),) = fetch(
        "SELECT run_id, partition_key, partition_date FROM runs_app_dagrun WHERE id = %s", [row["run_id"]]
    )
    return Source(row["dag_id"], row["task_id"], run_id, row["map_index"], key, moment(date))


def _emitted(asset_pk: int, note: Note, source: Source) -> Emitted:
    key = note.partition_key if note.partition_key is not None else source.partition_key
    # The run's date is that of the run's own key.
    return Emitted(asset_pk, note.extra, key, source.partition_date if key == source.partition_key else None)


def _active(outlets: Sequence[Json], row: Mapping[str, Any]) -> list[Asset]:
    """The active assets behind a task's outlets, each once."""
    wanted = Q()
    for each in outlets:
        about = each.get("asset") or each.get("asset_ref")
        if about is not None:
            wanted |= Q(**{name: about[name] for name in ("name", "uri") if name in about})
    if not wanted:
        return []
    found = list(Asset.objects.filter(wanted, is_active=True).only("name", "uri").order_by("pk"))
    known = {(asset.name, asset.uri) for asset in found}
    for each in outlets:
        about = each.get("asset")
        if about is not None and (about["name"], about["uri"]) not in known:
            log.warning("inactive_outlet task_instance=%s asset=%r", row["id"], about["name"])
    return found


def _announce(note: Note, names: Collection[str], hooks: set[str], now: datetime) -> tuple[int, tuple[int, ...]]:
    """Return the asset that a task announced, made where it is new, and the aliases it stands under from now on."""
    name, uri = note.key
    asset, is_new = Asset.objects.get_or_create(
        name=name,
        uri=uri,
        defaults={"group": note.group, "extra": note.asset_extra or {}, "created_at": now, "updated_at": now},
    )
    if is_new and "on_asset_created" in hooks:
        plugin_calls.tell("on_asset_created", [{"asset": asset_sync.told(asset)}], now)
    aliases = [AssetAlias.objects.get_or_create(name=each)[0] for each in sorted(names)]
    links = AssetAlias.assets.through
    links.objects.bulk_create(
        [links(assetalias_id=alias.pk, asset_id=asset.pk) for alias in aliases], ignore_conflicts=True
    )
    if not asset.is_active:
        asset_sync.settle([asset.pk])
    return asset.pk, tuple(alias.pk for alias in aliases)


# ---- of anything


def emit(found: Sequence[Emitted], source: Source | None, now: datetime, hooks: set[str] | None = None) -> set[str]:
    """Write events, and queue them for the DAGs scheduled on their assets, in the caller's transaction.

    ``hooks``: what plugins listen to, where the caller knows. Returns the DAGs that may be due now, for
    :func:`runs_app.asset_runs.make` after the commit.
    """
    if not found:
        return set()
    events = AssetEvent.objects.bulk_create([_row(each, source, now) for each in found])
    links = AssetEvent.aliases.through
    links.objects.bulk_create(
        [
            links(assetevent_id=event.pk, assetalias_id=alias_pk)
            for event, each in zip(events, found, strict=True)
            for alias_pk in each.alias_pks
        ]
    )
    heard = plugin_calls.heard(*TOLD) if hooks is None else hooks & set(TOLD)
    if heard:
        _tell_listeners(events, found, heard, now)
    consumers = _consumers(found)
    keyed: set[str] = set()
    partitioned: list[tuple[str, AssetEvent, datetime | None]] = []
    unread: set[tuple[str, int]] = set()
    queued: set[tuple[str, int]] = set()
    for event, each in zip(events, found, strict=True):
        for consumer in consumers(each):
            if consumer.is_partitioned:
                if not consumer.is_paused:
                    partitioned.append((consumer.dag_id, event, each.partition_date))
                continue
            unread.add((consumer.dag_id, event.pk))
            if not consumer.is_paused and each.partition_key is None:
                queued.add((consumer.dag_id, each.asset_pk))
    for batch in batches(sorted(unread), 400):
        marks = ", ".join(["(%s, %s)"] * len(batch))
        send(
            f"INSERT INTO runs_app_unreadevent (dag_id, event_id) VALUES {marks}",
            [value for pair in batch for value in pair],
        )
    _queue(queued, now)
    for dag_id, event, date in sorted(partitioned, key=lambda found: (found[0], found[1].pk)):
        if partitions.receive(dag_id, event, date, now):
            keyed.add(dag_id)
    for dag_id in sorted({dag_id for dag_id, _ in unread} | keyed):
        notify.dag_changed(dag_id)
    return {dag_id for dag_id, _ in queued} | keyed


def _row(each: Emitted, source: Source | None, now: datetime) -> AssetEvent:
    event = AssetEvent(asset_id=each.asset_pk, extra=each.extra, partition_key=each.partition_key, timestamp=now)
    if source is not None:
        event.source_dag_id, event.source_task_id = source.dag_id, source.task_id
        event.source_run_id, event.source_map_index = source.run_id, source.map_index
    return event


def _tell_listeners(events: Sequence[AssetEvent], found: Sequence[Emitted], heard: set[str], now: datetime) -> None:
    assets = Asset.objects.in_bulk({each.asset_pk for each in found})
    aliases = AssetAlias.objects.in_bulk({pk for each in found for pk in each.alias_pks})
    for event, each in zip(events, found, strict=True):
        asset = asset_sync.told(assets[each.asset_pk])
        if "on_asset_changed" in heard:
            plugin_calls.tell("on_asset_changed", [{"asset": asset}], now)
        if "on_asset_event_emitted" in heard:
            names = ("extra", "source_dag_id", "source_task_id", "source_run_id", "source_map_index", "partition_key")
            about = {
                "asset": asset,
                "source_aliases": [{"name": aliases[pk].name, "group": aliases[pk].group} for pk in each.alias_pks],
                **{name: getattr(event, name) for name in names},
            }
            plugin_calls.tell("on_asset_event_emitted", [{"asset_event": about}], now)


def _queue(pairs: Collection[tuple[str, int]], now: datetime) -> None:
    """Note that assets have changed for DAGs; a note that is there keeps its time.

    It is touched even so: who makes the run takes the row, and must wait for us or we for him, or our event would
    be left without a row. In one order, so that two tasks with the same outlets do not wait for each other.
    """
    for batch in batches(sorted(pairs), 200):
        marks = ", ".join(["(%s, %s, %s, %s)"] * len(batch))
        send(
            f"INSERT INTO runs_app_queuedevent (dag_id, asset_id, created_at, touched_at) VALUES {marks} "
            "ON CONFLICT (dag_id, asset_id) DO UPDATE SET touched_at = excluded.touched_at",
            [value for dag_id, asset_pk in batch for value in (dag_id, asset_pk, now, now)],
        )


def _consumers(found: Sequence[Emitted]) -> Any:
    """Return a function that tells an event's consumers: DAGs scheduled on its asset, or on an alias it came under."""
    of_asset: dict[int, set[Consumer]] = {}
    of_alias: dict[int, set[Consumer]] = {}
    columns = "d.dag_id, d.is_paused, d.is_partitioned FROM"
    for batch in batches(sorted({each.asset_pk for each in found})):
        rows = fetch(
            f"SELECT a.id, {columns} dags_app_asset a JOIN dags_app_schedulereference r ON r.asset_id = a.id "
            "OR r.name = a.name OR r.uri = a.uri JOIN dags_app_dag d ON d.dag_id = r.dag_id AND NOT d.is_stale "
            f"WHERE a.id IN ({placeholders(batch)})",
            batch,
        )
        for asset_pk, dag_id, paused, partitioned in rows:
            of_asset.setdefault(asset_pk, set()).add(Consumer(dag_id, bool(paused), bool(partitioned)))
    for batch in batches(sorted({alias_pk for each in found for alias_pk in each.alias_pks})):
        rows = fetch(
            f"SELECT r.alias_id, {columns} dags_app_schedulereference r "
            "JOIN dags_app_dag d ON d.dag_id = r.dag_id AND NOT d.is_stale "
            f"WHERE r.alias_id IN ({placeholders(batch)})",
            batch,
        )
        for alias_pk, dag_id, paused, partitioned in rows:
            of_alias.setdefault(alias_pk, set()).add(Consumer(dag_id, bool(paused), bool(partitioned)))

    def consumers(each: Emitted) -> set[Consumer]:
        return of_asset.get(each.asset_pk, set()).union(*(of_alias.get(pk, set()) for pk in each.alias_pks))

    return consumers
