"""Many rows at once: COPY on PostgreSQL, one prepared INSERT on SQLite."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.core.management.color import no_style
from django.db import connection, models
from django.utils import timezone

from runs_app.locking import fetch, is_postgresql, write


def load(model: type[models.Model], names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert ``rows`` of the columns ``names``; the columns that are not named get the model's defaults."""
    known = {field.column: field for field in model._meta.concrete_fields}
    others = [column for column, field in known.items() if column not in names and not field.primary_key]
    fixed = tuple(_default(known[column]) for column in others)
    columns = [*names, *others]
    table = model._meta.db_table
    if is_postgresql():
        with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row + fixed)
        return
    connection.ensure_connection()
    marks = ", ".join("?" * len(columns))
    plain = tuple(map(_text, fixed))
    connection.connection.executemany(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})",
        (tuple(map(_text, row)) + plain for row in rows),
    )


def without_hurry() -> None:
    """Lift PostgreSQL's limits in this transaction: rows are made while they are sent, which takes as long as it takes."""
    if is_postgresql():
        write("SET LOCAL statement_timeout = 0")
        write("SET LOCAL idle_in_transaction_session_timeout = 0")


def next_pk(model: type[models.Model]) -> int:
    """The first primary key that is free; who uses it calls :func:`settle` in the end."""
    return int(fetch(f"SELECT COALESCE(max(id), 0) + 1 FROM {model._meta.db_table}")[0][0])


def settle(*used: type[models.Model]) -> None:
    """Let the database go on counting behind the keys that were given, and know how much there is of what."""
    for statement in connection.ops.sequence_reset_sql(no_style(), list(used)):
        write(statement)
    write("ANALYZE")


def as_json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _default(field: models.Field[Any, Any]) -> Any:
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return timezone.now()
    value = field.get_default()
    return as_json(value) if isinstance(field, models.JSONField) else value


def _text(value: Any) -> Any:
    """A value as Django keeps it in SQLite: times as text, in UTC and without a zone."""
    return str(value.astimezone(UTC).replace(tzinfo=None)) if isinstance(value, datetime) else value
