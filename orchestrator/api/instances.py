"""Task instances as lists: what can be asked of them, and how a path narrows them."""

from __future__ import annotations

from typing import Any

from django.db.models import DurationField, ExpressionWrapper, F, QuerySet
from rest_framework.request import Request

from orchestrator import access
from orchestrator.core.states import TaskState, from_airflow

from . import shapes
from .query import Listing, large_int, order_of, small_int
from .scope import dag_for, nested_place, run_for, task_display


def read_state(value: str) -> tuple[str, ...]:
    """Read a state filter; ``none`` and ``no_status`` both mean "nothing decided yet"."""
    if value in {"none", "no_status", "null"}:
        return (TaskState.NONE,)
    if value not in set(TaskState) | {"queued", "restarting"}:
        raise ValueError(f"Input should be one of {', '.join(sorted(TaskState))}")
    return from_airflow(value)


LISTING = Listing(
    order=order_of(
        *(
            "state",
            "map_index",
            "task_id",
            "try_number",
            "operator",
            "pool",
            "queue",
            "updated_at",
            "rendered_map_index",
        ),
        id="pk",
        duration="took",
        start_date="started_at",
        end_date="ended_at",
        logical_date="run__logical_date",
        run_after="run__run_after",
        data_interval_start="run__data_interval_start",
        data_interval_end="run__data_interval_end",
    ),
    default_order=("map_index",),
    exact={
        "task_id": "task_id",
        "state": "state",
        "pool": "pool",
        "queue": "queue",
        "operator": "operator",
        "try_number": "try_number",
        "map_index": "map_index",
        "version_number": "version__version_number",
    },
    convert={"state": read_state, "try_number": small_int, "map_index": large_int, "version_number": small_int},
    patterns={
        "task_display_name": "task_id",
        "dag_id": "dag_id",
        "run_id": "run__run_id",
        "pool_name": "pool",
        "queue_name": "queue",
        "operator_name": "operator",
        "rendered_map_index": "rendered_map_index",
    },
    times={
        "run_after": "run__run_after",
        "logical_date": "run__logical_date",
        "start_date": "started_at",
        "end_date": "ended_at",
        "updated_at": "updated_at",
    },
    numbers={"duration": "took"},
    took=ExpressionWrapper(F("ended_at") - F("started_at"), output_field=DurationField()),
    unknown=("executor",),
)


def shaped(rows: QuerySet[Any]) -> list[dict[str, Any]]:
    """Shape task instances; the specs they are shown by are cached per version."""
    return [_shaped(row) for row in rows.values(*shapes.INSTANCE_FIELDS)]


def _shaped(row: dict[str, Any]) -> dict[str, Any]:
    version_pk = row["version__pk"] or row["run__version_id"]
    if row["rendered_map_index"] is None:
        row["rendered_map_index"] = nested_place(version_pk, row["task_id"], row["map_index"])
    return shapes.instance(row, task_display(version_pk, row["task_id"]))


def in_path(request: Request, dag_id: str, run_id: str) -> QuerySet[Any]:
    """Return the visible task instances below a path whose ids may be ``~``."""
    rows = access.visible_task_instances(request.user)
    if dag_id != "~":
        dag_for(request.user, dag_id)
        rows = rows.filter(dag_id=dag_id)
    if run_id != "~":
        if dag_id != "~":
            run_for(request.user, dag_id, run_id)
        rows = rows.filter(run__run_id=run_id)
    return rows
