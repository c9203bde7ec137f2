"""Writing XComs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .locking import send


def write_xcom(instance: Mapping[str, Any], key: str, value: Any, length: int | None, at: datetime) -> None:
    """Write one value over what its task instance (id, run_id, dag_id, task_id, map_index) pushed under the key before."""
    columns = ("id", "run_id", "dag_id", "task_id", "map_index")
    send(
        "INSERT INTO runs_app_xcom (task_instance_id, run_id, dag_id, task_id, map_index, key, value, length, timestamp) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (run_id, task_id, map_index, key) "
        "DO UPDATE SET value = excluded.value, length = excluded.length, timestamp = excluded.timestamp",
        [*(instance[name] for name in columns), key, json.dumps(value), length, at],
    )
