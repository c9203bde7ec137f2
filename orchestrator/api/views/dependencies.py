"""What keeps a task instance from being run, in Airflow's words for it; ``why`` says more."""

from __future__ import annotations

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator.api.base import ApiView
from orchestrator.api.query import map_index as map_index_of
from orchestrator.api.scope import instance_for
from orchestrator.core.states import TaskState
from runs_app import why

HOLDS_NOTHING = {"about_to", "ended", "in_line"}


class DependenciesView(ApiView):
    """GET .../taskInstances/{task_id}/dependencies, and .../{map_index}/dependencies."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str, map_index: int | None = None) -> Response:
        if map_index is None:
            map_index = map_index_of(request.GET)
        instance = instance_for(request.user, dag_id, run_id, task_id, map_index)
        found = []
        if instance.state in {TaskState.NONE, TaskState.SCHEDULED}:
            reasons = [each for each in why.of_task(instance, timezone.now()) if each.kind not in HOLDS_NOTHING]
            found = [{"name": each.kind.replace("_", " ").capitalize(), "reason": each.text} for each in reasons]
        return Response({"dependencies": sorted(found, key=lambda each: each["name"])})
