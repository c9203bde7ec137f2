"""Looking into an installation's database from outside: plain SQL on a connection that is none of the product's."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import psycopg


class Observer:
    """Reads with a fresh connection each time, so that a database that was cut off costs one question, not the test."""

    def __init__(self, database_url: str) -> None:
        self.url = database_url
        self.is_postgresql = not database_url.startswith("sqlite")

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement with ``?`` for its values."""
        if self.is_postgresql:
            with psycopg.connect(
                self.url, connect_timeout=5, autocommit=True, application_name="observer"
            ) as connection:
                return connection.execute(sql.replace("?", "%s").encode(), values).fetchall()
        connection = sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=10)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def one(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Return the only value of the first row; None where there is none."""
        found = self.rows(sql, values)
        return found[0][0] if found else None

    def pids(self, kind: str) -> dict[int, int]:
        """Return the processes of a kind that are not known to have ended: their rows and their pids."""
        return dict(self.rows("SELECT id, pid FROM runs_app_process WHERE kind = ? AND ended_at IS NULL", [kind]))

    def cut_connections(self) -> int:
        """End every connection of the product's to PostgreSQL; return how many there were."""
        return len(
            self.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'orchestrator'"
            )
        )
