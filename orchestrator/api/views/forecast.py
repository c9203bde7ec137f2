"""When a run will end: an endpoint of our own."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator.api import shapes
from orchestrator.api.base import ApiView
from orchestrator.api.scope import run_for
from runs_app import forecast


class ForecastView(ApiView):
    """GET .../dagRuns/{run_id}/forecast: both times null where there is none, and ``reason`` says why."""

    def get(self, request: Request, dag_id: str, run_id: str) -> Response:
        told = forecast.of_run(run_for(request.user, dag_id, run_id), timezone.now())
        return Response(
            {
                "dag_id": dag_id,
                "dag_run_id": run_id,
                "p50": shapes.moment(told.half),
                "p90": shapes.moment(told.most),
                "runs": told.runs,
                "reason": told.reason or None,
                "late": [_late(each) for each in told.lates],
            }
        )


def _late(each: forecast.Late) -> dict[str, Any]:
    return {
        "name": each.name,
        "task_id": each.task_id or None,
        "deadline_time": shapes.moment(each.at),
        "seconds": round(each.seconds, 3),
        "is_sure": each.is_sure,
        "is_timeout": each.is_timeout,
    }
