"""Runs for partitions: events with keys are collected per key of the consumer, until enough of them have arrived.

The same order of locks as for other runs on assets: who adds a part touches its pending row, who makes the run takes
it first; so one run is made for a key, and a part that comes later begins the key anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dags_app.asset_lookup import known
from dags_app.models import Asset, AuditEntry, Dag
from dags_app.versions import load_spec
from orchestrator.core import own, timetables
from orchestrator.core.assets import Key, holds, leaves
from orchestrator.core.states import RunType
from orchestrator.core.timetables import PartitionedAssetTimetable

from . import advance, create, notify, plugin_questions
from .locking import fetch, is_postgresql, moment, placeholders, write
from .models import AssetEvent, PartitionPart, PendingPartition

log = logging.getLogger(__name__)

MOST = 500
"""So many pending keys of a DAG are looked at in one transaction."""


def timetable_of(dag: Dag) -> PartitionedAssetTimetable:
    """Return the timetable of a DAG that is scheduled on partitioned assets."""
    return timetables.from_json(dict(load_spec(dag.version_id).timetable))  # type: ignore[return-value]


def fingerprint_of(timetable: PartitionedAssetTimetable) -> str:
    return hashlib.sha256(json.dumps(timetable.fingerprint(), sort_keys=True).encode()).hexdigest()


# ---- parts that arrive


def receive(dag_id: str, event: AssetEvent, date: datetime | None, now: datetime) -> bool:
    """Add an event to the pending keys of a DAG that it belongs to, in the caller's transaction; False: to none."""
    dag = Dag.objects.get(pk=dag_id)
    if event.partition_key is None:
        complain(
            dag_id, event, "missing partition key", "the DAG is scheduled on partitions and the event has no key", now
        )
        return False
    asset = Asset.objects.only("name", "uri").get(pk=event.asset_id)
    try:
        timetable = timetable_of(dag)
        mapper = timetable.mapper_for(asset.name, asset.uri)
        document = mapper.to_json()
        if own.is_within(document):  # it is mapped where its plugin is loaded, and comes back to `mapped`
            plugin_questions.ask_mapping(dag_id, event, document, date, now)
            return False
        keys = mapper.keys_for(event.partition_key)
    except Exception as error:  # the consumer's schedule is wrong for this key, which is no fault of the producer
        text = f"partition_key {event.partition_key!r} of asset {asset.name!r}: {type(error).__name__}: {error}"
        complain(dag_id, event, "failed to map partition_key", text, now)
        return False
    carried = mapper.carry_partition_date(date)
    add_parts(dag_id, event, [Mapped(key) for key in keys], carried, fingerprint_of(timetable), now)
    return bool(keys)


@dataclass(frozen=True, slots=True)
class Mapped:
    """A key that an event belongs to, with what only a mapper of an author's own knows of it."""

    key: str
    expected: list[str] | None = None
    date: datetime | None = None


def add_parts(
    dag_id: str, event: AssetEvent, keys: Iterable[Mapped], carried: datetime | None, fingerprint: str, now: datetime
) -> None:
    """Add an event to pending keys, in the caller's transaction."""
    for each in sorted(keys, key=lambda found: found.key):
        pending_pk = _pending(dag_id, each.key, carried, fingerprint, now)
        PartitionPart.objects.create(
            pending_id=pending_pk,
            event=event,
            asset_id=event.asset_id,
            source_key=event.partition_key or "",
            expected=each.expected,
            date=each.date,
        )


