"""Where XCom values are kept: in the database, or wherever the class named by ``AIRFLOW__CORE__XCOM_BACKEND`` puts them.

A backend runs in the task's own process. What it returns stands in the database; the rest is its affair.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from .comms import ask
from .xcom_json import decode, encode

SETTING = "AIRFLOW__CORE__XCOM_BACKEND"
XCOM_RETURN_KEY = "return_value"


class BaseXCom:
    """Base of backends: override ``serialize_value``, ``deserialize_value`` and, to clean up, ``purge``."""

    XCOM_RETURN_KEY = XCOM_RETURN_KEY

    @staticmethod
    def serialize_value(
        value: Any,
        *,
        key: str | None = None,
        task_id: str | None = None,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_index: int | None = None,
    ) -> Any:
        """Return what the database keeps: JSON."""
        return encode(value)

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        """Return the value again; ``result.value`` is what the database kept."""
        return decode(result.value)

    @classmethod
    def purge(cls, xcom: Any, *args: Any) -> None:
        """Delete what is kept elsewhere of a value (``xcom.key``, ``xcom.value``) that is about to be replaced."""

    # ---- reading by name, for code that has no task instance at hand

    @classmethod
    def get_one(
        cls,
        *,
        key: str,
        task_id: str,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_index: int | None = None,
        include_prior_dates: bool = False,
    ) -> Any:
        """Return one value, or None where nothing was pushed."""
        found = cls._find(key, task_id, dag_id, run_id, -1 if map_index is None else map_index, include_prior_dates)
        return load(found[0]["value"]) if found else None

    @classmethod
    def get_value(cls, *, ti_key: Any, key: str = XCOM_RETURN_KEY) -> Any:
        return cls.get_one(
            key=key, task_id=ti_key.task_id, dag_id=ti_key.dag_id, run_id=ti_key.run_id, map_index=ti_key.map_index
        )

    @classmethod
    def get_all(
        cls,
        *,
        key: str,
        task_id: str,
        dag_id: str | None = None,
        run_id: str | None = None,
        include_prior_dates: bool = False,
    ) -> list[Any] | None:
        """Return the values of all instances of a task, or None where there is none."""
        found = cls._find(key, task_id, dag_id, run_id, None, include_prior_dates)
        return [load(each["value"]) for each in found] or None

    @staticmethod
    def _find(key: str, task_id: str, dag_id: Any, run_id: Any, map_indexes: Any, prior: bool) -> list[Any]:
        where = {"dag_id": dag_id, "run_id": run_id, "include_prior_dates": prior or None}
        chosen = {name: value for name, value in where.items() if value is not None}
        return ask("xcom", task_ids=[task_id], key=key, map_indexes=map_indexes, **chosen) or []


def backend_path() -> str:
    """The class that is set, as ``module.Class``; empty: the database keeps everything."""
    return os.environ.get(SETTING, "").strip()


_loaded: dict[str, Any] = {}


def backend() -> Any:
    """The class that is set.

    Raises:
        ImportError: there is no such class; the message names the setting.
    """
    path = backend_path()
    if not path:
        return BaseXCom
    if path not in _loaded:
        import importlib

        module, _, name = path.rpartition(".")
        try:
            _loaded[path] = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise ImportError(f"{SETTING}={path} names no class that can be imported here: {error}") from error
    return _loaded[path]


class XComTooLarge(ValueError):
    """A value that is larger than the database is to keep."""


def dump(value: Any, *, most: int, ti: Any, key: str) -> Any:
    """Return the JSON that the database keeps for ``value`` under ``key`` of the task instance ``ti``.

    Raises:
        TypeError: the value has no form as JSON.
        XComTooLarge: it takes more than ``most`` bytes.
    """
    import json

    if not backend_path():
        data = encode(value)
    else:
        names = {"task_id": ti.task_id, "dag_id": ti.dag_id, "run_id": ti.run_id, "map_index": ti.map_index}
        data = backend().serialize_value(value, key=key, **names)
        data = data.decode() if isinstance(data, bytes) else data
    size = len(json.dumps(data))
    if size > most:
        raise XComTooLarge(
            f"the XCom {key!r} of {ti.task_id} takes {size} bytes as JSON, at most {most} are kept: push a path to a file, "
            "keep large values in object storage (docs/howto/xcoms.md), or raise ORCHESTRATOR_XCOM_MAX_BYTES"
        )
    return data


def load(data: Any) -> Any:
    """Return the value that :func:`dump` was given."""
    return backend().deserialize_value(SimpleNamespace(value=data)) if backend_path() else decode(data)


def length_of(value: Any) -> int | None:
    """How long a value is, for mapping over it; None: nobody can."""
    from collections.abc import Sequence

    if isinstance(value, (str, bytes)) or not isinstance(value, (Mapping, Sequence)):
        return None
    return len(value)


def purge(old: list[dict[str, Any]], log: Any) -> None:
    """Let the backend delete what it keeps of the values of an earlier try; an error is logged and changes nothing."""
    for each in old:
        try:
            backend().purge(SimpleNamespace(**each))
        except Exception:
            log.exception("The XCom backend could not delete the old value of %r", each["key"])


class _CurrentBackend(type):
    """Makes ``XCom`` answer as the backend that is set."""

    def __getattr__(cls, name: str) -> Any:
        return getattr(backend(), name)


class XCom(metaclass=_CurrentBackend):
    """The backend that is set."""
