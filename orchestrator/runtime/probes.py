"""Whether what a connection names answers, by protocols that need no package; in a process of its own.

A probe says only what it has seen: that a port is open does not mean that login and password are right.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from orchestrator.sdk.connections import Connection

Answer = tuple[bool, str]
PORTS = {
    **{"ftp": 21, "ssh": 22, "sftp": 22, "smtp": 587, "imap": 993, "http": 80, "https": 443, "ldap": 389},
    **{"postgres": 5432, "mysql": 3306, "mssql": 1433, "oracle": 1521, "vertica": 5433, "trino": 8080, "presto": 8080},
    **{"redis": 6379, "mongo": 27017, "elasticsearch": 9200, "cassandra": 9042, "kafka": 9092, "jenkins": 8080},
}


def probe(connection: Connection, timeout: float) -> Answer:
    return PROBES.get(connection.conn_type, _port)(connection, timeout)


def _port(connection: Connection, timeout: float) -> Answer:
    """Whether something listens: all that can be seen without the package of the type."""
    kind, host = connection.conn_type, connection.host
    if not host:
        return (
            False,
            f"No package here can test connections of type {kind}, and without a host nothing else can be tried",
        )
    host = host.partition("://")[2] or host
    host, port = host.split("/")[0], connection.port or PORTS.get(kind)
    if ":" in host and not connection.port:
        host, _, given = host.rpartition(":")
        port = int(given) if given.isdigit() else port
    if not port:
        return (
            False,
            f"No package here can test connections of type {kind}, and without a port nothing else can be tried",
        )
    try:
        socket.create_connection((host, port), timeout).close()
    except OSError as error:
        return False, f"{host}:{port} does not answer: {_why(error)}"
    return (
        False,
        f"{host}:{port} answers. Nothing more was tried, as no package here can test connections of type {kind}",
    )


def _http(connection: Connection, timeout: float) -> Answer:
    """One GET of the address, with login and password where there are any; redirects are not followed."""
    import http.client
    from base64 import b64encode
    from urllib.parse import urlsplit

    host = connection.host or ""
    scheme = connection.schema or ("https" if connection.conn_type == "https" else "http")
    parts = urlsplit(host if "://" in host else f"{scheme}://{host}")
    if not parts.hostname or parts.scheme not in {"http", "https"}:
        return False, "The host must be a name, or an address that begins with http:// or https://"
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    client = kind(parts.hostname, connection.port or parts.port, timeout=timeout)
    headers = {}
    if connection.login or connection.password:
        pair = f"{connection.login or ''}:{connection.password or ''}".encode()
        headers["Authorization"] = f"Basic {b64encode(pair).decode()}"
    try:
        client.request("GET", parts.path or "/", headers=headers)
        answer = client.getresponse()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return False, f"{parts.scheme}://{parts.hostname} does not answer: {_why(error)}"
    finally:
        client.close()
    return answer.status < 400, f"It answered {answer.status} {answer.reason}"


def _smtp(connection: Connection, timeout: float) -> Answer:
    """Greets the mail server, over TLS unless told not to, and signs in where there is a login."""
    import smtplib

    extra, host = connection.extra_dejson, connection.host or ""
    port = connection.port or PORTS["smtp"]
    try:
        direct = not extra.get("disable_ssl") and port == 465
        with (smtplib.SMTP_SSL if direct else smtplib.SMTP)(host, port, timeout=timeout) as server:
            server.ehlo()
            if not direct and not extra.get("disable_tls"):
                server.starttls()
            if connection.login:
                server.login(connection.login, connection.password or "")
    except (OSError, smtplib.SMTPException) as error:
        return False, f"{host}:{port}: {_why(error)}"
    return True, f"{host}:{port} greets" + (" and takes login and password" if connection.login else "")


def _sqlite(connection: Connection, timeout: float) -> Answer:
    import sqlite3
    from urllib.parse import quote

    place = connection.host or ""
    if not os.path.isfile(place):
        return False, f"There is no file {place or 'named'}: the host is its path"
    try:
        opened = sqlite3.connect(f"file:{quote(place)}?mode=ro", uri=True, timeout=timeout)
        opened.execute("SELECT count(*) FROM sqlite_master").fetchone()
        opened.close()
    except sqlite3.Error as error:
        return False, f"{place}: {error}"
    return True, f"{place} is a SQLite database"


def _fs(connection: Connection, timeout: float) -> Answer:
    path = str(connection.extra_dejson.get("path") or "")
    if not path:
        return False, "The path is not set"
    if not os.path.exists(path):
        return False, f"There is nothing at {path}"
    return True, f"{path} is there"


def _why(error: Any) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return "no address is known for this name"
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


PROBES: dict[str, Callable[[Connection, float], Answer]] = {
    **{"http": _http, "https": _http, "smtp": _smtp, "sqlite": _sqlite, "fs": _fs},
}
