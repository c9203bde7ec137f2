"""Writing XComs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orchestrator.core.mapping import Length

from .locking import send


def write_xcom(instance: Mapping[str, Any], key: str, value: Any, length: Length, at: datetime) -> None:
    """Write one value over what its task instance (id, run_id, dag_id, task_id, map_index) pushed under the key before."""
    whole, shape = columns_of(length)
    columns = ("id", "run_id", "dag_id", "task_id", "map_index")
    send(
        "INSERT INTO runs_app_xcom (task_instance_id, run_id, dag_id, task_id, map_index, key, value, length, shape, "
        "timestamp) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (run_id, task_id, map_index, key) "
        "DO UPDATE SET value = excluded.value, length = excluded.length, shape = excluded.shape, "
        "timestamp = excluded.timestamp",
        [*(instance[name] for name in columns), key, json.dumps(value), whole, shape and json.dumps(shape), at],
    )


def columns_of(length: Length) -> tuple[int | None, dict[str, Any] | None]:
    """The length of a value, and the lengths inside of it."""
    if not isinstance(length, Mapping):
        return length, None
    return length.get(""), {pattern: each for pattern, each in length.items() if pattern} or None
