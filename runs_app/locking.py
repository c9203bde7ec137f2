"""What differs between SQLite and PostgreSQL about transactions and locks.

On SQLite every write transaction begins IMMEDIATE, so writers follow one another and no further lock
is needed; on PostgreSQL rows are taken with SKIP LOCKED and limits with advisory locks.
"""

from __future__ import annotations

import functools
import logging
import random
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections, connection, transaction
from django.utils import timezone

log = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")

PARAMETERS = 900
"""At most so many values in one IN list: SQLite builds may allow no more than 999 in a statement."""


def is_postgresql() -> bool:
    return connection.vendor == "postgresql"


def skip_locked() -> str:
    """The clause that takes rows which nobody else holds."""
    return " FOR UPDATE SKIP LOCKED" if is_postgresql() else ""


def db_now() -> datetime:
    """Return the time by the database's clock, which leases are measured by."""
    if not is_postgresql():
        return timezone.now()  # one machine: the database's clock is ours
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def lock_limit(name: str) -> None:
    """Hold the lock of a limit until the transaction ends, so that who counts next counts us in."""
    if is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def try_lock(name: str) -> bool:
    """Take a lock until the transaction ends unless somebody else holds it."""
    if not is_postgresql():
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])


def placeholders(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values))


def batches(values: Iterable[Any], size: int = PARAMETERS) -> Iterable[list[Any]]:
    """Cut ``values`` into lists that fit one statement."""
    batch: list[Any] = []
    for value in values:
        batch.append(value)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def is_passing(error: Exception) -> bool:
    """Whether doing the whole unit again may help: lost connection, deadlock, serialisation, lock wait."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    if state is None:  # SQLite, or a connection that could not be made
        return True
    return state[:2] in {"08", "40", "53", "57"} or state == "55P03"


def retrying(attempts: int = 8) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Run a whole idempotent unit of work again after an error that passes, with growing pauses.

    Not for use inside a transaction: there the outer unit is the one to repeat.
    """

    def decorate(unit: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(unit)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            for attempt in range(1, attempts + 1):
                try:
                    return unit(*args, **kwargs)
                except DatabaseError as error:
                    if connection.in_atomic_block or attempt == attempts or not is_passing(error):
                        raise
                    log.warning("database_retry unit=%s attempt=%d error=%s", unit.__name__, attempt, error)
                    close_broken()
                    time.sleep(min(5.0, 0.02 * 2**attempt) * random.uniform(0.5, 1.0))
            raise AssertionError("unreachable")

        return run

    return decorate


def close_broken() -> None:
    """Drop the connection if it does not answer, so that the next query opens a fresh one."""
    if connection.in_atomic_block:
        return
    connection.errors_occurred = True
    close_old_connections()


def atomic() -> transaction.Atomic:
    """A write transaction (IMMEDIATE on SQLite by settings); durable, so it is never nested by mistake."""
    return transaction.atomic()


def fetch(sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement that answers rows; times go in as they are and come out through :func:`moment`."""
    with _cursor() as cursor:
        cursor.execute(sql, _adapted(values))
        return cursor.fetchall()


def write(sql: str, values: Sequence[Any] = ()) -> int:
    """Run one statement that answers nothing; return how many rows it touched."""
    with _cursor() as cursor:
        cursor.execute(sql, _adapted(values))
        return cursor.rowcount


def _cursor() -> Any:
    """A cursor for the engine's own statements.

    Django's binds values on the client, so that PostgreSQL plans each statement anew. The same few
    statements make up the way from one task to the next: psycopg's own cursor lets the server keep their plans.
    """
    if not is_postgresql() or connection.force_debug_cursor:
        return connection.cursor()
    connection.ensure_connection()
    return _Prepared(connection.connection)


class _Prepared:
    """psycopg's server-side cursor, with Django's exceptions."""

    def __init__(self, raw: Any) -> None:
        import psycopg

        self.cursor = psycopg.Cursor(raw)
        self.rowcount = 0

    def __enter__(self) -> _Prepared:
        return self

    def __exit__(self, *error: object) -> None:
        self.cursor.close()

    def execute(self, sql: str, values: Sequence[Any]) -> None:
        with connection.wrap_database_errors:
            self.cursor.execute(sql, values, prepare=True)
        self.rowcount = self.cursor.rowcount

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.cursor.fetchall()


def _adapted(values: Sequence[Any]) -> list[Any]:
    if is_postgresql():
        return list(values)
    adapt = connection.ops.adapt_datetimefield_value
    return [adapt(value) if isinstance(value, datetime) else value for value in values]


def moment(value: Any) -> datetime | None:
    """A time column as :func:`fetch` gave it: SQLite keeps UTC as text."""
    if value is None:
        return None
    found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
