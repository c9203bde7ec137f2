"""Columns as the database can write them: times come as the text that clients read.

Made into Python's times and back again they were most of what a list of a hundred runs cost, and the grid of a year.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Func, QuerySet, TextField

Row = Mapping[str, Any]


class Written(Func):
    """A time in UTC as Airflow writes it: microseconds only where there are some, ``Z``."""

    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, Any]:
        # There a time is kept as "2026-01-31 12:00:00.5", in UTC.
        return super().as_sql(compiler, connection, template="REPLACE(%(expressions)s, ' ', 'T') || 'Z'", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, Any]:
        text = "TO_CHAR(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
        return super().as_sql(compiler, connection, template=f"REPLACE({text}, '.000000', '') || 'Z'", **extra)


def read(rows: QuerySet[Any], fields: Sequence[str], times: Sequence[str]) -> list[Row]:
    """Return columns of rows; those of ``times`` as text, under ``<name>_text``."""
    return list(rows.values(*fields, **{f"{name}_text": Written(name) for name in times}))
