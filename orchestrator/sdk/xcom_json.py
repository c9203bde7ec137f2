"""XCom values as JSON: a closed list of tagged types, never pickle.

A tagged value is ``{"__type": name, "value": ...}``. Reading imports nothing that the data names,
except dataclasses and pydantic models, and only in a task's own process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

TAG = "__type"
MAX_DEPTH = 200


def encode(value: Any, depth: int = 0) -> Any:
    """Return ``value`` as JSON.

    Raises:
        TypeError: a type that has no form here; the message names it.
        ValueError: nested deeper than 200.
    """
    if value is None or (isinstance(value, (bool, str)) and type(value) in (bool, str)):
        return value
    if type(value) is int or type(value) is float:
        return value if _finite(value) else {TAG: "float", "value": repr(value)}
    if depth > MAX_DEPTH:
        raise ValueError(f"an XCom value is nested deeper than {MAX_DEPTH} levels")
    if type(value) is list:
        return [encode(each, depth + 1) for each in value]
    if type(value) is dict:
        return _encode_dict(value, depth)
    return _encode_other(value, depth)


def _finite(value: float) -> bool:
    return value == value and value not in (float("inf"), float("-inf"))


def _encode_dict(value: Mapping[Any, Any], depth: int) -> Any:
    if all(isinstance(key, str) for key in value) and TAG not in value:
        return {str(key): encode(each, depth + 1) for key, each in value.items()}
    pairs = [[encode(key, depth + 1), encode(each, depth + 1)] for key, each in value.items()]
    return {TAG: "dict", "value": pairs}


def _encode_other(value: Any, depth: int) -> Any:
    import dataclasses
    import datetime
    import decimal
    import enum
    import pathlib
    import uuid

    if isinstance(value, enum.Enum):
        return encode(value.value, depth + 1)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (bool, int)):
        return int(value)
    if isinstance(value, float):
        return encode(float(value), depth)
    if isinstance(value, datetime.datetime):
        zone = getattr(value.tzinfo, "key", None) or getattr(value.tzinfo, "name", None)
        return {TAG: "datetime", "value": value.isoformat(), "zone": zone if isinstance(zone, str) else None}
    if isinstance(value, datetime.date):
        return {TAG: "date", "value": value.isoformat()}
    if isinstance(value, datetime.time):
        return {TAG: "time", "value": value.isoformat()}
    if isinstance(value, datetime.timedelta):
        return {TAG: "timedelta", "value": [value.days, value.seconds, value.microseconds]}
    if isinstance(value, tuple):
        return {TAG: "tuple", "value": [encode(each, depth + 1) for each in value]}
    if isinstance(value, (set, frozenset)):
        name = "set" if isinstance(value, set) else "frozenset"
        return {TAG: name, "value": [encode(each, depth + 1) for each in value]}
    if isinstance(value, (bytes, bytearray)):
        import base64

        return {TAG: "bytes", "value": base64.b64encode(bytes(value)).decode()}
    for kind, name in ((decimal.Decimal, "decimal"), (uuid.UUID, "uuid"), (pathlib.PurePath, "path")):
        if isinstance(value, kind):
            return {TAG: name, "value": str(value)}
    if isinstance(value, Mapping):
        return _encode_dict(value, depth)
    if hasattr(value, "model_dump") and hasattr(type(value), "model_validate"):
        return {TAG: "model", "class": _name(value), "value": encode(value.model_dump(mode="json"), depth + 1)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {each.name: encode(getattr(value, each.name), depth + 1) for each in dataclasses.fields(value)}
        return {TAG: "dataclass", "class": _name(value), "value": fields}
    if hasattr(value, "item") and not hasattr(value, "__len__"):  # numpy's scalars
        return encode(value.item(), depth + 1)
    if isinstance(value, Sequence):
        return [encode(each, depth + 1) for each in value]
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    raise TypeError(
        f"a value of type {kind} cannot be an XCom: return JSON types, dates, dataclasses or a path to a file"
    )


def _name(value: Any) -> str:
    return f"{type(value).__module__}:{type(value).__qualname__}"


def decode(data: Any) -> Any:
    """Return what :func:`encode` was given."""
    if isinstance(data, list):
        return [decode(each) for each in data]
    if not isinstance(data, dict):
        return data
    tag = data.get(TAG)
    if tag is None:
        return {key: decode(each) for key, each in data.items()}
    reader = _READERS.get(tag)
    if reader is None:
        raise TypeError(f"an XCom holds a value of the unknown type {tag!r}")
    return reader(data)


def _datetime(data: dict[str, Any]) -> Any:
    import pendulum

    found = pendulum.parse(data["value"], tz="UTC")
    zone = data.get("zone")
    # A fixed offset has a name, too ("+01:00"), but is no zone that could be looked up.
    return found.in_timezone(zone) if zone and zone[0] not in "+-" else found


def _of(module: str, name: str, method: str | None = None) -> Callable[[dict[str, Any]], Any]:
    def read(data: dict[str, Any]) -> Any:
        import importlib

        kind = getattr(importlib.import_module(module), name)
        return (getattr(kind, method) if method else kind)(data["value"])

    return read


def _timedelta(data: dict[str, Any]) -> Any:
    from datetime import timedelta

    days, seconds, microseconds = data["value"]
    return timedelta(days, seconds, microseconds)


def _bytes(data: dict[str, Any]) -> bytes:
    import base64

    return base64.b64decode(data["value"])


def _instance(data: dict[str, Any]) -> Any:
    import sys

    module, _, name = data["class"].partition(":")
    kind: Any = sys.modules.get(module)
    for part in name.split("."):
        kind = getattr(kind, part, None)
    fields = decode(data["value"])
    if kind is None:  # its module is not loaded here: the plain fields are still of use
        return fields
    return kind.model_validate(fields) if data[TAG] == "model" else kind(**fields)


_READERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "float": lambda data: float(data["value"]),
    "dict": lambda data: {decode(key): decode(each) for key, each in data["value"]},
    "tuple": lambda data: tuple(decode(each) for each in data["value"]),
    "set": lambda data: {decode(each) for each in data["value"]},
    "frozenset": lambda data: frozenset(decode(each) for each in data["value"]),
    "datetime": _datetime,
    "date": _of("datetime", "date", "fromisoformat"),
    "time": _of("datetime", "time", "fromisoformat"),
    "timedelta": _timedelta,
    "decimal": _of("decimal", "Decimal"),
    "uuid": _of("uuid", "UUID"),
    "path": _of("pathlib", "Path"),
    "bytes": _bytes,
    "model": _instance,
    "dataclass": _instance,
}
