"""Where secrets may be kept besides the database: the base of backends, and one that reads files.

Backends are asked by the server, never in a task's process.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from .connections import FIELDS, Connection, connection_from_text
from .exceptions import AirflowException


class BaseSecretsBackend:
    """Base of backends. Override ``get_conn_value`` and ``get_variable``; None means that it has none."""

    @staticmethod
    def build_path(path_prefix: str, secret_id: str, sep: str = "/") -> str:
        return f"{path_prefix}{sep}{secret_id}"

    def get_conn_value(self, conn_id: str) -> str | None:
        """Return a connection as text: an address, or a JSON object of its fields."""
        return None

    def deserialize_connection(self, conn_id: str, value: str) -> Connection:
        return connection_from_text(conn_id, value.strip())

    def get_connection(self, conn_id: str) -> Any:
        value = self.get_conn_value(conn_id=conn_id)
        return None if value is None else self.deserialize_connection(conn_id, value)

    def get_variable(self, key: str) -> str | None:
        return None

    def get_config(self, key: str) -> str | None:
        return None


class LocalFilesystemBackend(BaseSecretsBackend):
    """Connections and variables from files: ``.json``, ``.yaml``, ``.yml`` or ``.env``; read anew when they change."""

    def __init__(
        self,
        variables_file_path: str | None = None,
        connections_file_path: str | None = None,
        configs_file_path: str | None = None,
    ) -> None:
        self.variables_file, self.connections_file = variables_file_path, connections_file_path
        self._read: dict[str, tuple[Any, dict[str, Any]]] = {}

    def get_variable(self, key: str) -> str | None:
        found = self._content(self.variables_file).get(key)
        return found if found is None or isinstance(found, str) else json.dumps(found)

    def get_connection(self, conn_id: str) -> Connection | None:
        found = self._content(self.connections_file).get(conn_id)
        return None if found is None else _connection(conn_id, found)

    def _content(self, path: str | None) -> dict[str, Any]:
        if not path:
            return {}
        status = os.stat(path)
        mark = (status.st_mtime_ns, status.st_size, status.st_ino)
        kept = self._read.get(path)
        if kept is None or kept[0] != mark:
            kept = self._read[path] = (mark, read_file(path))
        return kept[1]


def read_file(path: str) -> dict[str, Any]:
    """Return the entries of a secrets file by name.

    Raises:
        AirflowException: another ending, or content that is not what the ending says; nothing of it is told.
    """
    ending = os.path.splitext(path)[1].lower()
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if ending == ".env":
        return _env(path, text)
    try:
        if ending == ".json":
            found = json.loads(text)
        elif ending in {".yaml", ".yml"}:
            found = _yaml(path, text)
        else:
            raise AirflowException(f"{path}: a secrets file ends in .json, .yaml, .yml or .env")
    except ValueError:
        raise AirflowException(f"{path} holds no {ending[1:].upper()}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise AirflowException(f"{path} must hold an object of names and values")
    return found


def _yaml(path: str, text: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise AirflowException(f"{path}: reading YAML needs PyYAML: install it, or write JSON") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise ValueError from None


def _env(path: str, text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise AirflowException(f"{path}, line {number}: a line of an .env file is NAME=value")
        if name.strip() in found:
            raise AirflowException(f"{path}, line {number}: {name.strip()} stands there twice")
        found[name.strip()] = value.strip()
    return found


def _connection(conn_id: str, given: Any) -> Connection:
    if isinstance(given, list) and len(given) == 1:
        given = given[0]
    if isinstance(given, str):
        return connection_from_text(conn_id, given)
    if not isinstance(given, Mapping):
        raise AirflowException(f"connection {conn_id!r} must be one address or one object of fields")
    values = {**given, "extra": given.get("extra", given.get("extra_dejson"))}
    unknown = sorted(values.keys() - {*FIELDS, "conn_id", "extra_dejson", "uri"})
    if unknown:
        raise AirflowException(f"connection {conn_id!r} has no field {unknown[0]!r}: it has {', '.join(FIELDS)}")
    names = (*FIELDS, "uri")
    return Connection(conn_id, **{name: values[name] for name in names if values.get(name) is not None})
