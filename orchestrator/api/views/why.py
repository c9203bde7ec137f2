"""Why a DAG, a run or a task instance does not run: endpoints of our own."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator.api import shapes
from orchestrator.api.base import ApiView
from orchestrator.api.scope import dag_for, instance_for, run_for
from orchestrator.core.reasons import Reason
from orchestrator.core.states import TaskState, as_airflow
from runs_app import why


class DagWhyView(ApiView):
    """GET /api/v2/dags/{dag_id}/why."""

    def get(self, request: Request, dag_id: str) -> Response:
        dag = dag_for(request.user, dag_id)
        return Response({"dag_id": dag_id, "reasons": _shaped(why.of_dag(dag, timezone.now()))})


class RunWhyView(ApiView):
    """GET .../dagRuns/{run_id}/why: of the run, and of what its task instances wait for."""

    def get(self, request: Request, dag_id: str, run_id: str) -> Response:
        run, now = run_for(request.user, dag_id, run_id), timezone.now()
        waiting = [
            {
                "task_id": each.first.task_id,
                "map_index": each.first.map_index,
                "count": each.count,
                "reason": shapes.reason(each.reason),
            }
            for each in why.of_tasks(run, now)
        ]
        reasons = _shaped(why.of_run(run, now))
        state = as_airflow(run.state)
        return Response(
            {"dag_id": dag_id, "dag_run_id": run_id, "state": state, "reasons": reasons, "waiting": waiting}
        )


class TaskWhyView(ApiView):
    """GET .../taskInstances/{task_id}/why, and .../{map_index}/why."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Response:
        instance = instance_for(request.user, dag_id, run_id, task_id, map_index)
        state = None if instance.state == TaskState.NONE else as_airflow(instance.state)
        return Response(
            {
                "dag_id": dag_id,
                "dag_run_id": run_id,
                "task_id": task_id,
                "map_index": map_index,
                "state": state,
                "reasons": _shaped(why.of_task(instance, timezone.now())),
            }
        )


def _shaped(reasons: list[Reason]) -> list[dict[str, Any]]:
    return [shapes.reason(each) for each in reasons]
