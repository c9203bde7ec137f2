"""A metadata database of Airflow, opened for reading by the address that Airflow itself has for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .found import Unreadable

TIMEOUT_SECONDS = 15
SCHEMES = "sqlite:///..., postgresql://... and mysql://..."


class Source:
    """Plain reading of tables; which columns there are differs from version to version."""

    def __init__(self, connection: Any, error: type[Exception], quote: str) -> None:
        self.connection, self.error, self.quote = connection, error, quote
        self._columns: dict[str, list[str]] = {}

    def columns(self, table: str) -> list[str]:
        """The names of a table's columns, none where there is no such table."""
        if table not in self._columns:
            cursor = self.connection.cursor()
            try:
                cursor.execute(f"SELECT * FROM {self.name(table)} WHERE 1 = 0")
                self._columns[table] = [each[0] for each in cursor.description]
            except self.error:
                self._columns[table] = []
            finally:
                cursor.close()
        return self._columns[table]

    def name(self, text: str) -> str:
        return f"{self.quote}{text}{self.quote}"

    def select(self, table: str, wanted: tuple[str, ...], rest: str = "") -> Iterator[dict[str, Any]]:
        """Yield rows with the wanted columns, None for those that this version does not have."""
        there = [each for each in wanted if each in self.columns(table)]
        names = ", ".join(map(self.name, there))
        for row in self.query(f"SELECT {names} FROM {self.name(table)} {rest}"):
            yield {**dict.fromkeys(wanted), **dict(zip(there, row, strict=True))}

    def count(self, table: str, rest: str = "") -> int:
        if not self.columns(table):
            return 0
        return int(next(self.query(f"SELECT COUNT(*) FROM {self.name(table)} {rest}"))[0])

    def query(self, sql: str) -> Iterator[tuple[Any, ...]]:
        cursor = self.connection.cursor()
        try:
            cursor.execute(sql)
            yield from cursor
        finally:
            cursor.close()

    def close(self) -> None:
        self.connection.close()


def moment(value: Any) -> datetime | None:
    """A time as the database gave it: SQLite has text, MySQL a time without its zone; all are UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def connect(url: str) -> Source:
    """Open a database.

    Raises:
        Unreadable: the address cannot be understood, or nothing answers there; its password is not told.
    """
    scheme = url.partition(":")[0].partition("+")[0].lower()
    opener = {"sqlite": _sqlite, "postgresql": _postgresql, "postgres": _postgresql, "mysql": _mysql}.get(scheme)
    if opener is None:
        raise Unreadable(f"the database's address must be one of {SCHEMES}")
    return opener(url)


def _sqlite(url: str) -> Source:
    import sqlite3

    path = Path(unquote(url.partition(":///")[2].partition("?")[0]))
    if not path.is_file():
        raise Unreadable(f"there is no database {path}")
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=TIMEOUT_SECONDS)
        connection.execute("SELECT name FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.Error as error:
        raise Unreadable(f"{path} cannot be read: {error}") from error
    return Source(connection, sqlite3.Error, '"')


def _postgresql(url: str) -> Source:
    import psycopg

    address = "postgresql:" + url.partition(":")[2]
    try:
        connection = psycopg.connect(address, autocommit=True, connect_timeout=TIMEOUT_SECONDS)
        connection.execute("SET default_transaction_read_only = on")
    except psycopg.Error as error:
        reason = str(error).splitlines()[0] if "password" not in str(error).lower() else "it refuses the password"
        raise Unreadable(f"{_place(url)} cannot be reached: {reason}") from None
    return Source(connection, psycopg.Error, '"')


def _mysql(url: str) -> Source:
    try:
        import pymysql
    except ImportError as error:
        raise Unreadable("reading MySQL needs a driver: pip install 'orchestrator[mysql]'") from error
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    try:
        connection = pymysql.connect(
            host=parts.hostname or "localhost",
            port=parts.port or 3306,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=unquote(parts.path.lstrip("/")),
            charset="utf8mb4",
            unix_socket=options.get("unix_socket"),
            connect_timeout=TIMEOUT_SECONDS,
            autocommit=True,
        )
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
    except pymysql.Error as error:
        number = error.args[0] if error.args else ""
        raise Unreadable(f"{_place(url)} cannot be reached: MySQL says {number}") from None
    return Source(connection, pymysql.Error, "`")


def _place(url: str) -> str:
    """An address without who and with what: it may stand in a log."""
    parts = urlsplit(url)
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.scheme.partition('+')[0]}://{parts.hostname or ''}{port}{parts.path}"
