"""Connections, variables, and the base of hooks."""

from __future__ import annotations

import json
import os
from typing import Any

from .comms import ask, is_connected
from .exceptions import AirflowException, AirflowNotFoundException, AirflowRuntimeError

_UNSET: Any = object()


class Connection:
    """Where and how to reach something; from the environment (``AIRFLOW_CONN_ID``) or the database."""

    def __init__(
        self,
        conn_id: str | None = None,
        conn_type: str | None = None,
        description: str | None = None,
        host: str | None = None,
        login: str | None = None,
        password: str | None = None,
        schema: str | None = None,
        port: int | None = None,
        extra: Any = None,
        uri: str | None = None,
    ) -> None:
        if uri is not None:
            found = parse_uri(uri)
            conn_type, host, login = found["conn_type"], found["host"], found["login"]
            password, schema, port, extra = found["password"], found["schema"], found["port"], found["extra"]
        self.conn_id, self.conn_type, self.description = conn_id, conn_type or "", description
        self.host, self.login, self.password, self.schema = host, login, password, schema
        self.port = int(port) if port not in (None, "") else None
        self.extra = json.dumps(extra) if isinstance(extra, dict) else extra

    @property
    def extra_dejson(self) -> dict[str, Any]:
        """``extra`` as a dict, empty where it is no JSON object."""
        try:
            found = json.loads(self.extra) if self.extra else {}
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def get_extra_dejson(self, nested: bool = False) -> dict[str, Any]:
        return self.extra_dejson

    def get_password(self) -> str | None:
        return self.password

    def get_uri(self) -> str:
        """The connection as one address; what has no place in it goes to ``__extra__``."""
        from urllib.parse import quote, urlencode

        login = quote(self.login or "", safe="")
        if self.password is not None:
            login += ":" + quote(self.password, safe="")
        place = quote(self.host or "", safe="") + (f":{self.port}" if self.port else "")
        uri = f"{self.conn_type.lower().replace('_', '-')}://" + (f"{login}@" if login else "") + place
        uri += "/" + quote(self.schema, safe="") if self.schema else ""
        extra = self.extra_dejson
        if extra and all(isinstance(value, str) for value in extra.values()):
            uri += ("/" if not self.schema else "") + "?" + urlencode(extra)
        elif self.extra:
            uri += ("/" if not self.schema else "") + "?" + urlencode({"__extra__": self.extra})
        return uri

    @classmethod
    def get(cls, conn_id: str) -> Connection:
        """Return a connection.

        Raises:
            AirflowNotFoundException: neither the environment nor the database has it.
        """
        text = os.environ.get(f"AIRFLOW_CONN_{conn_id.upper()}")
        if text:
            return connection_from_text(conn_id, text)
        found = ask("connection", conn_id=conn_id) if is_connected() else None
        if found is None:
            raise AirflowNotFoundException(f"The conn_id `{conn_id}` isn't defined")
        return cls(**{name: found.get(name) for name in ("conn_id", *FIELDS)})

    @classmethod
    async def async_get(cls, conn_id: str) -> Connection:
        """The same in an event loop, which goes on meanwhile."""
        import asyncio

        return await asyncio.to_thread(cls.get, conn_id)

    @property
    async def aextra_dejson(self) -> dict[str, Any]:
        return self.extra_dejson

    def get_hook(self, *, hook_params: dict[str, Any] | None = None) -> Any:
        """Return the hook that an installed provider package brings for this type.

        Raises:
            AirflowException: none brings one; it says which package does.
        """
        from .provider_info import hook_class, package_of

        kind = hook_class(self.conn_type)
        if kind is None:
            raise AirflowException(
                f"there is no hook for the connection type {self.conn_type!r} here: "
                f"manage.py providers install {package_of(self.conn_type)}"
            )
        name = getattr(kind, "conn_name_attr", "conn_id")
        return kind(**{name: self.conn_id}, **(hook_params or {}))

    def __repr__(self) -> str:
        return self.conn_id or ""


FIELDS = ("conn_type", "description", "host", "login", "password", "schema", "port", "extra")


