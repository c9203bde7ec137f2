"""The runs a DAG's schedule has to come: an endpoint of our own."""

from __future__ import annotations

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from dags_app import schedule
from orchestrator.api.base import ApiView
from orchestrator.api.query import whole
from orchestrator.api.scope import dag_for

USUAL = 20


class NextRunsView(ApiView):
    """GET /api/v2/dags/{dag_id}/nextRuns?count=20."""

    def get(self, request: Request, dag_id: str) -> Response:
        dag = dag_for(request.user, dag_id)
        count = min(whole(request.GET, "count", USUAL, least=1), schedule.MOST_UPCOMING)
        found = schedule.preview(dag, count, timezone.now())
        rows = [
            {
                "run_after": each.run.run_after,
                "local_time": each.local.isoformat(),
                "logical_date": each.run.logical_date,
                "data_interval_start": each.run.interval.start,
                "data_interval_end": each.run.interval.end,
                "notes": list(each.notes),
            }
            for each in found.runs
        ]
        return Response(
            {
                "next_runs": rows,
                "timezone": found.timezone,
                "is_paused": dag.is_paused,
                "ending": found.ending or None,
                "total_entries": len(rows),
            }
        )
