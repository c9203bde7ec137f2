"""The state stores of task instances."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import Http404, JsonResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator.api.base import ApiView, null
from orchestrator.api.body import Part, any_json, read_body
from orchestrator.api.body import time as read_moment
from orchestrator.api.errors import Invalid, problem
from orchestrator.api.instances import in_path
from orchestrator.api.query import flag, window
from orchestrator.api.query import map_index as map_index_of
from orchestrator.api.scope import instance_for, must
from runs_app import store
from runs_app.models import TaskInstance, TaskStoreEntry

DEFAULT = "default"


def _expiry(name: str, value: Any) -> Any:
    return DEFAULT if value == DEFAULT else read_moment(name, value)


def read_value(name: str, value: Any) -> Any:
    try:
        store.check(name, any_json(name, value), settings.ORCH.store_max_bytes)
    except store.StoreRefused as error:
        raise Invalid(problem("body", name, str(error))) from error
    return value


class _StoreView(ApiView):
    """What both endpoints do: find the task instance, and say what a row is."""

    def instance(self, request: Request, dag_id: str, run_id: str, task_id: str) -> TaskInstance:
        map_index = map_index_of(request.GET)
        return instance_for(request.user, dag_id, run_id, task_id, map_index)

    def row(self, instance: TaskInstance, key: str) -> TaskStoreEntry:
        row = store.alive(timezone.now()).filter(task_instance=instance, key=key).first()
        if row is None:
            raise Http404(f"Task state store key {key!r} not found")
        return row


def shape(row: TaskStoreEntry) -> dict[str, Any]:
    return {"key": row.key, "value": row.value, "updated_at": row.updated_at, "expires_at": row.expires_at}


PUT = {"value": Part(read_value, required=True, nullable=False), "expires_at": Part(_expiry, default=DEFAULT)}


class StateStoreView(_StoreView):
    """GET and DELETE .../taskInstances/{task_id}/state-store."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str) -> Response:
        rows = store.alive(timezone.now()).filter(task_instance=self.instance(request, dag_id, run_id, task_id))
        limit, offset = window(request.GET)
        page = [shape(row) for row in rows.order_by("key")[offset : offset + limit]]
        return Response({"task_state_store": page, "total_entries": rows.count()})

    def delete(self, request: Request, dag_id: str, run_id: str, task_id: str) -> Response:
        everywhere = bool(flag(request.GET, "all_map_indices"))
        instance = (
            _any_instance(request, dag_id, run_id, task_id)
            if everywhere
            else self.instance(request, dag_id, run_id, task_id)
        )
        must(request.user, "edit", instance)
        store.forget(instance, everywhere=everywhere, user=request.user)
        return Response(status=204)


class StateStoreKeyView(_StoreView):
    """GET, PUT, PATCH and DELETE .../state-store/{key}."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str, key: str) -> Response:
        return Response(shape(self.row(self.instance(request, dag_id, run_id, task_id), key)))

    def put(self, request: Request, dag_id: str, run_id: str, task_id: str, key: str) -> Response:
        instance = self.instance(request, dag_id, run_id, task_id)
        must(request.user, "edit", instance)
        values = read_body(request, PUT)
        now = timezone.now()
        expires_at: datetime | None = values["expires_at"]
        if values["expires_at"] == DEFAULT:
            expires_at = store.default_expiry(now)
        store.edit(instance, key, values["value"], expires_at=expires_at, now=now, user=request.user)
        return Response(status=204)

    def patch(self, request: Request, dag_id: str, run_id: str, task_id: str, key: str) -> JsonResponse:
        instance = self.instance(request, dag_id, run_id, task_id)
        must(request.user, "edit", instance)
        values = read_body(request, {"value": Part(read_value, required=True, nullable=False)})
        row = self.row(instance, key)
        store.edit(instance, key, values["value"], expires_at=row.expires_at, now=timezone.now(), user=request.user)
        return null()

    def delete(self, request: Request, dag_id: str, run_id: str, task_id: str, key: str) -> Response:
        instance = self.instance(request, dag_id, run_id, task_id)
        must(request.user, "edit", instance)
        store.forget(instance, key, user=request.user)
        return Response(status=204)


def _any_instance(request: Request, dag_id: str, run_id: str, task_id: str) -> TaskInstance:
    found = in_path(request, dag_id, run_id).filter(task_id=task_id).first()
    if found is None:
        raise Http404(f"Task id {task_id} not found in run {run_id} of dag {dag_id}")
    return found
