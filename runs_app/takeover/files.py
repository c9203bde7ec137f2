"""Files that Airflow writes (``connections export`` and the like), and Astronomer's ``airflow_settings.yaml``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from .found import Found, Unreadable

FORMATS = ".json, .yaml, .yml and .env"


def read(path: str, kind: str) -> Found:
    """Read one export of ``connections``, ``variables`` or ``pools``.

    Raises:
        Unreadable: there is no such file, or it holds something else.
    """
    found = Found()
    for name, entry in _mapping(Path(path)).items():
        READERS[kind](found, str(name), entry)
    return found


def read_settings(path: str) -> Found:
    """Read Astronomer's file of a local project: lists of connections, pools and variables under ``airflow``.

    Raises:
        Unreadable: as of :func:`read`.
    """
    top = _mapping(Path(path)).get("airflow")
    if not isinstance(top, dict):
        raise Unreadable(f"{path} is no airflow_settings.yaml: it has no `airflow:` with lists below it")
    found = Found()
    for kind, name in (("connections", "conn_id"), ("variables", "variable_name"), ("pools", "pool_name")):
        for entry in top.get(kind) or ():
            # The file that a new project comes with has entries without any name.
            if isinstance(entry, dict) and entry.get(name) not in (None, ""):
                SETTINGS[kind](found, str(entry[name]), entry)
    return found


def _mapping(path: Path) -> Mapping[Any, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise Unreadable(f"{path} is not UTF-8 text") from None
    read_text = PARSERS.get(path.suffix.lower())
    if read_text is None:
        raise Unreadable(f"{path}: the format is told by the ending; it must be one of {FORMATS}")
    try:
        found = read_text(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        # The parsers' own words quote the line, which may hold a password.
        raise Unreadable(f"{path} cannot be read as {path.suffix[1:]}{_line_of(error)}") from None
    if not isinstance(found, dict):
        raise Unreadable(f"{path} must hold an object of names and values")
    return found


def _line_of(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark is not None else getattr(error, "lineno", None)
    return f": line {line} is wrong" if line else ""


def _env(text: str) -> dict[str, str]:
    """Lines of ``NAME=value``, as ``connections export --file-format env`` writes them."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.strip().partition("=")
        if not equals or not name.strip():
            error = ValueError("no NAME=value")
            error.lineno = number  # type: ignore[attr-defined]
            raise error
        found[name.strip()] = value.strip()
    return found


PARSERS: Mapping[str, Callable[[str], Any]] = {
    ".json": json.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
    ".env": _env,
}


def _connection(found: Found, name: str, entry: Any) -> None:
    if isinstance(entry, list):  # a file of a secrets backend may list several under one id
        entry = entry[0] if len(entry) == 1 else None
        if entry is None:
            found.refuse("connections", name, "the file has several of this id: keep the one that is meant")
            return
    if not isinstance(entry, (str, dict)) or not entry:
        found.refuse("connections", name, "it is neither an address nor an object of its fields")
        return
    found.connections[name] = entry


def _variable(found: Found, name: str, entry: Any) -> None:
    if entry is None:
        found.refuse("variables", name, "it has no value")
        return
    found.variables[name] = entry


def _pool(found: Found, name: str, entry: Any) -> None:
    slots = entry.get("slots") if isinstance(entry, dict) else entry
    if isinstance(slots, str) and slots.lstrip("-").isdigit():
        slots = int(slots)
    found.pools[name] = {**entry, "slots": slots} if isinstance(entry, dict) else {"slots": slots}


READERS = {"connections": _connection, "variables": _variable, "pools": _pool}


def _set_connection(found: Found, name: str, entry: Mapping[str, Any]) -> None:
    if entry.get("conn_uri"):
        found.connections[name] = str(entry["conn_uri"])
        return
    values = {field: entry.get(f"conn_{field}") for field in ("type", "host", "schema", "login", "password", "port")}
    values = {("conn_type" if field == "type" else field): value for field, value in values.items()}
    extra = entry.get("conn_extra")
    if isinstance(extra, dict):
        extra = json.dumps(extra)
    found.connections[name] = {each: value for each, value in {**values, "extra": extra}.items() if value is not None}


def _set_variable(found: Found, name: str, entry: Mapping[str, Any]) -> None:
    _variable(found, name, entry.get("variable_value"))


def _set_pool(found: Found, name: str, entry: Mapping[str, Any]) -> None:
    _pool(found, name, {"slots": entry.get("pool_slot"), "description": entry.get("pool_description")})


SETTINGS = {"connections": _set_connection, "variables": _set_variable, "pools": _set_pool}