def _pending(dag_id: str, key: str, date: datetime | None, fingerprint: str, now: datetime) -> int:
    """Return the row of a key, made or touched. A date is kept while all who know one agree."""
    ((pk, known_date, known_print),) = fetch(
        "INSERT INTO runs_app_pendingpartition (dag_id, partition_key, partition_date, fingerprint, changed, created_at, "
        "touched_at) VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (dag_id, partition_key) "
        "DO UPDATE SET touched_at = excluded.touched_at, changed = excluded.changed "
        "RETURNING id, partition_date, fingerprint",
        [dag_id, key, date, fingerprint, True, now, now],
    )
    at = moment(known_date)
    if known_print != fingerprint:  # what was collected by other mappers means something else
        PartitionPart.objects.filter(pending_id=pk).delete()
        PendingPartition.objects.filter(pk=pk).update(fingerprint=fingerprint, partition_date=date)
    elif date is not None and at != date:
        PendingPartition.objects.filter(pk=pk).update(partition_date=date if at is None else None)
    return int(pk)


def complain(dag_id: str, event: AssetEvent, what: str, text: str, now: datetime) -> None:
    """Write down that an event cannot be used, where people look for it."""
    log.warning("partition_event_unused dag=%s event=%s reason=%s", dag_id, event.pk, text)
    AuditEntry.objects.create(
        actor="engine",
        event=what,
        dag_id=dag_id,
        extra={"asset_event": event.pk, "source": event.source_dag_id, "reason": text[:2000]},
    )


# ---- keys that are complete


@dataclass(slots=True)
class Progress:
    """How far one pending key is: for each asset how many parts have arrived, of how many."""

    key: str
    created_at: datetime
    assets: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def received(self) -> int:
        return sum(received for received, _ in self.assets.values())

    @property
    def required(self) -> int:
        return sum(required for _, required in self.assets.values())


def make_due(dag: Dag, now: datetime) -> advance.Advanced:
    """Make the runs of the keys that are complete, in the caller's transaction, which holds the DAG's row."""
    found = advance.Advanced()
    timetable = timetable_of(dag)
    pending = _changed(dag.pk)
    parts = _parts(pending)
    made = 0
    for pk, row in pending.items():
        if row["fingerprint"] != fingerprint_of(timetable):
            PendingPartition.objects.filter(pk=pk).delete()
            continue
        ready = {key for key, arrived in parts[pk].items() if _is_enough(timetable, key, row["partition_key"], arrived)}
        if not holds(timetable.expression, known(timetable.expression, ready)):
            continue
        _make(dag, timetable, pk, row, parts[pk], now)
        made += 1
    if pending:
        write(
            f"UPDATE runs_app_pendingpartition SET changed = %s WHERE id IN ({placeholders(list(pending))})",
            [False, *pending],
        )
    for _ in range(made):
        started, more = advance.start_oldest(dag.pk, now)
        found.ready += started.ready
        if not more:
            break
    if made:
        notify.dag_changed(dag.pk)
    return found


def _changed(dag_id: str) -> dict[int, dict[str, Any]]:
    lock = " FOR UPDATE" if is_postgresql() else ""
    columns = ("partition_key", "partition_date", "fingerprint", "created_at", "touched_at")
    rows = fetch(
        f"SELECT id, {', '.join(columns)} FROM runs_app_pendingpartition WHERE dag_id = %s AND changed = %s "
        f"ORDER BY created_at, id LIMIT {MOST}{lock}",
        [dag_id, True],
    )
    return {pk: dict(zip(columns, values, strict=True)) for pk, *values in rows}


@dataclass(slots=True)
class Arrived:
    """What has arrived of one asset for one pending key, with what a mapper of an author's own said of that."""

    keys: set[str] = field(default_factory=set)
    expected: set[str] | None = None
    dates: set[datetime] = field(default_factory=set)

    def wanted(self, mapper: Any, key: str) -> set[str]:
        """The keys that are waited for."""
        return self.expected if self.expected is not None else mapper.to_upstream(key)  # type: ignore[no-any-return]


