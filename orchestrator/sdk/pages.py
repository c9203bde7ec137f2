"""Addresses of pages, for messages."""

from __future__ import annotations

import os


def page_of(dag_id: str, run_id: str, task_id: str, map_index: int = -1, base_url: str | None = None) -> str:
    """Return the address of a task instance's page; -1 is a task that is not mapped."""
    from urllib.parse import quote  # only messages need it: not while DAG files are parsed

    root = base_url or os.environ.get("AIRFLOW__API__BASE_URL") or "http://localhost:8080"
    parts = ("dags", dag_id, "runs", run_id, "tasks", task_id, *(("mapped", str(map_index)) if map_index != -1 else ()))
    return "/".join([root.rstrip("/"), *(quote(part, safe="") for part in parts)])
