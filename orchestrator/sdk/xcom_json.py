"""XCom values as JSON: a closed list of tagged types, never pickle.

A tagged value is ``{"__type": name, "value": ...}``. What is not of Python's own types is in
:mod:`orchestrator.sdk.serializers`.
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
    from . import serializers

    own = serializers.registered(type(value))
    if own is not None:
        return {TAG: own.tag, "value": encode(own.to_json(value), depth + 1)}
    # A library's own first: its numbers and times are subclasses of Python's, with more to them.
    for form in (serializers.of_library(value), _encode_plain(value, depth)):
        if form is not None:
            return form
    form = serializers.to_tagged(value, lambda inner: encode(inner, depth + 1))
    if form is not None:
        return form
    if isinstance(value, Mapping):
        return _encode_dict(value, depth)
    if isinstance(value, Sequence):
        return [encode(each, depth + 1) for each in value]
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    raise TypeError(
        f"a value of type {kind} cannot be an XCom: return JSON types, dates, dataclasses or a path to a file, "
        "or name a form for it with register_serializer"
    )


def _encode_plain(value: Any, depth: int) -> Any:
    """The form of what Python's own library has; None: it is no such value."""
    import datetime
    import enum

    if isinstance(value, enum.Enum):
        return encode(value.value, depth + 1)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (bool, int)):
        return int(value)
    if isinstance(value, float):
        return encode(float(value), depth)
    if isinstance(value, complex):
        return {TAG: "complex", "value": [value.real, value.imag]}
    if isinstance(value, datetime.datetime):
        return _encode_datetime(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return {TAG: "date" if isinstance(value, datetime.date) else "time", "value": value.isoformat()}
    if isinstance(value, datetime.timedelta):
        return {TAG: "timedelta", "value": [value.days, value.seconds, value.microseconds]}
    if isinstance(value, datetime.tzinfo):
        zone = zone_name(value) or value.utcoffset(None)
        return {TAG: "timezone", "value": zone if isinstance(zone, str) else encode(zone)} if zone is not None else None
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return {TAG: "tuple", "value": [encode(each, depth + 1) for each in value]}
    if isinstance(value, (set, frozenset)):
        name = "set" if isinstance(value, set) else "frozenset"
        return {TAG: name, "value": [encode(each, depth + 1) for each in value]}
    return _encode_text(value)


def _encode_datetime(value: Any) -> dict[str, Any]:
    found = {TAG: "datetime", "value": value.isoformat(), "zone": zone_name(value.tzinfo)}
    if type(value).__module__.startswith("pendulum"):
        found["pendulum"] = True
    return found


def zone_name(zone: Any) -> str | None:
    """The name of a time zone that can be looked up again; a fixed offset has a name, too ("+01:00"), but not such a one."""
    name = getattr(zone, "key", None) or getattr(zone, "name", None)
    return name if isinstance(name, str) and name and name[0] not in "+-" else None


def _encode_text(value: Any) -> Any:
    import decimal
    import pathlib
    import uuid

    if isinstance(value, (bytes, bytearray)):
        import base64

        return {TAG: "bytes", "value": base64.b64encode(bytes(value)).decode()}
    for kind, name in ((decimal.Decimal, "decimal"), (uuid.UUID, "uuid"), (pathlib.PurePath, "path")):
        if isinstance(value, kind):
            return {TAG: name, "value": str(value)}
    return None


def decode(data: Any) -> Any:
    """Return what :func:`encode` was given.

    Raises:
        TypeError: a tag that nobody knows here, or a class that must not be made from data; the message says what to do.
    """
    if isinstance(data, list):
        return [decode(each) for each in data]
    if not isinstance(data, dict):
        return data
    tag = data.get(TAG)
    if tag is None:
        return {key: decode(each) for key, each in data.items()}
    reader = _READERS.get(tag)
    if reader is None:
        from . import serializers

        return serializers.from_tagged(tag, data, decode)
    return reader(data)


def _datetime(data: dict[str, Any]) -> Any:
    import datetime

    found = datetime.datetime.fromisoformat(data["value"])
    zone = data.get("zone")
    if data.get("pendulum"):
        import pendulum

        made = pendulum.instance(found, tz=None)  # type: ignore[arg-type]
        return made.in_timezone(zone) if zone else made
    if zone and found.tzinfo is not None:
        from zoneinfo import ZoneInfo

        return found.astimezone(ZoneInfo(zone))
    return found


def _timezone(data: dict[str, Any]) -> Any:
    import datetime
    from zoneinfo import ZoneInfo

    zone = decode(data["value"])
    return ZoneInfo(zone) if isinstance(zone, str) else datetime.timezone(zone)


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


_READERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "float": lambda data: float(data["value"]),
    "complex": lambda data: complex(*data["value"]),
    "dict": lambda data: {decode(key): decode(each) for key, each in data["value"]},
    "tuple": lambda data: tuple(decode(each) for each in data["value"]),
    "set": lambda data: {decode(each) for each in data["value"]},
    "frozenset": lambda data: frozenset(decode(each) for each in data["value"]),
    "datetime": _datetime,
    "date": _of("datetime", "date", "fromisoformat"),
    "time": _of("datetime", "time", "fromisoformat"),
    "timedelta": _timedelta,
    "timezone": _timezone,
    "decimal": _of("decimal", "Decimal"),
    "uuid": _of("uuid", "UUID"),
    "path": _of("pathlib", "Path"),
    "bytes": _bytes,
}
