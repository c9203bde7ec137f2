"""How many runs each DAG has, by state."""

from __future__ import annotations

from collections import Counter

from django.db.models import Count
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator import access
from orchestrator.api.base import ApiView
from orchestrator.core.states import as_airflow

STATES = ("queued", "running", "success", "failed")


class DagStatsView(ApiView):
    """GET /api/v2/dagStats: of DAGs that have runs; ``dag_ids`` names some."""

    def get(self, request: Request) -> Response:
        runs = access.visible_runs(request.user)
        if dag_ids := [each for each in request.GET.getlist("dag_ids") if each]:
            runs = runs.filter(dag_id__in=dag_ids)
        counted = runs.order_by("dag_id").values_list("dag_id", "dag__display_name", "state").annotate(Count("pk"))
        names: dict[str, str] = {}
        counts: Counter[tuple[str, str]] = Counter()
        for dag_id, name, state, count in counted:
            names[dag_id] = name or dag_id
            counts[dag_id, as_airflow(state)] += count
        dags = [
            {
                "dag_id": dag_id,
                "dag_display_name": name,
                "stats": [{"state": state, "count": counts[dag_id, state]} for state in STATES],
            }
            for dag_id, name in names.items()
        ]
        return Response({"dags": dags, "total_entries": len(dags)})
