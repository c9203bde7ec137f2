"""What must hold in every committed state of the database (safety), and soon after time made it due (liveness).

Each rule is one read-only query that returns the rows that break it: a sentence a row. Nothing here mends anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from runs_app.locking import fetch, is_postgresql

from . import assets, attempts, belongings, holds, limits, liveness, runs, states
from .rule import Rule

__all__ = ["MOST", "RULES", "Broken", "Rule", "check"]

MOST = 20
"""So many broken rows of a rule are listed."""
RULES: tuple[Rule, ...] = (
    *attempts.RULES,
    *states.RULES,
    *runs.RULES,
    *limits.RULES,
    *belongings.RULES,
    *assets.RULES,
    *holds.RULES,
    *liveness.RULES,
)


@dataclass(slots=True)
class Broken:
    """A rule that does not hold, and rows that show it."""

    rule: str
    says: str
    rows: list[str] = field(default_factory=list)


def check(now: datetime, *, since: datetime | None = None, liveness: bool = True) -> list[Broken]:
    """Return the rules that do not hold, in one snapshot of the database.

    ``now`` is by the database's clock. With ``since`` only task instances that changed from then on are looked
    at where a rule can be narrowed so. ``liveness`` False: leave out what holds only while processes run.
    """
    found = []
    with _one_snapshot():
        for rule in RULES:
            if rule.liveness and not liveness:
                continue
            rows = [str(text) for (text,) in _ask(rule, now, since)]
            if rows:
                found.append(Broken(rule.name, rule.says, rows))
    return found


@contextmanager
def _one_snapshot() -> Iterator[None]:
    """Let all rules see the same state, without keeping anybody from writing."""
    if connection.in_atomic_block:
        yield
        return
    fetch("SELECT 1")  # connects
    with connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if is_postgresql() else "BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def _ask(rule: Rule, now: datetime, since: datetime | None) -> Iterator[tuple[Any, ...]]:
    values = list(rule.values(now))
    sql = rule.sql
    if "{since}" in sql:
        parts = sql.split("{since}")
        narrowed = " AND t.updated_at >= %s" if since is not None else ""
        for number in range(len(parts) - 1):
            if since is not None:
                values.insert(parts[number].count("%s") + number, since)
        sql = narrowed.join(parts)
    yield from fetch(f"{sql} LIMIT {MOST}", values)
