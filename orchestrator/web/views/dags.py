"""The DAG list, and what could not be imported."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from orchestrator import access
from orchestrator.core.states import RunState
from orchestrator.web import listing
from orchestrator.web.page import live_part, page
from runs_app.models import Process

FILTERS = ("q", "tag", "owner", "paused", "state", "gone")
PARTS = {"rows": "dags/_rows.html", "top": "dags/_top.html"}


@require_safe
def list_page(request: HttpRequest) -> HttpResponse:
    dags = access.visible_dags(request.user)
    kept = listing.narrowed(dags, request.GET).select_related("file__import_error").prefetch_related("tags")
    chunk = Paginator(kept.order_by("dag_id"), listing.PER_PAGE).get_page(request.GET.get("page"))
    tags, owners = listing.choices(dags)
    errors = access.visible_import_errors(request.user).select_related("file").order_by("-timestamp")[:20]
    counts = dags.aggregate(
        all=Count("pk", filter=Q(is_stale=False)),
        paused=Count("pk", filter=Q(is_stale=False, is_paused=True)),
        gone=Count("pk", filter=Q(is_stale=True)),
    )
    active = access.visible_runs(request.user).filter(state__in=[RunState.QUEUED, RunState.RUNNING])
    counts |= active.aggregate(
        running=Count("pk", filter=Q(state=RunState.RUNNING)), queued=Count("pk", filter=Q(state=RunState.QUEUED))
    )
    counts["asked"] = access.visible_questions(request.user, is_open=True).count()
    return live_part(
        request,
        "dags/list.html",
        PARTS,
        nav="dags",
        chunk=chunk,
        rows=listing.rows(list(chunk.object_list)),
        tags=tags,
        owners=owners,
        errors=list(errors),
        counts=counts,
        filtered=any(request.GET.get(name) for name in FILTERS),
        silent=silent(),
        folder=settings.ORCH.dags_folder,
    )


def silent() -> list[str]:
    """Return which parts of the engine show no life; empty also where none was ever started here."""
    beats: dict[str, Any] = dict(
        Process.objects.filter(ended_at__isnull=True).order_by("beat_at").values_list("kind", "beat_at")
    )
    old = timezone.now() - timedelta(seconds=settings.ORCH.lease_seconds)
    names = {"beat": "scheduler", "slot": "workers", "processor": "DAG processor"}
    return [name for kind, name in names.items() if kind not in beats or beats[kind] < old]


@require_safe
def import_errors_page(request: HttpRequest) -> HttpResponse:
    errors = access.visible_import_errors(request.user).select_related("file").order_by("-timestamp")[:200]
    return page(request, "dags/import_errors.html", nav="dags", errors=list(errors))