def connection_from_text(conn_id: str, text: str) -> Connection:
    """Read the value of an ``AIRFLOW_CONN_`` variable: a JSON object or an address."""
    if text.lstrip().startswith("{"):
        values = json.loads(text)
        return Connection(conn_id, **{name: values[name] for name in FIELDS if name in values})
    return Connection(conn_id, uri=text)


def parse_uri(uri: str) -> dict[str, Any]:
    """Split an address into the fields of a connection."""
    from urllib.parse import parse_qsl, unquote, urlsplit

    parts = urlsplit(uri)
    place = parts.netloc.rpartition("@")[2]
    host, _, port = place.partition(":") if not place.startswith("[") else (place, "", "")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    extra = query.get("__extra__") if "__extra__" in query else (json.dumps(query) if query else None)
    return {
        "conn_type": parts.scheme.replace("-", "_"),
        "host": unquote(host) or None,
        "login": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password is not None else None,
        "schema": unquote(parts.path[1:]) or None,
        "port": int(port) if port.isdigit() else None,
        "extra": extra,
    }


class Variable:
    """A named value from the environment (``AIRFLOW_VAR_KEY``) or the database."""

    @classmethod
    def get(cls, key: str, default: Any = _UNSET, deserialize_json: bool = False, default_var: Any = _UNSET) -> Any:
        """Return the value as text, or as what its JSON says.

        Raises:
            AirflowRuntimeError: there is none and no default was given; it is a KeyError too.
        """
        text = os.environ.get(f"AIRFLOW_VAR_{key.upper()}")
        if text is None and is_connected():
            found = ask("variable", key=key)
            text = found["value"] if found is not None else None
        if text is None:
            fallback = default if default is not _UNSET else default_var
            if fallback is _UNSET:
                raise AirflowRuntimeError(f"VARIABLE_NOT_FOUND: Variable {key} not found")
            return fallback
        if not deserialize_json:
            return text
        try:
            return json.loads(text)
        except ValueError as error:
            raise AirflowRuntimeError(f"VARIABLE_NOT_FOUND: Variable {key} holds no JSON: {error}") from error

    @classmethod
    def set(cls, key: str, value: Any, description: str | None = None, serialize_json: bool = False) -> None:
        text = json.dumps(value, indent=2) if serialize_json else str(value)
        ask("set_variable", key=key, value=text, description=description)

    @classmethod
    def setdefault(cls, key: str, default: Any, description: str | None = None, deserialize_json: bool = False) -> Any:
        found = cls.get(key, None, deserialize_json)
        if found is None:
            cls.set(key, default, description, serialize_json=deserialize_json)
            return default
        return found

    @classmethod
    def update(cls, key: str, value: Any, serialize_json: bool = False) -> None:
        cls.get(key)
        cls.set(key, value, serialize_json=serialize_json)

    @classmethod
    def delete(cls, key: str) -> int:
        return int(bool(ask("delete_variable", key=key)))


class BaseHook:
    """Base of what talks to outside systems."""

    conn_type = ""
    hook_name = ""
    _logger_name: str | None = None  # of the class: not every hook calls the constructor of its base

    def __init__(self, logger_name: str | None = None, **ignored: Any) -> None:
        self._logger_name = logger_name

    @property
    def log(self) -> Any:
        import logging

        return logging.getLogger(self._logger_name or f"{type(self).__module__}.{type(self).__qualname__}")

    @classmethod
    def get_connection(cls, conn_id: str) -> Connection:
        return Connection.get(conn_id)

    get_connections = classmethod(lambda cls, conn_id: [Connection.get(conn_id)])

    @classmethod
    async def aget_connection(cls, conn_id: str) -> Connection:
        return await Connection.async_get(conn_id)

    @classmethod
    def get_hook(cls, conn_id: str, hook_params: dict[str, Any] | None = None) -> Any:
        """Return the hook for a connection's type."""
        return cls.get_connection(conn_id).get_hook(hook_params=hook_params)

    @classmethod
    async def aget_hook(cls, conn_id: str, hook_params: dict[str, Any] | None = None) -> Any:
        return (await cls.aget_connection(conn_id)).get_hook(hook_params=hook_params)

    def get_conn(self) -> Any:
        raise AttributeError(f"{type(self).__name__} has no get_conn()")

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        return {}
