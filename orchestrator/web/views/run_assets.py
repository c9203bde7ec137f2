"""The asset events of one run: what it was made for, and what its tasks made."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from orchestrator import access
from orchestrator.core.states import RunType
from orchestrator.web import evaluations
from orchestrator.web.page import live_part
from runs_app.models import DagRun

from .run import HEAD, head

MOST = 200
"""Of each kind."""


@require_safe
def asset_events_page(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    context = head(request, dag_id, run_id, "asset_events")
    visible = access.visible_asset_events(request.user)
    parts = HEAD | {"asset_events": "runs/_asset_events.html"}
    context |= {
        "came": _listed(request, visible.filter(runs=context["run"])),
        "led": _led(request, context["run"]),
        "made": _listed(request, visible.filter(source_dag_id=dag_id, source_run_id=run_id)),
    }
    return live_part(request, "runs/asset_events.html", parts, **context)


def _led(request: HttpRequest, run: DagRun) -> evaluations.Evaluation | None:
    """How the condition of its schedule came to hold; None for a run that was made otherwise."""
    if run.run_type != RunType.ASSET_TRIGGERED:
        return None
    (found,) = evaluations.of_runs(request.user, run.dag, [run])
    return found if found.changes else None


def _listed(request: HttpRequest, events: QuerySet[Any]) -> list[Any]:
    rows = access.with_runs(request.user, events.select_related("asset").prefetch_related("aliases"))
    return list(rows.order_by("-timestamp", "-pk")[:MOST])
