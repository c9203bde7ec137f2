"""Which task groups of a run were run again."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from dags_app.versions import load_spec
from orchestrator.api.base import ApiView
from orchestrator.api.scope import run_for
from orchestrator.api.shapes import moment
from runs_app.group_retries import listed


class GroupRetriesView(ApiView):
    """GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/groupRetries; Airflow has no such endpoint."""

    def get(self, request: Request, dag_id: str, run_id: str) -> Response:
        run = run_for(request.user, dag_id, run_id)
        found = [
            {
                "task_group_id": each.group_id,
                "map_index": each.map_index,
                "retried": each.retried,
                "retries": each.retries,
                "next_retry_at": moment(each.not_before),
            }
            for each in listed(run.pk, load_spec(run.version_id))
        ]
        return Response({"group_retries": found, "total_entries": len(found)})
