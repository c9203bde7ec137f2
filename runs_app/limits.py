"""How many may run at once: pools, max_active_tasks, max_active_tis. Enforced exactly, when a slot claims.

A limit that cannot bind, because the worker slots alive could not ask for more than it allows, costs nothing. The
others are counted from the few running rows, and the claim that might reach one holds its lock until
it is committed, so that who counts next counts it in.

Whether a limit can bind is known from what was read a moment ago. So what makes one bind that did not before, a new slot
or the first task that asks a pool for more slots, must be known to all before anybody acts on it: it waits
:data:`SETTLED_SECONDS` once, in which every other claimer has read it and ended what it began before.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dags_app.models import Dag
from dags_app.versions import load_spec
from orchestrator.core.limits import can_fill
from orchestrator.core.spec import TaskSpec

from .locking import fetch, placeholders, send

TTL_SECONDS = 0.25
"""How long a slot may go by what it read of pools and of the slots alive."""
SETTLED_SECONDS = 0.5
"""After so long everybody has read it, and every claim that had not is committed."""

_LIVE = "SELECT count(*) FROM runs_app_process WHERE kind = 'slot' AND ended_at IS NULL"
_live: tuple[float, int] = (-1e9, 1)


def live_slots() -> int:
    """Return how many worker slots are alive, as counted a moment ago."""
    global _live
    if time.monotonic() - _live[0] > TTL_SECONDS:
        _live = (time.monotonic(), fetch(_LIVE)[0][0])
    return _live[1]


def announce(tasks: Iterable[TaskSpec]) -> None:
    """Before task instances exist that ask a pool for several slots: write down how many the heaviest asks for."""
    wanted: dict[str, int] = {}
    for task in tasks:
        if task.pool_slots > wanted.get(task.pool, 1):
            wanted[task.pool] = task.pool_slots
    if not wanted:
        return
    pools = sorted(wanted)
    known = dict(fetch(f"SELECT pool, heaviest FROM runs_app_poolweight WHERE pool IN ({placeholders(pools)})", pools))
    for pool in pools:
        if known.get(pool, 1) < wanted[pool]:
            send(
                "INSERT INTO runs_app_poolweight (pool, heaviest) VALUES (%s, %s) ON CONFLICT (pool) "
                "DO UPDATE SET heaviest = excluded.heaviest WHERE runs_app_poolweight.heaviest < excluded.heaviest",
                [pool, wanted[pool]],
            )


@dataclass(slots=True)
class PoolSize:
    """A pool as a claimer knows it."""

    slots: int
    include_deferred: bool
    heaviest: int  # the most that one task has ever asked for
    rate: int | None = None  # starts a minute
    settled: int = 1  # what everybody counts with
    settles_at: float = 0.0  # when they count with ``heaviest``

    def settle(self, before: PoolSize | None, now: float, patience: float) -> None:
        """Take over what was known of the pool before."""
        if before is not None and before.heaviest == self.heaviest:
            self.settled, self.settles_at = before.settled, before.settles_at
        else:
            self.settled = before.settled if before is not None else 1
            self.settles_at = now + patience
        if now >= self.settles_at:
            self.settled = self.heaviest

    def may_bind(self, live: int) -> bool:
        if self.rate is not None:
            return True
        return self.slots >= 0 and (self.include_deferred or can_fill(self.slots, live=live, heaviest=self.heaviest))

    def largest_allowed(self, live: int) -> int | None:
        """The most slots that a task may ask for just now; None where all count the pool, or it has no limit.

        More would make the pool one to be counted, and not everybody may have learnt that yet.
        """
        if self.slots < 0 or self.include_deferred or self.rate is not None:
            return None
        if can_fill(self.slots, live=live, heaviest=self.settled):
            return None
        return self.settled if self.may_bind(live) else self.heaviest


@dataclass(slots=True)
class Capacity:
    """Pools and live slots, as read a moment ago."""

    pools: dict[str, PoolSize] = field(default_factory=dict)
    slots: int = 1
    read_at: float = -1e9
    tight_until: float = -1e9  # a limit was reached lately: count before choosing
    patience: float = SETTLED_SECONDS
    closed: dict[str, tuple[datetime, int | None]] = field(
        default_factory=dict
    )  # pools whose rate is used up: until, rate

    def refresh(self) -> None:
        now = time.monotonic()
        if now - self.read_at < TTL_SECONDS:
            return
        rows = fetch(
            f"SELECT p.name, p.slots, p.include_deferred, p.rate_per_minute, COALESCE(w.heaviest, 1), ({_LIVE}) "
            "FROM dags_app_pool p LEFT JOIN runs_app_poolweight w ON w.pool = p.name"
        )
        before, self.pools = self.pools, {}
        for name, slots, include_deferred, rate, heaviest, live in rows:
            self.slots = live
            self.pools[name] = PoolSize(slots, bool(include_deferred), heaviest, rate)
            self.pools[name].settle(before.get(name), now, self.patience)
        self.read_at = now

    def may_bind(self, pool: str) -> bool:
        return self.pools[pool].may_bind(self.slots)

    def is_open(self, pool: str, now: datetime) -> bool:
        """Whether the pool's rate lets a task start, as far as is known."""
        until, rate = self.closed.get(pool, (now, None))
        return now >= until or self.pools[pool].rate != rate

    @property
    def is_old(self) -> bool:
        """Whether others may act by now on what we have not read: a claim that took so long has to count."""
        return time.monotonic() - self.read_at > SETTLED_SECONDS - TTL_SECONDS / 2

    @property
    def is_tight(self) -> bool:
        return time.monotonic() < self.tight_until


