"""``macros`` in templates."""

from __future__ import annotations

import json
import random
import time
import uuid
from datetime import datetime, timedelta
from typing import Any

import dateutil

__all__ = [
    "datetime",
    "datetime_diff_for_humans",
    "dateutil",
    "ds_add",
    "ds_format",
    "json",
    "random",
    "time",
    "timedelta",
    "uuid",
]


def ds_add(ds: str, days: int) -> str:
    """``ds_add("2024-01-01", 5)`` is ``"2024-01-06"``."""
    return (datetime.strptime(str(ds), "%Y-%m-%d") + timedelta(days)).strftime("%Y-%m-%d") if days else str(ds)


def ds_format(ds: str, input_format: str, output_format: str) -> str:
    """Read a date in one format and write it in another."""
    return datetime.strptime(str(ds), input_format).strftime(output_format)


def datetime_diff_for_humans(dt: Any, since: Any = None) -> str:
    """``"2 days ago"``."""
    import pendulum

    return pendulum.instance(dt).diff_for_humans(since)
