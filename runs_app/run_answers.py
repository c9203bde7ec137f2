"""What tasks may ask of runs by what they know of them: ``DagRun.find`` of Airflow 1 and 2."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orchestrator.core.states import RunType, as_airflow, from_airflow

from .models import DagRun

Json = Any
RUN_TIMES = {
    "logical_date": "logical_date",
    "data_interval_start": "data_interval_start",
    "data_interval_end": "data_interval_end",
    "run_after": "run_after",
    "start_date": "started_at",
    "end_date": "ended_at",
    "queued_at": "queued_at",
    "partition_date": "partition_date",
}
RUN_TEXTS = ("dag_id", "run_id", "run_type", "state", "note", "triggering_user_name", "partition_key")
MOST = 1000
"""Runs in one answer; of more the newest count."""


def find(
    scope: Any,
    dag_ids: Json = None,
    run_ids: Json = None,
    logical_dates: Json = None,
    states: Json = None,
    run_types: Json = None,
    is_manual: bool | None = None,
    backfills: bool = True,
    since: str | None = None,
    until: str | None = None,
) -> list[Json]:
    """The runs of whatever DAG that are meant, the earliest first."""
    rows = DagRun.objects.all()
    if dag_ids:
        rows = rows.filter(dag_id__in=dag_ids)
    if run_ids:
        rows = rows.filter(run_id__in=run_ids)
    if logical_dates:
        rows = rows.filter(logical_date__in=[datetime.fromisoformat(each) for each in logical_dates])
    if states:
        rows = rows.filter(state__in=[each for state in states for each in from_airflow(state)])
    if run_types:
        rows = rows.filter(run_type__in=run_types)
    if is_manual is not None:
        rows = rows.filter(run_type=RunType.MANUAL) if is_manual else rows.exclude(run_type=RunType.MANUAL)
    if not backfills:
        rows = rows.exclude(run_type=RunType.BACKFILL)
    if since:
        rows = rows.filter(logical_date__gte=datetime.fromisoformat(since))
    if until:
        rows = rows.filter(logical_date__lte=datetime.fromisoformat(until))
    newest = rows.order_by("-run_after", "-pk").values(*RUN_TEXTS, "conf", *RUN_TIMES.values())[:MOST]
    return [_as_told(row) for row in reversed(newest)]


def _as_told(row: dict[str, Any]) -> Json:
    times = {name: row.pop(column) for name, column in RUN_TIMES.items()}
    dates = {name: at.isoformat() if at else None for name, at in times.items()}
    return {**row, **dates, "state": as_airflow(row["state"])}
