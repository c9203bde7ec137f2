"""Taking work: a slot claims the best ready task instance of its queues, within every limit."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from dags_app.versions import load_spec
from orchestrator import wake

from . import limits, notify, rates, transitions
from .locking import fetch, lock_limit, moment, placeholders, retrying, skip_locked
from .models import Callback

JSON_COLUMNS = ("next_kwargs",)
TIME_COLUMNS = ("first_started_at", "started_at")


@dataclass(slots=True)
class Claimer:
    """Who claims: one worker slot, by its row in the processes table."""

    process_pk: int
    hostname: str
    pid: int
    queues: Sequence[str]
    capacity: limits.Capacity = field(default_factory=limits.Capacity)
    draining: bool = False
    paused: bool = False  # somebody asked it to take nothing more for now
    unsure: bool = False  # the last transaction that may have claimed has not been seen to end


@retrying()
def claim(claimer: Claimer, now: datetime) -> dict[str, Any] | None:
    """Claim one task instance in a transaction of its own; None where there is nothing this slot may run."""
    row = adopt(claimer) if claimer.unsure else None
    for _ in range(16):
        if row is not None:
            break
        claimer.unsure = True
        with transaction.atomic():
            row, again = claim_inside(claimer, now)
        claimer.unsure = False
        if not again:
            break
    claimer.unsure = False
    return row


def adopt(claimer: Claimer) -> dict[str, Any] | None:
    """Return what a commit claimed for this slot whose answer never arrived; nobody else would run it."""
    columns = ", ".join(f"t.{name}" for name in transitions.STARTED)
    rows = fetch(
        f"SELECT {columns} FROM runs_app_attempt a JOIN runs_app_taskinstance t "
        "ON t.id = a.task_instance_id AND t.token = a.token AND t.state = 'running' "
        "WHERE a.process_id = %s AND a.outcome IS NULL ORDER BY a.id DESC LIMIT 1",
        [claimer.process_pk],
    )
    if not rows:
        return None
    row = dict(zip(transitions.STARTED, rows[0], strict=True))
    row["try_started"] = row["first_started_at"] == row["started_at"]
    return _decoded(row)


def _decoded(row: dict[str, Any]) -> dict[str, Any]:
    for name in JSON_COLUMNS:
        row[name] = json.loads(row[name]) if isinstance(row[name], str) else row[name]
    for name in TIME_COLUMNS:
        row[name] = moment(row[name])
    return row


def claim_inside(claimer: Claimer, now: datetime) -> tuple[dict[str, Any] | None, bool]:
    """Claim in the caller's transaction. The second value says that a limit was just reached: try again after the commit."""
    if claimer.draining or claimer.paused:
        return None, False
    capacity = claimer.capacity
    capacity.refresh()
    occupied = limits.count(capacity) if capacity.is_tight else limits.Occupied()
    bars = limits.barred(occupied)
    condition, values = bars.conditions(capacity, occupied, now)
    for queue in _best_first(claimer.queues):
        choice = (
            "SELECT t.id FROM runs_app_taskinstance t JOIN dags_app_dag d ON d.dag_id = t.dag_id "
            f"WHERE t.state = 'scheduled' AND t.queue = %s AND NOT d.is_frozen AND {condition} "
            "ORDER BY t.priority_weight DESC, t.scheduled_at, t.id LIMIT 1" + _of_instance(skip_locked())
        )
        row = transitions.start(
            choice,
            [queue, *values],
            process_pk=claimer.process_pk,
            hostname=claimer.hostname,
            pid=claimer.pid,
            at=now,
        )
        if row is None:
            continue
        row["try_started"] = moment(row["first_started_at"]) == now
        if not _within_limits(row, capacity, now):
            transitions.give_back(row)
            capacity.tight_until = time.monotonic() + 2.0
            return None, True
        notify.run_changed(row["run_id"], row["dag_id"])
        return _decoded(row), False
    return None, False


def _best_first(queues: Sequence[str]) -> Sequence[str]:
    """Order queues by the priority of what waits at the head of each: no queue starves another."""
    if len(queues) < 2:
        return queues
    heads = fetch(
        "SELECT queue, max(priority_weight) FROM runs_app_taskinstance "
        f"WHERE state = 'scheduled' AND queue IN ({placeholders(queues)}) GROUP BY queue",
        list(queues),
    )
    return [queue for queue, _ in sorted(heads, key=lambda head: -head[1])]


