"""A run as it was at any moment of its time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dags_app.versions import load_spec
from orchestrator.web import replay as shown
from orchestrator.web.page import live_part, run_for
from runs_app import replay
from runs_app.models import DagRun

from .run import HEAD, head

PARTS = HEAD | {"replay": "runs/_replay.html"}
SPEEDS = (1, 10, 60, 600)
USUAL_SPEED = 60
LISTED = 12


@require_safe
def replay_page(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    """A part alone, of which playing asks for several a second, reads nothing but the moment."""
    if request.GET.get("part") == "replay":
        run = run_for(request, dag_id, run_id)
        context: dict[str, Any] = {"dag": run.dag, "run": run}
    else:
        context = head(request, dag_id, run_id, "replay")
        run = context["run"]
    span = replay.span_of(run, timezone.now())
    context |= _moment(request, run, span)
    if not request.GET.get("part"):
        context |= {"strip": shown.strip(run, span), "speeds": SPEEDS, "usual": USUAL_SPEED}
    return live_part(request, "runs/replay.html", PARTS, **context)


def _step(at: datetime | None, span: replay.Span) -> dict[str, Any] | None:
    """A change to go to, as a time and in seconds of the run."""
    if at is None or not span.start <= at <= span.end:
        return None
    return {"at": at, "offset": f"{(at - span.start).total_seconds():.6f}"}


def _moment(request: HttpRequest, run: DagRun, span: replay.Span) -> dict[str, Any]:
    at, is_wrong = shown.asked(request, span)
    at = at or span.end
    seen = replay.moment_at(run, at)
    before, after = replay.beside(run.pk, at)
    return {
        "at": at,
        "is_wrong": is_wrong,
        "span": span,
        "offset": round((at - span.start).total_seconds(), 3),
        "seen": seen,
        "lines": shown.lines(load_spec(run.version_id), seen.parts),
        "figures": shown.summary(seen.parts),
        "before": _step(before, span),
        "after": _step(after, span),
        "listed": LISTED,
    }
