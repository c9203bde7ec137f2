"""The links beside a task instance."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator.api.base import ApiView
from orchestrator.api.query import map_index as map_index_of
from orchestrator.api.query import whole
from orchestrator.api.scope import instance_for, task_display
from runs_app.links import links_of


class LinksView(ApiView):
    """GET .../taskInstances/{task_id}/links."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str) -> Response:
        map_index = map_index_of(request.GET)
        whole(request.GET, "try_number", 0)  # links are the same for every try
        instance = instance_for(request.user, dag_id, run_id, task_id, map_index)
        found = links_of(instance, task_display(instance.version_id or instance.run.version_id, task_id))
        return Response({"extra_links": found, "total_entries": len(found)})
