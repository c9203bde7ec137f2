"""Waiting for a run to end: one line of JSON whenever it is looked at, the last one with what its tasks returned."""

from __future__ import annotations

import json
from typing import Any

from django.http import QueryDict
from rest_framework.request import Request

from orchestrator.api import results
from orchestrator.api.base import ApiView
from orchestrator.api.errors import Invalid, problem
from orchestrator.api.query import seconds
from orchestrator.api.scope import run_for
from orchestrator.core.states import RUN_FINISHED, as_airflow
from orchestrator.streaming import followed
from runs_app.models import DagRun


class WaitView(ApiView):
    """GET .../dagRuns/{dag_run_id}/wait."""

    def get(self, request: Request, dag_id: str, run_id: str) -> Any:
        run = run_for(request.user, dag_id, run_id)
        every = _interval(request.GET)
        wanted = results.wanted(request.GET, run.version_id)

        def look() -> tuple[bytes, bool]:
            state = DagRun.objects.filter(pk=run.pk).values_list("state", flat=True).first()
            if state is None:  # deleted meanwhile: there is no state to tell any more
                return b"", True
            line: dict[str, Any] = {"state": as_airflow(state)}
            if state in RUN_FINISHED and (found := results.of_run(request.user, run.pk, wanted)):
                line["results"] = found
            return json.dumps(line).encode() + b"\n", state in RUN_FINISHED

        groups = [f"run.{run.pk}"]
        answer = followed(request._request, look, "application/x-ndjson", seconds=every, groups=groups)
        accept = request.META.get("HTTP_ACCEPT", "")
        if "application/json" in accept and "x-ndjson" not in accept:
            # As Airflow: its own client takes lines of JSON for what they are only where nothing says what they are.
            del answer["Content-Type"]
        return answer


def _interval(query: QueryDict) -> float:
    found = seconds(query, "interval")
    if found is None:
        raise Invalid(problem("query", "interval", "Field required", None, "missing"))
    return found
