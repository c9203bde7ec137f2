"""What differs between SQLite and PostgreSQL about transactions and locks.

On SQLite every write transaction begins IMMEDIATE, so writers follow one another and no further lock
is needed; on PostgreSQL rows are taken with SKIP LOCKED and limits with advisory locks.
"""

from __future__ import annotations

import functools
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    connections,
)
from django.db.models import (
    BigIntegerField,
    BooleanField,
    CharField,
    ForeignKey,
    IntegerField,
    Model,
    SmallIntegerField,
    TextField,
)
from django.utils import timezone

log = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")

TURN_SECONDS = 10.0
PARAMETERS = 900
"""At most so many values in one IN list: SQLite builds may allow no more than 999 in a statement."""


def is_postgresql() -> bool:
    return bool(connections[DEFAULT_DB_ALIAS].vendor == "postgresql")


def skip_locked() -> str:
    """The clause that takes rows which nobody else holds."""
    return " FOR UPDATE SKIP LOCKED" if is_postgresql() else ""


def for_update() -> str:
    """The clause that holds rows until the transaction ends, waiting for them; who refers to them need not wait."""
    return " FOR NO KEY UPDATE" if is_postgresql() else ""


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


def send(sql: str, values: Sequence[Any] = ()) -> Any:
    """Run one statement of the engine's own and return the driver's cursor behind it.

    The way from one task to the next is a few small statements, so they go to the driver directly: Django's
    cursor would bind values on the client (PostgreSQL then plans each statement anew) and costs more than they do.
    """
    django = connections[DEFAULT_DB_ALIAS]
    if django.force_debug_cursor or django.needs_rollback or django.connection is None:
        cursor = django.cursor()  # opens the connection, refuses a broken transaction, records for tests
        cursor.execute(sql, _adapted(django, values))
        return cursor
    with django.wrap_database_errors:
        if django.vendor == "postgresql":
            cursor = _prepared_cursor()(django.connection)
            cursor.execute(sql, values, prepare=True)
        else:
            cursor = django.connection.execute(_marks(sql), _adapted(django, values))
            if cursor.description is None:
                cursor.close()
    return cursor


def fetch(sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement and return the rows it answers; times come out through :func:`moment`."""
    cursor = send(sql, values)
    with connections[DEFAULT_DB_ALIAS].wrap_database_errors:
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    cursor.close()
    return rows


def write(sql: str, values: Sequence[Any] = ()) -> int:
    """Run one statement that answers nothing; return how many rows it touched."""
    return int(send(sql, values).rowcount)


@functools.cache
def _prepared_cursor() -> Any:
    """psycopg's own cursor, which lets the server keep plans."""
    import psycopg

    return psycopg.Cursor


@functools.lru_cache(maxsize=1024)
def _marks(sql: str) -> str:
    """A statement with SQLite's placeholders."""
    return sql.replace("%s", "?").replace("%%", "%")


def _adapted(django: Any, values: Sequence[Any]) -> Sequence[Any]:
    """SQLite keeps times as text, in UTC and without a zone, as Django writes them."""
    if django.vendor == "postgresql":
        return values
    return [
        str(value.astimezone(UTC).replace(tzinfo=None)) if isinstance(value, datetime) else value for value in values
    ]


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


def insert(row: Model) -> int | None:
    """Insert a new row past the ORM; return its primary key, None where a unique key is taken.

    The ORM needs a savepoint to say so, and of three statements each is a way to the server and back.
    """
    into, columns = _insert_of(type(row))
    key = row._meta.pk.column
    found = fetch(f"{into} ({placeholders(columns)}) ON CONFLICT DO NOTHING RETURNING {key}", _values(row, columns))
    row.pk = found[0][0] if found else None
    return row.pk


def insert_few(rows: Sequence[Model], returning: Sequence[str]) -> list[tuple[Any, ...]]:
    """Insert a handful of new rows of one model past the ORM, in one statement; return these columns of them, in any order."""
    into, columns = _insert_of(type(rows[0]))
    marks = ", ".join([f"({placeholders(columns)})"] * len(rows))
    values = [value for row in rows for value in _values(row, columns)]
    return fetch(f"{into} {marks} RETURNING {', '.join(returning)}", values)


@functools.cache
def _insert_of(model: type[Model]) -> tuple[str, list[tuple[Any, Any]]]:
    columns = [column for column in model._meta.concrete_fields if not column.primary_key]
    names = ", ".join(f'"{column.column}"' for column in columns)
    return f"INSERT INTO {model._meta.db_table} ({names}) VALUES", [(each, _PLAIN.get(type(each))) for each in columns]


_PLAIN = {
    **dict.fromkeys((CharField, TextField), (str, type(None))),
    **dict.fromkeys((IntegerField, BigIntegerField, SmallIntegerField), (int, type(None))),
    BooleanField: (bool,),
    ForeignKey: (int, str, type(None)),
}
"""Fields that keep values of these types as they are: to ask each column for that took as long as the statement."""


def _values(row: Model, columns: list[tuple[Any, Any]]) -> list[Any]:
    django = connections[DEFAULT_DB_ALIAS]
    values = []
    for column, plain in columns:
        if plain is None or type(value := getattr(row, column.attname)) not in plain:
            value = column.get_db_prep_save(column.pre_save(row, True), django)
        values.append(value)
    return values


_turns = [threading.Lock() for _ in range(64)]


def _fresh_turns() -> None:
    global _turns
    _turns = [threading.Lock() for _ in _turns]  # whoever held one is not in the child


os.register_at_fork(after_in_child=_fresh_turns)


@contextmanager
def turn(name: str) -> Iterator[None]:
    """Have the threads of this process that will wait for one row's lock wait here; around a transaction, never inside.

    A thread that waits for the database wakes up for each of its few statements among all others, and holds the lock
    meanwhile. On SQLite, where all wait for one writer, who finds it busy sleeps for up to a tenth of a second, again and
    again: of eight threads one waited for half a second. After the time that the database itself would have one wait it is
    left to the database to say that it is too busy.
    """
    if connection.in_atomic_block:
        yield
        return
    lock = _turns[hash(name) % len(_turns) if is_postgresql() else 0]
    held = lock.acquire(timeout=TURN_SECONDS)
    try:
        yield
    finally:
        if held:
            lock.release()


def seconds(later: str, earlier: str) -> str:
    """The SQL for the seconds between two time columns; SQLite tells them to the millisecond."""
    if is_postgresql():
        return f"EXTRACT(EPOCH FROM {later} - {earlier})::float8"
    return f"((julianday({later}) - julianday({earlier})) * 86400.0)"


def whole(number: str) -> str:
    """The SQL for a number without its fraction: a cast rounds on PostgreSQL and cuts on SQLite."""
    return f"CAST(trunc({number}) AS integer)" if is_postgresql() else f"CAST({number} AS integer)"


def moment(value: Any) -> datetime | None:
    """A time column as :func:`fetch` gave it: SQLite keeps UTC as text."""
    if value is None:
        return None
    found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
