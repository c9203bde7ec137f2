"""How long the tasks of earlier runs took, as :mod:`orchestrator.core.forecast` learns from it.

A run that succeeded changes no more until somebody clears it, and then ends anew: so what was read of it is kept, in
each process, and a forecast reads the newest run at most.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from orchestrator.core.forecast import Past, Taken

from .locking import batches, fetch, placeholders, seconds

LEARNED_FROM, AT_LEAST = 30, 10
"""Successful runs of a DAG, the newest: what was long ago says little of today. Of large DAGs fewer, as they are read."""
MOST_READ = 20_000
"""Tasks of earlier runs of one DAG."""
MOST_KEPT = 200_000
"""Tasks of earlier runs that are kept in a process."""
Key = tuple[int, str]
"""A run, and when it ended."""


def of_dags(sizes: Mapping[str, int]) -> dict[str, list[Past]]:
    """Return the last successful runs of each DAG, newest first; ``sizes``: how many tasks each has.

    Three statements at most, nearly always one.
    """
    names = sorted(sizes)
    rows = fetch(
        "SELECT dag_id, id, ended_at, place FROM (SELECT dag_id, id, ended_at, run_after, row_number() OVER (PARTITION BY dag_id "
        f"ORDER BY run_after DESC, id DESC) AS place FROM runs_app_dagrun WHERE dag_id IN ({placeholders(names)}) "
        f"AND state = 'success' AND started_at IS NOT NULL) r WHERE place <= {LEARNED_FROM} ORDER BY dag_id, place",
        names,
    )
    most = {name: max(AT_LEAST, MOST_READ // max(size, 1)) for name, size in sizes.items()}
    rows = [row for row in rows if row[3] <= most[row[0]]]
    keys = [(run_pk, str(ended_at)) for _, run_pk, ended_at, _ in rows]
    there = _kept.get(keys)
    missing = [key for key in keys if key not in there]
    if missing:
        read = _read([run_pk for run_pk, _ in missing])
        found = {key: read.get(key[0], {}) for key in missing}
        _kept.put(found)
        there |= found
    runs: dict[str, list[Past]] = {name: [] for name in names}
    for (dag_id, *_), key in zip(rows, keys, strict=True):
        runs[dag_id].append(there[key])
    return runs


def _read(run_pks: Collection[int]) -> dict[int, Past]:
    found: dict[int, dict[str, Taken]] = {}
    for batch in batches(run_pks):
        again = _before_last_attempt(batch)
        for run_pk, task_id, ran, took, longest, skipped in _rows(batch):
            if ran:
                more, most = again.get((run_pk, task_id), (0.0, 0.0))
                found.setdefault(run_pk, {})[task_id] = Taken(ran, float(took + more), float(longest + most))
            elif skipped:
                found.setdefault(run_pk, {})[task_id] = Taken(0, 0.0, 0.0)
    return found


def _rows(run_pks: list[int]) -> list[tuple[Any, ...]]:
    """Count and measure the instances of each task where they lie: there may be ten thousand of one."""
    took = seconds("ended_at", "started_at")
    ran = "started_at IS NOT NULL AND state IN ('success', 'failed')"
    return fetch(
        f"SELECT run_id, task_id, sum(CASE WHEN {ran} THEN 1 ELSE 0 END), sum(CASE WHEN {ran} THEN {took} ELSE 0 END), "
        f"max(CASE WHEN {ran} THEN {took} ELSE 0 END), "
        "sum(CASE WHEN state IN ('skipped', 'upstream_failed', 'removed') THEN 1 ELSE 0 END) "
        f"FROM runs_app_taskinstance WHERE run_id IN ({placeholders(run_pks)}) GROUP BY run_id, task_id",
        run_pks,
    )


def _before_last_attempt(run_pks: list[int]) -> Mapping[tuple[int, str], tuple[float, float]]:
    """What tries, pokes and waits for triggers before the last attempt took: in all, and at most of one instance."""
    extra = seconds("t.started_at", "min(a.started_at)")
    rows = fetch(
        f"SELECT run_id, task_id, sum(extra), max(extra) FROM (SELECT t.run_id, t.task_id, {extra} AS extra "
        "FROM runs_app_taskinstance t JOIN runs_app_attempt a ON a.task_instance_id = t.id AND a.generation = t.generation "
        f"WHERE t.run_id IN ({placeholders(run_pks)}) AND t.token > 1 AND t.started_at IS NOT NULL "
        "GROUP BY t.id, t.run_id, t.task_id, t.started_at) e GROUP BY run_id, task_id",
        run_pks,
    )
    return {(run_pk, task_id): (float(total), float(most)) for run_pk, task_id, total, most in rows}


class _Kept:
    """Earlier runs; those that nobody asked for longest go first."""

    def __init__(self) -> None:
        self.found: OrderedDict[Key, Past] = OrderedDict()
        self.size = 0
        self.lock = threading.Lock()

    def get(self, keys: Iterable[Key]) -> dict[Key, Past]:
        with self.lock:
            found = {key: self.found[key] for key in keys if key in self.found}
            for key in found:
                self.found.move_to_end(key)
            return found

    def put(self, runs: Mapping[Key, Past]) -> None:
        with self.lock:
            for key, run in runs.items():
                if key not in self.found:
                    self.found[key] = run
                    self.size += len(run)
            while self.size > MOST_KEPT:
                self.size -= len(self.found.popitem(last=False)[1])

    def clear(self) -> None:
        with self.lock:
            self.found.clear()
            self.size = 0


_kept = _Kept()
forget = _kept.clear


def usual_seconds(pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """Return how long each of these tasks of any DAG took lately, on average over its last instances; one statement."""
    if not pairs:
        return {}
    one = (
        f"SELECT * FROM (SELECT dag_id, task_id, {seconds('ended_at', 'started_at')} AS took FROM runs_app_taskinstance "
        "WHERE dag_id = %s AND task_id = %s AND state = 'success' AND started_at IS NOT NULL "
        "ORDER BY run_id DESC LIMIT 5) s{at}"
    )
    sql = " UNION ALL ".join(one.replace("{at}", str(at)) for at in range(len(pairs)))
    rows = fetch(
        f"SELECT dag_id, task_id, avg(took) FROM ({sql}) u GROUP BY dag_id, task_id",
        [each for pair in pairs for each in pair],
    )
    return {(dag_id, task_id): max(float(took), 0.0) for dag_id, task_id, took in rows}
