"""Dates of Airflow 1 and 2."""

from __future__ import annotations

import datetime as _datetime

AIRFLOW_VERSION = "3.3.2"


def days_ago(n: int, hour: int = 0, minute: int = 0, second: int = 0, microsecond: int = 0) -> _datetime.datetime:
    """Midnight UTC ``n`` days ago."""
    today = utcnow().replace(hour=hour, minute=minute, second=second, microsecond=microsecond)
    return today - _datetime.timedelta(days=n)


def utcnow() -> _datetime.datetime:
    return _datetime.datetime.now(_datetime.UTC)


def datetime(*args: int, **kwargs: int) -> _datetime.datetime:
    """An aware time in UTC."""
    return _datetime.datetime(*args, tzinfo=_datetime.UTC, **kwargs)