def _parts(pending: Iterable[int]) -> dict[int, dict[Key, Arrived]]:
    """What has arrived, by pending row and asset; an asset that is not active does not count."""
    found: dict[int, dict[Key, Arrived]] = {pk: {} for pk in pending}
    rows = PartitionPart.objects.filter(pending__in=list(found), asset__is_active=True).order_by("pk")
    names = ("pending_id", "asset__name", "asset__uri", "source_key", "expected", "date")
    for pk, name, uri, key, expected, date in rows.values_list(*names):
        arrived = found[pk].setdefault((name, uri), Arrived())
        arrived.keys.add(key)
        if expected is not None:
            arrived.expected = set(expected)
        if date is not None:
            arrived.dates.add(date)
    return found


def _is_enough(timetable: PartitionedAssetTimetable, asset: Key, key: str, arrived: Arrived) -> bool:
    mapper = timetable.mapper_for(*asset)
    if not mapper.is_rollup:
        return True
    try:
        return bool(mapper.wait_policy.holds(arrived.keys, arrived.wanted(mapper, key)))  # type: ignore[attr-defined]
    except Exception as error:  # a window that the key does not fit: it waits until somebody mends the schedule
        log.error("partition_not_judged key=%s asset=%s error=%s", key, asset, error)
        return False


def _make(
    dag: Dag,
    timetable: PartitionedAssetTimetable,
    pk: int,
    row: Mapping[str, Any],
    parts: Mapping[Key, Arrived],
    now: datetime,
) -> None:
    key = row["partition_key"]
    run = create.create_run(
        dag=dag,
        version_pk=dag.version_id,
        run_type=RunType.ASSET_TRIGGERED,
        run_after=moment(row["touched_at"]) or now,
        logical_date=None,
        interval=None,
        triggered_by="asset",
        now=now,
        partition=(key, _date(timetable, key, parts, moment(row["partition_date"]))),
    )
    events = PartitionPart.objects.filter(pending_id=pk).values_list("event_id", flat=True)
    links = AssetEvent.runs.through
    links.objects.bulk_create([links(assetevent_id=event_pk, dagrun_id=run.pk) for event_pk in sorted(set(events))])
    PendingPartition.objects.filter(pk=pk).delete()


def _date(
    timetable: PartitionedAssetTimetable, key: str, parts: Mapping[Key, Arrived], carried: datetime | None
) -> datetime | None:
    """When a partition begins: as the mappers of its parts read the key, or as its producers said."""
    try:
        dates: set[datetime | None] = set()
        for asset, arrived in parts.items():
            dates |= arrived.dates or {timetable.mapper_for(*asset).to_partition_date(key)}
        dates -= {None}
    except Exception as error:
        log.error("partition_date_not_read key=%s error=%s", key, error)
        return None
    if not dates:
        return carried
    return dates.pop() if len(dates) == 1 else None


def progress(dag: Dag) -> list[Progress]:
    """Return the pending keys of a DAG and how far each is, the oldest first."""
    timetable = timetable_of(dag)
    rows = list(PendingPartition.objects.filter(dag=dag)[:MOST])
    parts = _parts(row.pk for row in rows)
    found = []
    for row in rows:
        each = Progress(row.partition_key, row.created_at)
        for kind, about in leaves(timetable.expression):
            if kind == "alias":
                continue
            arrived = Arrived()
            for (name, uri), found_there in parts[row.pk].items():
                if about.get("name", name) == name and about.get("uri", uri) == uri:
                    arrived.keys |= found_there.keys
                    arrived.expected = found_there.expected if arrived.expected is None else arrived.expected
            each.assets[about.get("name") or about["uri"]] = _counts(timetable, about, row.partition_key, arrived)
        found.append(each)
    return found


def _counts(
    timetable: PartitionedAssetTimetable, about: Mapping[str, str], key: str, arrived: Arrived
) -> tuple[int, int]:
    mapper = timetable.mapper_for(about.get("name", ""), about.get("uri", ""))
    if not mapper.is_rollup:
        return int(bool(arrived.keys)), 1
    try:
        expected = arrived.wanted(mapper, key)
    except Exception:
        return len(arrived.keys), len(arrived.keys) + 1
    return len(arrived.keys & expected), len(expected)
