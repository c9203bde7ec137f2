"""Task instances and their XComs."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, QueryDict
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orchestrator import access
from orchestrator.api import shapes
from orchestrator.api.query import Listing, flag, order_of, whole
from orchestrator.api.scope import dag_for, instance_for, run_for, task_display
from orchestrator.core.states import TaskState
from runs_app.models import TaskInstance, XCom


def read_state(value: str) -> str:
    """Read a state filter; ``none`` and ``no_status`` both mean "nothing decided yet"."""
    if value in {"none", "no_status", "null"}:
        return TaskState.NONE
    if value not in set(TaskState) | {"queued", "restarting", "awaiting_input"}:
        raise ValueError(f"Input should be one of {', '.join(sorted(TaskState))}")
    return value


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
        duration="ended_at",
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
    convert={"state": read_state, "try_number": int, "map_index": int, "version_number": int},
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
)


def shaped(rows: QuerySet[Any]) -> list[dict[str, Any]]:
    """Shape task instances; the specs they are shown by are cached per version."""
    return [
        shapes.instance(row, task_display(row["version__pk"] or row["run__version_id"], row["task_id"]))
        for row in rows.values(*shapes.INSTANCE_FIELDS)
    ]


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


class TaskInstancesView(APIView):
    """GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances."""

    def get(self, request: Request, dag_id: str, run_id: str) -> Response:
        page, total = LISTING.page(in_path(request, dag_id, run_id), request.GET)
        return Response({"task_instances": shaped(page), "total_entries": total})


class TaskInstanceView(APIView):
    """GET .../taskInstances/{task_id}, and .../{map_index} for one of a mapped task."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Response:
        found = instance_for(request.user, dag_id, run_id, task_id, map_index)
        return Response(shaped(TaskInstance.objects.filter(pk=found.pk))[0])


class MappedView(APIView):
    """GET .../taskInstances/{task_id}/listMapped."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str) -> Response:
        rows = in_path(request, dag_id, run_id).filter(task_id=task_id, map_index__gte=0)
        page, total = LISTING.page(rows, request.GET)
        if not total and not in_path(request, dag_id, run_id).filter(task_id=task_id).exists():
            raise Http404(f"Task id {task_id} not found in run {run_id} of dag {dag_id}")
        return Response({"task_instances": shaped(page), "total_entries": total})


XCOMS = Listing(
    order=order_of(
        "key",
        "timestamp",
        "map_index",
        "task_id",
        "dag_id",
        logical_date="run__logical_date",
        run_after="run__run_after",
    ),
    default_order=("task_instance__run", "task_id", "map_index", "key"),
    exact={"xcom_key": "key", "map_index_filter": "map_index"},
    convert={"map_index_filter": int},
    patterns={"xcom_key": "key", "run_id": "run__run_id", "task_id": "task_id", "dag_display_name": "dag_id"},
    times={"logical_date": "run__logical_date", "run_after": "run__run_after"},
)


class XComsView(APIView):
    """GET .../taskInstances/{task_id}/xcomEntries; never with values."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str) -> Response:
        instances = in_path(request, dag_id, run_id)
        if task_id != "~":
            instances = instances.filter(task_id=task_id)
        rows = XCom.objects.filter(task_instance__in=instances)
        if request.GET.get("map_index") not in (None, ""):
            rows = rows.filter(map_index=whole(request.GET, "map_index", -1, least=-1))
        page, total = XCOMS.page(rows, request.GET)
        entries = [
            shapes.xcom(row, task_display(row["run__version_id"], row["task_id"]))
            for row in page.values(*shapes.XCOM_FIELDS)
        ]
        return Response({"xcom_entries": entries, "total_entries": total})


class XComView(APIView):
    """GET .../xcomEntries/{xcom_key}: one value, as JSON or (``stringify``) as text."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str, key: str) -> Response:
        run_for(request.user, dag_id, run_id)
        map_index = whole(request.GET, "map_index", -1, least=-1)
        rows = XCom.objects.filter(
            run__dag_id=dag_id, run__run_id=run_id, task_id=task_id, map_index=map_index, key=key
        )
        row = rows.values(*shapes.XCOM_FIELDS, "value").first()
        if row is None:
            raise Http404(f"XCom entry with key: `{key}` not found")
        return Response(
            {**shapes.xcom(row, task_display(row["run__version_id"], task_id)), "value": _value(row, request.GET)}
        )


def _value(row: dict[str, Any], query: QueryDict) -> Any:
    value = row["value"]
    if flag(query, "stringify"):
        return value if isinstance(value, str) else json.dumps(value)
    return value