_COUNTED = "state, pool, pool_slots, run_id, dag_id, task_id, concurrency_key FROM runs_app_taskinstance WHERE"
_ACTIVE = (
    f"SELECT {_COUNTED} state = 'running' "
    f"UNION ALL SELECT {_COUNTED} limited AND state IN ('awaiting_input', 'deferred')"
)
"""What waits for a trigger or a person has begun: the limits of its task count it, as in Airflow, and no others do."""


@dataclass(slots=True)
class Occupied:
    """What is under way, counted from the running rows and from those that wait for a trigger or a person."""

    pools: dict[str, int] = field(default_factory=dict)
    runs: dict[int, int] = field(default_factory=dict)
    tasks: dict[tuple[str, str], int] = field(default_factory=dict)
    tasks_of_run: dict[tuple[int, str], int] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)


def count(capacity: Capacity) -> Occupied:
    """Count the slots in use."""
    found = Occupied()
    for state, pool, slots, run_pk, dag_id, task_id, key in fetch(_ACTIVE):
        found.tasks[dag_id, task_id] = found.tasks.get((dag_id, task_id), 0) + 1
        found.tasks_of_run[run_pk, task_id] = found.tasks_of_run.get((run_pk, task_id), 0) + 1
        if state != "running":
            continue
        if key is not None:
            found.keys[key] = found.keys.get(key, 0) + 1
        found.pools[pool] = found.pools.get(pool, 0) + slots
        found.runs[run_pk] = found.runs.get(run_pk, 0) + 1
    keeping = sorted(name for name, pool in capacity.pools.items() if pool.include_deferred and pool.slots >= 0)
    if keeping:
        rows = fetch(
            "SELECT pool, sum(pool_slots) FROM runs_app_taskinstance "
            f"WHERE state = 'deferred' AND pool IN ({placeholders(keeping)}) GROUP BY pool",
            keeping,
        )
        for pool, slots in rows:
            found.pools[pool] = found.pools.get(pool, 0) + int(slots)
    return found


@dataclass(slots=True)
class Barred:
    """What a claim must pass over because its limit is reached."""

    runs: set[int] = field(default_factory=set)
    tasks: set[tuple[str, str]] = field(default_factory=set)
    tasks_of_run: set[tuple[int, str]] = field(default_factory=set)

    def conditions(self, capacity: Capacity, occupied: Occupied, now: datetime) -> tuple[str, list[Any]]:
        """The SQL that keeps a claim within every limit; ``t`` is the task instance."""
        cases, values = [], []
        for name, pool in capacity.pools.items():
            cases.append("WHEN %s THEN t.pool_slots <= %s")
            room = 2**31 - 1 if pool.slots < 0 else pool.slots - occupied.pools.get(name, 0)
            if not capacity.is_open(name, now):
                room = 0
            largest = pool.largest_allowed(capacity.slots)
            values += [name, room if largest is None else min(room, largest)]
        # A task whose pool does not exist waits for it.
        parts = [f"(CASE t.pool {' '.join(cases)} ELSE (1 = 0) END)" if cases else "1 = 0"]
        if self.runs:
            parts.append(f"t.run_id NOT IN ({', '.join(['%s'] * len(self.runs))})")
            values += sorted(self.runs)
        for dag_id, task_id in sorted(self.tasks):
            parts.append("NOT (t.dag_id = %s AND t.task_id = %s)")
            values += [dag_id, task_id]
        for run_pk, task_id in sorted(self.tasks_of_run):
            parts.append("NOT (t.run_id = %s AND t.task_id = %s)")
            values += [run_pk, task_id]
        for key, running in sorted(occupied.keys.items()):
            parts.append("(t.concurrency_key IS NULL OR t.concurrency_key <> %s OR t.concurrency_limit > %s)")
            values += [key, running]
        return " AND ".join(parts), values


def barred(occupied: Occupied) -> Barred:
    """Work out which runs and tasks are at their limit."""
    found = Barred()
    if not occupied.tasks_of_run:
        return found
    most = dict(Dag.objects.filter(runs__in=list(occupied.runs)).values_list("runs__pk", "max_active_tasks"))
    runs = sorted({run_pk for run_pk, _ in occupied.tasks_of_run})
    versions = dict(fetch(f"SELECT id, version_id FROM runs_app_dagrun WHERE id IN ({placeholders(runs)})", runs))
    for run_pk, running in occupied.runs.items():
        if running >= most.get(run_pk, running + 1):
            found.runs.add(run_pk)
    for (run_pk, task_id), running in occupied.tasks_of_run.items():
        spec = load_spec(versions[run_pk]) if run_pk in versions else None
        task = spec.tasks.get(task_id) if spec else None
        if spec is None or task is None:
            continue
        if task.max_active_tis_per_dagrun is not None and running >= task.max_active_tis_per_dagrun:
            found.tasks_of_run.add((run_pk, task_id))
        everywhere = occupied.tasks[spec.dag_id, task_id]
        if task.max_active_tis_per_dag is not None and everywhere >= task.max_active_tis_per_dag:
            found.tasks.add((spec.dag_id, task_id))
    return found
