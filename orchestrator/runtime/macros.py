"""``macros`` in templates."""

from __future__ import annotations

import json
import time
import uuid
from datetime import datetime, timedelta
from random import random
from typing import Any

import dateutil

__all__ = [
    "datetime",
    "datetime_diff_for_humans",
    "dateutil",
    "ds_add",
    "ds_format",
    "ds_format_locale",
    "json",
    "random",
    "time",
    "timedelta",
    "uuid",
]


def __getattr__(name: str) -> Any:
    """``macros.yaml``, loaded by the first template that uses it."""
    if name != "yaml":
        raise AttributeError(f"there is no macro {name!r}")
    import yaml

    return yaml


def ds_add(ds: str, days: int) -> str:
    """``ds_add("2024-01-01", 5)`` is ``"2024-01-06"``."""
    return (datetime.strptime(str(ds), "%Y-%m-%d") + timedelta(days)).strftime("%Y-%m-%d") if days else str(ds)


def ds_format(ds: str, input_format: str, output_format: str) -> str:
    """Read a date in one format and write it in another."""
    return datetime.strptime(str(ds), input_format).strftime(output_format)


def ds_format_locale(ds: str, input_format: str, output_format: str, locale: Any = None) -> str:
    """Read a date and write it in the words of a locale (default: that of the environment, or English).

    The output format is one of the Unicode CLDR: ``"dd MMMM yyyy"``.
    """
    from babel.dates import LC_TIME, format_datetime

    found = datetime.strptime(str(ds), input_format)
    return format_datetime(found, format=output_format, locale=locale or LC_TIME or "en_US")


def datetime_diff_for_humans(dt: Any, since: Any = None) -> str:
    """``"2 days ago"``."""
    import pendulum

    return pendulum.instance(dt).diff_for_humans(since)
