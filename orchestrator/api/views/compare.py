"""What differs between two runs of a DAG: an endpoint of our own."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator import access
from orchestrator.api.base import ApiView
from orchestrator.api.scope import run_for
from orchestrator.core.comparing import Difference
from orchestrator.core.states import as_airflow
from runs_app import comparing

STATES = {"state", "run_state"}


class CompareView(ApiView):
    """GET .../dagRuns/{run_id}/compare?with=RUN_ID: against that run, the last good one before it by default.

    ``with`` is null in the answer where no run before it succeeded; nothing was compared then.
    """

    def get(self, request: Request, dag_id: str, run_id: str) -> Response:
        run = run_for(request.user, dag_id, run_id)
        wanted = request.GET.get("with", "")
        other = (
            run_for(request.user, dag_id, wanted)
            if wanted
            else comparing.last_good(run, access.visible_runs(request.user))
        )
        about: dict[str, Any] = {"dag_id": dag_id, "dag_run_id": run_id, "with": other.run_id if other else None}
        if other is None:
            return Response({**about, "delay": None, "is_whole": True, "differences": [], "changes": []})
        found = comparing.compared(other, run, timezone.now())
        changes = [{"kind": each.kind, "text": each.text, "breaking": each.breaking} for each in found.changes]
        differences = [_shaped(each) for each in found.differences]
        whole = {"delay": found.delay, "is_whole": found.is_whole}
        return Response({**about, **whole, "differences": differences, "changes": changes})


def _shaped(each: Difference) -> dict[str, Any]:
    before, after = each.before, each.after
    if each.kind in STATES:
        before, after = _state(before), _state(after)
    return {
        "kind": each.kind,
        "task_id": each.task_id or None,
        "map_index": each.map_index if each.task_id else None,
        "name": each.name or None,
        "before": before,
        "after": after,
        "delay": each.delay,
        "is_critical": each.is_critical,
    }


def _state(value: str | None) -> str | None:
    return as_airflow(value) if value else None
