"""XComs: list, read, write, change and delete."""

from __future__ import annotations

import json
from typing import Any

from django.http import Http404, QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator.api import shapes
from orchestrator.api.base import ApiView
from orchestrator.api.body import Part, any_json, large_number, limited_text, read_body
from orchestrator.api.errors import BadRequest
from orchestrator.api.instances import in_path
from orchestrator.api.query import Listing, flag, large_int, order_of
from orchestrator.api.query import map_index as map_index_of
from orchestrator.api.scope import instance_for, must, run_for, task_display
from runs_app import xcoms_by_hand as xcoms
from runs_app.models import TaskInstance, XCom

CREATE = {
    "key": Part(limited_text(512), required=True, nullable=False),
    "value": Part(any_json, required=True),
    "map_index": Part(large_number, default=-1, nullable=False),
}
UPDATE = {name: part for name, part in CREATE.items() if name != "key"}

XCOMS = Listing(
    order=order_of(
        "key",
        "timestamp",
        "map_index",
        "task_id",
        "dag_id",
        run_id="run__run_id",
        logical_date="run__logical_date",
        run_after="run__run_after",
    ),
    default_order=("task_instance__run", "task_id", "map_index", "key"),
    exact={"xcom_key": "key", "map_index_filter": "map_index"},
    convert={"map_index_filter": large_int},
    patterns={"xcom_key": "key", "run_id": "run__run_id", "task_id": "task_id", "dag_display_name": "dag_id"},
    times={"logical_date": "run__logical_date", "run_after": "run__run_after"},
)


class XComsView(ApiView):
    """GET and POST .../taskInstances/{task_id}/xcomEntries; listed without values."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str) -> Response:
        instances = in_path(request, dag_id, run_id)
        if task_id != "~":
            instances = instances.filter(task_id=task_id)
        rows = XCom.objects.filter(task_instance__in=instances)
        if "map_index" in request.GET:
            rows = rows.filter(map_index=map_index_of(request.GET))
        page, total = XCOMS.page(rows, request.GET)
        entries = [
            shapes.xcom(row, task_display(row["run__version_id"], row["task_id"]))
            for row in page.values(*shapes.XCOM_FIELDS)
        ]
        return Response({"xcom_entries": entries, "total_entries": total})

    def post(self, request: Request, dag_id: str, run_id: str, task_id: str) -> Response:
        run = run_for(request.user, dag_id, run_id)
        must(request.user, "edit", run.dag)
        values = read_body(request, CREATE)
        instance = instance_for(request.user, dag_id, run_id, task_id, values["map_index"])
        xcoms.create(instance, values["key"], values["value"], user=request.user)
        return Response(_entry(instance, values["key"]), status=201)


class XComView(ApiView):
    """GET, PATCH and DELETE .../xcomEntries/{xcom_key}: one value, as JSON or (``stringify``) as text."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str, key: str) -> Response:
        run_for(request.user, dag_id, run_id)
        if flag(request.GET, "deserialize"):
            raise BadRequest("XCom deserialization is disabled in configuration: a value's class is never loaded here")
        map_index = map_index_of(request.GET)
        rows = XCom.objects.filter(
            run__dag_id=dag_id, run__run_id=run_id, task_id=task_id, map_index=map_index, key=key
        )
        row = rows.values(*shapes.XCOM_FIELDS, "value").first()
        if row is None:
            raise Http404(f"XCom entry with key: `{key}` not found")
        return Response(
            {**shapes.xcom(row, task_display(row["run__version_id"], task_id)), "value": _value(row, request.GET)}
        )

    def patch(self, request: Request, dag_id: str, run_id: str, task_id: str, key: str) -> Response:
        run = run_for(request.user, dag_id, run_id)
        must(request.user, "edit", run.dag)
        values = read_body(request, UPDATE)
        instance = instance_for(request.user, dag_id, run_id, task_id, values["map_index"])
        if not xcoms.change(instance, key, values["value"], user=request.user):
            raise _gone(key)
        return Response(_entry(instance, key))

    def delete(self, request: Request, dag_id: str, run_id: str, task_id: str, key: str) -> Response:
        run = run_for(request.user, dag_id, run_id)
        must(request.user, "edit", run.dag)
        instance = instance_for(request.user, dag_id, run_id, task_id, map_index_of(request.GET))
        if not xcoms.delete(instance, key, user=request.user):
            raise _gone(key)
        return Response(status=204)


def _gone(key: str) -> Http404:
    return Http404(f"The XCom with key: `{key}` with mentioned task instance doesn't exist.")


def _entry(instance: TaskInstance, key: str) -> dict[str, Any]:
    row = XCom.objects.filter(task_instance=instance, key=key).values(*shapes.XCOM_FIELDS, "value").get()
    return {**shapes.xcom(row, task_display(row["run__version_id"], instance.task_id)), "value": row["value"]}


def _value(row: dict[str, Any], query: QueryDict) -> Any:
    value = row["value"]
    if flag(query, "stringify"):
        return value if isinstance(value, str) else json.dumps(value)
    return value
