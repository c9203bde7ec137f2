"""What differs between SQLite and PostgreSQL about transactions and locks.

On SQLite every write transaction begins IMMEDIATE, so writers follow one another and no further lock
is needed; on PostgreSQL rows are taken with SKIP LOCKED and limits with advisory locks.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
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


class Sent:
    """The answer of one statement, read when it is first asked for: inside :func:`pipelined` it may still be under way."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        with connection.wrap_database_errors:
            return self._cursor.fetchall()

    @property
    def count(self) -> int:
        """How many rows the statement touched."""
        if self._cursor.rowcount < 0:
            with connection.wrap_database_errors, contextlib.suppress(_no_rows()):
                self._cursor.fetchone()  # takes the answer in, and then has no row to give
        return int(self._cursor.rowcount)


def send(sql: str, values: Sequence[Any] = ()) -> Sent:
    """Run one statement of the engine's own; times go in as they are and come out through :func:`moment`.

    Django's cursor binds values on the client, so that PostgreSQL plans each statement anew. The same few
    statements make up the way from one task to the next: psycopg's own cursor lets the server keep their plans.
    """
    if not is_postgresql() or connection.force_debug_cursor:
        cursor = connection.cursor()
        cursor.execute(sql, _adapted(values))
        return Sent(_Read(cursor))
    connection.ensure_connection()
    raw = _prepared_cursor()(connection.connection)
    with connection.wrap_database_errors:
        raw.execute(sql, values, prepare=True)
    return Sent(raw)


class _Read:
    """What an ordinary cursor answered, taken at once so that it can be closed."""

    def __init__(self, cursor: Any) -> None:
        self._rows = cursor.fetchall() if cursor.description else []
        self.rowcount = cursor.rowcount
        cursor.close()

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows


@functools.cache
def _prepared_cursor() -> Any:
    import psycopg

    return psycopg.Cursor


def _no_rows() -> type[Exception]:
    import psycopg

    return psycopg.ProgrammingError


def fetch(sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement and return the rows it answers."""
    return send(sql, values).rows


def write(sql: str, values: Sequence[Any] = ()) -> int:
    """Run one statement that answers nothing; return how many rows it touched."""
    return send(sql, values).count


def change(
    update: str, values: Sequence[Any], columns: Sequence[str], *also: tuple[str, Sequence[Any]]
) -> list[tuple[Any, ...]]:
    """Run an UPDATE and the statements that record it; return ``columns`` of the rows it touched.

    ``also`` are INSERTs or UPDATEs that read those columns from a table ``changed``. On PostgreSQL all is one
    statement; SQLite has no writing WITH, so there the rows come back and go in again.
    """
    returning = f"{update} RETURNING {', '.join(columns)}"
    if is_postgresql():
        names = [column.rpartition(" AS ")[2] for column in columns]
        parts = [f"changed AS ({returning})", *(f"also{at} AS ({sql})" for at, (sql, _) in enumerate(also))]
        more = [value for _, each in also for value in each]
        return fetch(f"WITH {', '.join(parts)} SELECT {', '.join(names)} FROM changed", [*values, *more])
    rows = fetch(returning, values)
    names = [column.rpartition(" AS ")[2] for column in columns]
    for batch in batches(rows, max(1, PARAMETERS // len(names) - 1)):
        marks = ", ".join([f"({placeholders(names)})"] * len(batch))
        given = [value for row in batch for value in row]
        for sql, each in also:
            send(f"WITH changed ({', '.join(names)}) AS (VALUES {marks}) {sql}", [*given, *each])
    return rows


@contextmanager
def pipelined() -> Iterator[None]:
    """Inside, statements that nobody reads the answer of travel with the next one that somebody does.

    On PostgreSQL a round trip costs more than most of our statements. An error of a statement shows at the next
    answer, or at the end of the block, which is inside the transaction that it spoils.
    """
    if not is_postgresql() or connection.force_debug_cursor:
        yield
        return
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


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
