"""Rows as JSON and back: the columns that an action may change, exactly as they were."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import models

from dags_app.schedule import PLANNED
from runs_app.models import Deadline, GroupRetry

Json = dict[str, Any]

INSTANCE = (
    *(
        "state",
        "try_number",
        "max_tries",
        "losses",
        "generation",
        "not_before",
        "scheduled_at",
        "started_at",
        "ended_at",
    ),
    *("hostname", "pid", "version_id", "skip_note", "rendered_map_index", "next_method", "next_kwargs"),
    *("reschedule_count", "first_started_at", "map_index", "concurrency_key"),
)
"""Of a task instance. Its token is none of them: it only grows."""
RUN = ("state", "generation", "queued_at", "started_at", "ended_at", "timeout_at", "cancelled_at")
DAG = ("is_paused", "is_frozen", *PLANNED)


def all_of(model: type[models.Model], *, but: Iterable[str] = ()) -> tuple[str, ...]:
    """The columns of a model."""
    left_out = set(but)
    return tuple(field.attname for field in model._meta.concrete_fields if field.attname not in left_out)


DEADLINE = all_of(Deadline, but=["updated_at"])
GROUP_RETRY = all_of(GroupRetry, but=["id"])


def packed(row: models.Model, names: Iterable[str]) -> Json:
    """Write columns of a row as JSON."""
    return {name: _packed(getattr(row, name)) for name in names}


def _packed(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()  # to the microsecond, which Django's own JSON cuts
    if isinstance(value, (bytes, memoryview, bytearray)):
        return base64.b64encode(bytes(value)).decode()
    return value


def unpacked(model: type[models.Model], found: Mapping[str, Any]) -> Json:
    """Read what :func:`packed` wrote."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    return {name: _unpacked(fields[name], value) for name, value in found.items()}


def _unpacked(field: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(field, models.DateTimeField):
        return datetime.fromisoformat(value)
    return base64.b64decode(value) if isinstance(field, models.BinaryField) else value
