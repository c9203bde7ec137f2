"""Dates and times under Airflow's names."""

from __future__ import annotations

import datetime as _datetime
from typing import Any

AIRFLOW_VERSION = "3.3.2"
LOCAL = "orchestrator"
"""The local part of the version of the package that stands in for Airflow, by which it is told from the real one."""
utc = _datetime.UTC
timedelta = _datetime.timedelta


def days_ago(n: int, hour: int = 0, minute: int = 0, second: int = 0, microsecond: int = 0) -> _datetime.datetime:
    """Midnight UTC ``n`` days ago."""
    today = utcnow().replace(hour=hour, minute=minute, second=second, microsecond=microsecond)
    return today - _datetime.timedelta(days=n)


def utcnow() -> _datetime.datetime:
    return _datetime.datetime.now(_datetime.UTC)


def datetime(*args: int, **kwargs: Any) -> _datetime.datetime:
    """An aware time, in UTC unless it says otherwise."""
    kwargs.setdefault("tzinfo", _datetime.UTC)
    return _datetime.datetime(*args, **kwargs)


def parse(string: str, timezone: Any = None, *, strict: bool = False) -> Any:
    """Read a time, in UTC where it names no zone."""
    import pendulum

    return pendulum.parse(string, tz=timezone or "UTC", strict=strict)


def is_localized(value: _datetime.datetime) -> bool:
    return value.utcoffset() is not None


def make_aware(value: Any, timezone: Any = None) -> Any:
    """Put a naive time into a zone, UTC unless given.

    Raises:
        ValueError: it has a zone already.
    """
    if value is None:
        return None
    if is_localized(value):
        raise ValueError(f"make_aware expects a naive datetime, got {value}")
    return value.replace(tzinfo=timezone or _datetime.UTC)


def make_naive(value: _datetime.datetime, timezone: Any = None) -> _datetime.datetime:
    return value.astimezone(timezone or _datetime.UTC).replace(tzinfo=None)


def convert_to_utc(value: Any) -> Any:
    if value is None:
        return None
    return (value if is_localized(value) else make_aware(value)).astimezone(_datetime.UTC)


def coerce_datetime(value: Any, tz: Any = None) -> Any:
    """The time as a pendulum one, aware."""
    if value is None:
        return None
    import pendulum

    return pendulum.instance(value if is_localized(value) else make_aware(value, tz))


def parse_timezone(name: Any) -> Any:
    import pendulum

    return pendulum.timezone(name)


def is_naive(value: _datetime.datetime) -> bool:
    return value.utcoffset() is None


def utc_epoch() -> _datetime.datetime:
    return _datetime.datetime(1970, 1, 1, tzinfo=_datetime.UTC)


def from_timestamp(timestamp: float, tz: Any = None) -> Any:
    """Seconds since 1970, as a time; ``tz`` may be ``local``."""
    import pendulum

    zone = pendulum.local_timezone() if tz == "local" else tz or "UTC"
    return pendulum.from_timestamp(timestamp, tz=zone)


def local_timezone() -> Any:
    import pendulum

    return pendulum.local_timezone()


def td_format(td_object: Any) -> str | None:
    """A length of time in the shortest words: ``1h:2M``."""
    if td_object is None:
        return None
    total = td_object.total_seconds() if isinstance(td_object, _datetime.timedelta) else float(td_object)
    if total < 1:
        return "<1s"
    parts = []
    for letter, size in (("y", 31_536_000), ("m", 2_592_000), ("d", 86_400), ("h", 3_600), ("M", 60), ("s", 1)):
        count, total = divmod(int(total), size)
        if count:
            parts.append(f"{count}{letter}")
    return ":".join(parts)
