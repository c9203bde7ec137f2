"""Asset watchers as the triggerer sees them: which triggers are wanted, taking them, and accepting their events.

A watching trigger runs for as long as its asset is active and a DAG that is scheduled on it is on. Its rows are shared
among triggerers as those of deferred tasks are. An event is accepted under the lease of who runs the trigger, once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from dags_app.models import Asset

from . import advance, asset_events, asset_runs, outlet_notes
from .locking import batches, fetch, placeholders, retrying, skip_locked, write
from .models import WatchTrigger

Json = dict[str, Any]
LONGEST_PAUSE = 60.0
"""Seconds between two tries of a trigger that fails time and again."""


@dataclass(slots=True, frozen=True)
class Watch:
    """One watching trigger, where the triggerer expects what a task waits for."""

    trigger_pk: int
    classpath: str
    kwargs: Json
    row: Json  # {"version_id"}: whose files hold the class

    @property
    def key(self) -> tuple[int, int]:
        """Apart from all keys of task instances."""
        return -self.trigger_pk, 0

    def __str__(self) -> str:
        return f"{self.classpath} that watches an asset"


WANTED = (
    "FROM dags_app_assetwatcher w JOIN dags_app_asset a ON a.id = w.asset_id AND a.is_active "
    "JOIN dags_app_dag d ON d.dag_id = w.dag_id AND NOT d.is_stale WHERE EXISTS (SELECT 1 "
    "FROM dags_app_schedulereference r JOIN dags_app_dag c ON c.dag_id = r.dag_id AND NOT c.is_stale AND NOT c.is_paused "
    "WHERE r.asset_id = a.id OR r.name = a.name OR r.uri = a.uri)"
)
"""The watchers of active assets that a DAG which is on is scheduled on."""


@retrying()
def reconcile(now: datetime) -> None:
    """Bring the triggers in line with the watchers that are wanted."""
    wanted = {
        digest: rest
        for digest, *rest in fetch(f"SELECT w.digest, w.classpath, w.kwargs, w.version_id {WANTED} ORDER BY w.id DESC")
    }
    there = {
        digest: (pk, version_pk)
        for pk, digest, version_pk in fetch("SELECT id, digest, version_id FROM runs_app_watchtrigger")
    }
    fresh = wanted.keys() - there.keys()
    gone = [pk for digest, (pk, _) in there.items() if digest not in wanted]
    moved = [digest for digest in wanted.keys() & there.keys() if there[digest][1] != wanted[digest][2]]
    if not (fresh or gone or moved):
        return
    with transaction.atomic():
        WatchTrigger.objects.bulk_create(
            [
                WatchTrigger(
                    digest=digest,
                    classpath=wanted[digest][0],
                    kwargs=_json(wanted[digest][1]),
                    version_id=wanted[digest][2],
                    created_at=now,
                )
                for digest in sorted(fresh)
            ],
            ignore_conflicts=True,  # another triggerer was faster
        )
        WatchTrigger.objects.filter(pk__in=gone).delete()
        for digest in sorted(moved):  # the class may have been changed: begin again with the new files
            WatchTrigger.objects.filter(digest=digest).update(
                version_id=wanted[digest][2], process=None, failures=0, error="", not_before=None
            )


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def free(now: datetime) -> int:
    """How many watching triggers wait for a triggerer."""
    return int(
        fetch(
            "SELECT count(*) FROM runs_app_watchtrigger WHERE process_id IS NULL AND (not_before IS NULL OR not_before <= %s)",
            [now],
        )[0][0]
    )


@retrying()
def take(process_pk: int, count: int, now: datetime) -> list[Watch]:
    """Take up to ``count`` of them, oldest first; none where our own lease has been ended."""
    with transaction.atomic():
        rows = fetch(
            "SELECT id, classpath, kwargs, version_id FROM runs_app_watchtrigger WHERE process_id IS NULL "
            "AND (not_before IS NULL OR not_before <= %s) AND EXISTS "
            "(SELECT 1 FROM runs_app_process WHERE id = %s AND ended_at IS NULL) "
            f"ORDER BY created_at, id LIMIT %s{skip_locked()}",
            [now, process_pk, count],
        )
        for batch in batches([row[0] for row in rows]):
            write(
                f"UPDATE runs_app_watchtrigger SET process_id = %s WHERE id IN ({placeholders(batch)})",
                [process_pk, *batch],
            )
    return [
        Watch(pk, classpath, _json(kwargs), {"version_id": version_pk}) for pk, classpath, kwargs, version_pk in rows
    ]


def held(process_pk: int) -> set[tuple[int, int]]:
    """Return the keys of those that are ours."""
    rows = fetch("SELECT id FROM runs_app_watchtrigger WHERE process_id = %s", [process_pk])
    return {(-pk, 0) for (pk,) in rows}


@retrying()
def give_back(process_pk: int, keys: Iterable[tuple[int, int]]) -> None:
    """Leave those of ours to others that we do not run: the answer to the commit that took them never arrived."""
    for key, _ in keys:
        write(
            "UPDATE runs_app_watchtrigger SET process_id = NULL WHERE process_id = %s AND id = %s", [process_pk, -key]
        )


@retrying()
def release(process_pk: int) -> int:
    """Leave all of ours to others."""
    return write("UPDATE runs_app_watchtrigger SET process_id = NULL WHERE process_id = %s", [process_pk])


def accept(watch: Watch, process_pk: int, number: str, payload: Any, now: datetime) -> bool:
    """Write an event of a watching trigger, for each asset that it watches; False where it is not ours or is there.

    ``number`` tells the event apart from the one before: a commit whose answer got lost is not made twice.
    """
    written, consumers = _accept(watch, process_pk, number, payload, now)
    advance.tell(asset_runs.make(consumers, now))
    return written


@retrying(attempts=20)
def _accept(watch: Watch, process_pk: int, number: str, payload: Any, now: datetime) -> tuple[bool, set[str]]:
    with transaction.atomic():
        rows = fetch(
            "UPDATE runs_app_watchtrigger SET accepted = %s, failures = 0, error = '' WHERE id = %s AND process_id = %s "
            "AND accepted <> %s RETURNING digest",
            [f"{process_pk}.{number}", watch.trigger_pk, process_pk, f"{process_pk}.{number}"],
        )
        if not rows:
            return False, set()
        assets = Asset.objects.filter(is_active=True, watchers__digest=rows[0][0]).distinct().order_by("pk")
        emitted = []
        for name, uri, pk in assets.values_list("name", "uri", "pk"):
            note = {"asset": [name, uri], "extra": {"from_trigger": True, "payload": payload}}
            (found,) = outlet_notes.read([note])
            emitted.append(asset_events.Emitted(pk, found.extra))
        return True, asset_events.emit(emitted, None, now)


@retrying()
def failed(watch: Watch, process_pk: int, error: str, now: datetime) -> None:
    """Give a trigger back that failed, to be tried again after a pause that grows."""
    # One step: between giving it back and its pause, another triggerer would take it at once.
    with transaction.atomic():
        rows = fetch(
            "UPDATE runs_app_watchtrigger SET failures = failures + 1, error = %s, process_id = NULL "
            "WHERE id = %s AND process_id = %s RETURNING failures",
            [error.replace("\0", "")[:2000], watch.trigger_pk, process_pk],
        )
        if rows:
            pause = min(LONGEST_PAUSE, 2.0 ** min(int(rows[0][0]), 10))
            WatchTrigger.objects.filter(pk=watch.trigger_pk).update(not_before=now + timedelta(seconds=pause))
