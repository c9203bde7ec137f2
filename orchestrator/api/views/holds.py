"""Holds: keep a task from starting, in one run or in every run. Airflow has no such endpoints."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from dags_app.versions import load_spec
from orchestrator.api import shapes
from orchestrator.api.base import ApiView
from orchestrator.api.body import Part, limited_text, read_body, time
from orchestrator.api.query import map_index as map_index_of
from orchestrator.api.scope import dag_for, must, run_for
from runs_app import holds
from runs_app.exceptions import TaskNotFound
from runs_app.models import Hold

BODY = {"reason": Part(limited_text(1000, least=0)), "until": Part(time)}


def shape(held: Hold) -> dict[str, Any]:
    return {
        "dag_id": held.dag_id,
        "dag_run_id": held.run.run_id if held.run else None,
        "task_id": held.task_id,
        "map_index": held.map_index,
        "held_by": held.held_by,
        "reason": held.reason or None,
        "until": shapes.moment(held.until),
        "created_at": shapes.moment(held.created_at),
    }


class HoldsView(ApiView):
    """GET /api/v2/dags/{dag_id}/holds."""

    def get(self, request: Request, dag_id: str) -> Response:
        dag = dag_for(request.user, dag_id)
        found = [shape(each) for each in Hold.objects.filter(dag=dag).select_related("run").order_by("pk")]
        return Response({"holds": found, "total_entries": len(found)})


class HoldTaskView(ApiView):
    """PUT and DELETE .../tasks/{task_id}/hold (every run), or below a run's task instance (``map_index`` in the query)."""

    def put(self, request: Request, dag_id: str, task_id: str, run_id: str | None = None) -> Response:
        key = self._key(request, dag_id, task_id, run_id)
        values = read_body(request, BODY, optional=True)
        made = holds.hold(**key, reason=values["reason"] or "", until=values["until"], user=request.user)
        return Response(shape(made))

    def delete(self, request: Request, dag_id: str, task_id: str, run_id: str | None = None) -> Response:
        holds.release_task(**self._key(request, dag_id, task_id, run_id), user=request.user)
        return Response(status=204)

    def _key(self, request: Request, dag_id: str, task_id: str, run_id: str | None) -> dict[str, Any]:
        dag = dag_for(request.user, dag_id)
        run = run_for(request.user, dag_id, run_id) if run_id is not None else None
        version_pk = run.version_id if run else dag.version_id
        known = version_pk is not None and task_id in load_spec(version_pk).tasks
        if not known and not Hold.objects.filter(dag=dag, task_id=task_id).exists():
            raise TaskNotFound(task_id, dag_id)
        must(request.user, "mark", run or dag)
        index = map_index_of(request.GET)
        return {"dag_id": dag_id, "task_id": task_id, "run_pk": run.pk if run else None, "map_index": index}
