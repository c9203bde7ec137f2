"""Where a variable or connection comes from: the secrets backend, then the server's environment, then the database.

A task names what it needs and gets that; the environment with all of them, and what opens the backend, stay here.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings

from orchestrator.sdk.connections import FIELDS, Connection, connection_from_text

from . import secrets
from .secrets import SecretError

log = logging.getLogger(__name__)

OURS = {"airflow.secrets.local_filesystem.LocalFilesystemBackend": "orchestrator.sdk.secrets_backend"}
"""Of a common name in Airflow: ours, without the import of Airflow's names."""

_lock = threading.Lock()
_loaded: tuple[tuple[str, str], Any] | None = None


def backend() -> Any:
    """Return the secrets backend that the settings name, made once; None where they name none.

    Raises:
        SecretError: it cannot be imported or made; the message says which setting is to be mended.
    """
    global _loaded
    wanted = (settings.ORCH.secrets_backend, os.environ.get("AIRFLOW__SECRETS__BACKEND_KWARGS", ""))
    with _lock:
        if _loaded is None or _loaded[0] != wanted:
            _loaded = (wanted, _make(*wanted) if wanted[0] else None)
        return _loaded[1]


def _make(path: str, kwargs: str) -> Any:
    try:
        values = json.loads(kwargs or "{}")
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise SecretError("AIRFLOW__SECRETS__BACKEND_KWARGS must be a JSON object of arguments")
    module, _, name = path.rpartition(".")
    try:
        if path not in OURS:
            from orchestrator.compat import install

            install()  # a backend of a provider package is written against Airflow's names
        return getattr(importlib.import_module(OURS.get(path, module)), name)(**values)
    except Exception as error:  # somebody else's code; its message may quote what it was given
        raise SecretError(
            f"the secrets backend {path!r} cannot be used ({type(error).__name__}): see AIRFLOW__SECRETS__BACKEND and "
            "AIRFLOW__SECRETS__BACKEND_KWARGS"
        ) from error


class Source:
    """Looks variables and connections up. ``cache`` keeps what the backend said for a while."""

    def __init__(self, cache: Cache | None = None) -> None:
        self.cache = cache

    def variable(self, key: str) -> str | None:
        """Return a variable's value, None where nobody has it.

        Raises:
            SecretError: the backend failed and nobody else has it, or it cannot be decrypted.
        """
        return self._first("variable", key, [_variable_of_environment, secrets.get_variable])

    def connection(self, conn_id: str) -> dict[str, Any] | None:
        """Return ``conn_id`` and the fields of a connection, None where nobody has it. Raises as above."""
        return self._first("connection", conn_id, [_connection_of_environment, secrets.get_connection])

    def _first(self, what: str, name: str, others: list[Callable[[str], Any]]) -> Any:
        failed: Exception | None = None
        made = backend()
        if made is not None:
            try:
                found = self._of_backend(made, what, name)
                if found is not None:
                    return found
            except Exception as error:  # somebody else's code, or a vault that does not answer: others may have it
                log.warning("secrets_backend_failed %s=%s error=%s", what, name, type(error).__name__)
                failed = error
        for ask in others:
            found = ask(name)
            if found is not None:
                return found
        if failed is not None:
            raise SecretError(
                f"the secrets backend failed to answer for {what} {name!r} ({type(failed).__name__}), and neither the "
                "environment nor the database has it"
            )
        return None

    def _of_backend(self, made: Any, what: str, name: str) -> Any:
        ask = _variable_of_backend if what == "variable" else _connection_of_backend
        return ask(made, name) if self.cache is None else self.cache.get((what, name), lambda: ask(made, name))


def _variable_of_backend(made: Any, key: str) -> str | None:
    found = made.get_variable(key=key)
    return None if found is None else str(found)


def _connection_of_backend(made: Any, conn_id: str) -> dict[str, Any] | None:
    found = made.get_connection(conn_id=conn_id)
    return None if found is None else _fields(conn_id, found)


def _variable_of_environment(key: str) -> str | None:
    return os.environ.get(f"AIRFLOW_VAR_{key.upper()}")


def _connection_of_environment(conn_id: str) -> dict[str, Any] | None:
    text = os.environ.get(f"AIRFLOW_CONN_{conn_id.upper()}")
    if not text:
        return None
    try:
        return _fields(conn_id, connection_from_text(conn_id, text))
    except (ValueError, TypeError):
        raise SecretError(f"AIRFLOW_CONN_{conn_id.upper()} is neither an address nor a JSON object") from None


def _fields(conn_id: str, found: Connection) -> dict[str, Any]:
    return {"conn_id": conn_id, **{name: getattr(found, name, None) for name in FIELDS}}


class Cache:
    """Keeps answers, also that there is none, for so many seconds. A file parsed often must not wear a vault out."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self.seconds = seconds
        self.kept: dict[tuple[str, str], tuple[float, Any]] = {}
        self.lock = threading.Lock()

    def get(self, key: tuple[str, str], ask: Callable[[], Any]) -> Any:
        now = time.monotonic()
        with self.lock:
            kept = self.kept.get(key)
        if kept is not None and now < kept[0]:
            return kept[1]
        found = ask()
        if self.seconds() > 0:
            with self.lock:
                self.kept[key] = (now + self.seconds(), found)
        return found


of_tasks = Source()
"""What a task asks for is always looked up anew."""
of_parses = Source(Cache(lambda: float(settings.ORCH.secrets_cache_seconds)))