def _of_instance(clause: str) -> str:
    """The DAG is only read: locking it would make every claim of a DAG wait for the others."""
    return clause.replace("FOR UPDATE", "FOR UPDATE OF t")


def _within_limits(row: Mapping[str, Any], capacity: limits.Capacity, now: datetime) -> bool:
    """Whether the limits that this row may reach still hold with it, counted under their locks.

    Locks are taken in one order (pool, run, task, key), so that two claims never wait for each other.
    """
    old = capacity.is_old
    pool_binds = old or capacity.may_bind(row["pool"])
    most = row["max_active_tasks"]
    run_binds = old or most < capacity.slots
    if not (pool_binds or run_binds or row["limited"]):
        return True
    if pool_binds:
        lock_limit(f"pool {row['pool']}")
    if run_binds:
        lock_limit(f"run {row['run_id']}")
    key: tuple[str, int] | None = None
    if row["limited"]:
        lock_limit(f"task {row['dag_id']} {row['task_id']}")
        if (key := _key_of(row)) is not None:
            lock_limit(f"key {key[0]}")
    occupied = limits.count(capacity)
    pool = capacity.pools[row["pool"]]
    if pool.slots >= 0 and occupied.pools.get(row["pool"], 0) > pool.slots:
        return False
    if run_binds and occupied.runs[row["run_id"]] > most:
        return False
    if row["limited"] and not _within_own_limits(row, key, occupied):
        return False
    return pool.rate is None or _within_rate(row["pool"], pool.rate, capacity, now)


def _within_rate(pool: str, rate: int, capacity: limits.Capacity, now: datetime) -> bool:
    """Whether one more may start in this minute; last of the limits, since it is then counted as started."""
    later = rates.take(pool, rate, now)
    if later is None:
        return True
    capacity.closed[pool] = (later, rate)
    transaction.on_commit(partial(wake.due, later))
    return False


def _key_of(row: Mapping[str, Any]) -> tuple[str, int] | None:
    """The concurrency key of a claimed row with its limit; asked for, so that claims of others carry no more columns."""
    key, limit = fetch(
        "SELECT concurrency_key, concurrency_limit FROM runs_app_taskinstance WHERE id = %s", [row["id"]]
    )[0]
    return None if key is None else (key, limit)


def _within_own_limits(row: Mapping[str, Any], key: tuple[str, int] | None, occupied: limits.Occupied) -> bool:
    if key is not None and occupied.keys[key[0]] > key[1]:
        return False
    task = load_spec(row["version_id"]).tasks.get(row["task_id"])
    if task is None:
        return True
    here = occupied.tasks_of_run[row["run_id"], row["task_id"]]
    everywhere = occupied.tasks[row["dag_id"], row["task_id"]]
    if task.max_active_tis_per_dagrun is not None and here > task.max_active_tis_per_dagrun:
        return False
    return task.max_active_tis_per_dag is None or everywhere <= task.max_active_tis_per_dag


@retrying()
def claim_callback(claimer: Claimer, now: datetime) -> Callback | None:
    """Claim one callback that no attempt could run; it is tried three times at most."""
    with transaction.atomic():
        rows = fetch(
            "SELECT id FROM runs_app_callback WHERE done_at IS NULL AND (claimed_at IS NULL OR process_id IS NULL) "
            f"AND tries < 3 AND NOT on_triggerer ORDER BY id LIMIT 1{skip_locked()}"
        )
        if not rows:
            return None
        callback = Callback.objects.get(pk=rows[0][0])
        callback.process_id = claimer.process_pk
        callback.claimed_at = now
        callback.tries += 1
        callback.save(update_fields=["process", "claimed_at", "tries"])
        return callback


def ready(queues: Sequence[str]) -> dict[str, int]:
    """Return how many rows are ready in each of ``queues`` (or in all), for inviting."""
    where = f" AND t.queue IN ({placeholders(queues)})" if queues else ""
    rows = fetch(
        "SELECT t.queue, count(*) FROM runs_app_taskinstance t JOIN dags_app_dag d ON d.dag_id = t.dag_id "
        f"WHERE t.state = 'scheduled' AND NOT d.is_frozen{where} GROUP BY t.queue",
        list(queues),
    )
    return dict(rows)
