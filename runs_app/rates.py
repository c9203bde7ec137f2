"""Pools with a rate: so many starts in any minute. Each start is written down for as long as it counts."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from orchestrator.core.limits import MINUTE, opens_at

from .locking import fetch, moment, send


def take(pool: str, rate: int, now: datetime) -> datetime | None:
    """Start one more in the pool, whose lock the caller holds; or return when the next may start, and write nothing."""
    later = opening(pool, rate, now)
    if later is None:
        send("DELETE FROM runs_app_poolstart WHERE pool = %s AND at <= %s", [pool, now - MINUTE])
        send("INSERT INTO runs_app_poolstart (pool, at) VALUES (%s, %s)", [pool, now])
    return later


def opening(pool: str, rate: int, now: datetime) -> datetime | None:
    """Return when the pool lets the next one start; None where it may now."""
    rows = fetch(
        "SELECT at FROM runs_app_poolstart WHERE pool = %s AND at > %s ORDER BY at DESC LIMIT %s",
        [pool, now - MINUTE, rate],
    )
    return opens_at([moment(at) for (at,) in rows], rate, now)  # type: ignore[misc]


def waiting(now: datetime) -> list[tuple[str, str, int, datetime | None]]:
    """Return (pool, queue, ready task instances, when the rate lets the next start) where tasks wait in such pools."""
    pools = fetch("SELECT name, rate_per_minute FROM dags_app_pool WHERE rate_per_minute IS NOT NULL")
    found = []
    for pool, rate in pools:
        rows = fetch(
            "SELECT t.queue, count(*) FROM runs_app_taskinstance t JOIN dags_app_dag d ON d.dag_id = t.dag_id "
            "WHERE t.state = 'scheduled' AND t.pool = %s AND NOT d.is_frozen GROUP BY t.queue",
            [pool],
        )
        if rows:
            later = opening(pool, rate, now)
            found += [(pool, queue, count, later) for queue, count in rows]
    return found


def next_opening(after: datetime) -> datetime | None:
    """Return the first instant past ``after`` at which a rate lets a task start that waits for it."""
    return min((later for _, _, _, later in waiting(after) if later is not None), default=None)


def just_open(now: datetime) -> Counter[str]:
    """Return for how many tasks, by queue, somebody should look because their pool's rate lets one start."""
    ready: Counter[str] = Counter()
    for _, queue, _, later in waiting(now):
        if later is None:
            ready[queue] += 1
    return ready
