"""How many may run at once: pools, max_active_tasks, max_active_tis. Enforced exactly, when a slot claims.

A limit that cannot bind, because there are fewer worker slots alive than it allows, costs nothing. The
others are counted from the few running rows, and the claim that might reach one holds its lock until
it is committed, so that who counts next counts it in.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from dags_app.models import Dag
from dags_app.versions import load_spec

from .locking import fetch

TTL_SECONDS = 0.5
"""How long a slot may go by what it read of pools and of the slots alive; a new slot waits so long
before its first claim, so that everybody counts with it."""


_live: tuple[float, int] = (-1e9, 1)


def live_slots() -> int:
    """Return how many worker slots are alive, as counted a moment ago."""
    global _live
    if time.monotonic() - _live[0] > TTL_SECONDS:
        count = fetch("SELECT count(*) FROM runs_app_process WHERE kind = 'slot' AND ended_at IS NULL")[0][0]
        _live = (time.monotonic(), count)
    return _live[1]


@dataclass(slots=True)
class Capacity:
    """Pools and live slots, as read a moment ago."""

    pools: dict[str, tuple[int, bool]] = field(default_factory=dict)  # name -> (slots, include_deferred)
    slots: int = 1
    heaviest: int = 1
    read_at: float = -1e9
    tight_until: float = -1e9  # a limit was reached lately: count before choosing

    def refresh(self) -> None:
        if time.monotonic() - self.read_at < TTL_SECONDS:
            return
        rows = fetch("SELECT name, slots, include_deferred FROM dags_app_pool")
        self.pools = {name: (slots, bool(deferred)) for name, slots, deferred in rows}
        self.slots = live_slots()
        self.heaviest = fetch(
            "SELECT COALESCE(max(pool_slots), 1) FROM runs_app_taskinstance WHERE state IN ('scheduled', 'running')"
        )[0][0]
        self.read_at = time.monotonic()

    def may_bind(self, pool: str) -> bool:
        slots, include_deferred = self.pools[pool]
        return slots >= 0 and (include_deferred or slots < self.slots * self.heaviest)

    @property
    def is_tight(self) -> bool:
        return time.monotonic() < self.tight_until or any(self.may_bind(pool) for pool in self.pools)


@dataclass(slots=True)
class Occupied:
    """What runs now, counted from the running (and where pools ask, deferred) rows."""

    pools: dict[str, int] = field(default_factory=dict)
    runs: dict[int, int] = field(default_factory=dict)
    tasks: dict[tuple[str, str], int] = field(default_factory=dict)
    tasks_of_run: dict[tuple[int, str], int] = field(default_factory=dict)


def count(capacity: Capacity) -> Occupied:
    """Count the slots in use."""
    states = ["running"]
    if any(deferred for _, deferred in capacity.pools.values()):
        states.append("deferred")
    found = Occupied()
    marks = ", ".join(["%s"] * len(states))
    rows = fetch(
        f"SELECT state, pool, pool_slots, run_id, dag_id, task_id FROM runs_app_taskinstance WHERE state IN ({marks})",
        states,
    )
    for state, pool, slots, run_pk, dag_id, task_id in rows:
        if state == "running" or capacity.pools.get(pool, (0, False))[1]:
            found.pools[pool] = found.pools.get(pool, 0) + slots
        if state == "running":
            found.runs[run_pk] = found.runs.get(run_pk, 0) + 1
            found.tasks[dag_id, task_id] = found.tasks.get((dag_id, task_id), 0) + 1
            found.tasks_of_run[run_pk, task_id] = found.tasks_of_run.get((run_pk, task_id), 0) + 1
    return found


@dataclass(slots=True)
class Barred:
    """What a claim must pass over because its limit is reached."""

    runs: set[int] = field(default_factory=set)
    tasks: set[tuple[str, str]] = field(default_factory=set)
    tasks_of_run: set[tuple[int, str]] = field(default_factory=set)

    def conditions(self, capacity: Capacity, occupied: Occupied) -> tuple[str, list[Any]]:
        """The SQL that keeps a claim within every limit; ``t`` is the task instance."""
        cases, values = [], []
        for pool, (slots, _) in capacity.pools.items():
            cases.append("WHEN %s THEN t.pool_slots <= %s")
            values += [pool, 2**31 - 1 if slots < 0 else slots - occupied.pools.get(pool, 0)]
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
        return " AND ".join(parts), values


def barred(occupied: Occupied) -> Barred:
    """Work out which runs and tasks are at their limit."""
    found = Barred()
    if not occupied.runs:
        return found
    most = dict(Dag.objects.filter(runs__in=list(occupied.runs)).values_list("runs__pk", "max_active_tasks"))
    versions = dict(
        fetch(
            f"SELECT id, version_id FROM runs_app_dagrun WHERE id IN ({', '.join(['%s'] * len(occupied.runs))})",
            sorted(occupied.runs),
        )
    )
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
