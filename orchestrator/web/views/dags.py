"""The DAG list, and what could not be imported."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from orchestrator import access
from orchestrator.core.states import RunState
from orchestrator.web import bulk, dag_filters, folders, list_code, listing, remembered
from orchestrator.web.dag_filters import DagFilters
from orchestrator.web.page import live_part, page
from orchestrator.web.paging import Chunk
from runs_app import favorites
from runs_app.models import DagRun, Process

PARTS = {"rows": "dags/_rows.html", "top": "dags/_top.html", "folders": "dags/_folders.html"}
VIEWS = ("table", "cards")


@require_safe
def list_page(request: HttpRequest) -> HttpResponse:
    dags = access.visible_dags(request.user)
    filters = DagFilters(request)
    kept, sort = dag_filters.sort(request, filters.narrow(dags))
    kept = favorites.marked(kept, request.user).select_related("file__import_error").prefetch_related("tags")
    chunk = Chunk(request, kept)
    view, part = remembered.choice(request, "view", VIEWS), request.GET.get("part", "")
    tags, owners = listing.choices(dags)
    of = bulk.KINDS["dags"]
    response = live_part(
        request,
        "dags/list.html",
        PARTS,
        nav="dags",
        chunk=chunk,
        rows=listing.rows(chunk.rows) if part in {"", "rows"} else [],
        folders=folders.tree(dags) if part in {"", "folders"} else [],
        **(_top(request, dags) if part in {"", "top"} else {}),
        tags=tags,
        owners=owners,
        filters=filters,
        sort=sort,
        sorts=dag_filters.SORT_NAMES,
        states=list(RunState),
        view=view,
        code=list_code.of_dags(request, filters, chunk, sort),
        bulk_kind=of.name,
        bulk_acts=bulk.offered(of, request.user),
        bulk_total=chunk.total,
        folder=settings.ORCH.dags_folder,
    )
    if request.GET.get("sort"):
        remembered.keep(response, dag_filters.SORT, sort)
    return remembered.keep(response, "view", view)


def _top(request: HttpRequest, dags: Any) -> dict[str, Any]:
    """What stands above the list, whatever the filters are."""
    errors = access.visible_import_errors(request.user).select_related("file").order_by("-timestamp")[:20]
    counts = dags.aggregate(
        all=Count("pk", filter=Q(is_stale=False)),
        paused=Count("pk", filter=Q(is_stale=False, is_paused=True)),
        gone=Count("pk", filter=Q(is_stale=True)),
    )
    active = access.visible_runs(request.user).filter(state__in=[RunState.QUEUED, RunState.RUNNING])
    newest = DagRun.objects.filter(dag=OuterRef("pk")).order_by("-run_after", "-pk").values("state")[:1]
    kept = dags.filter(is_stale=False).alias(newest_state=Subquery(newest))
    counts["failed"] = kept.filter(newest_state=RunState.FAILED).count()
    counts |= active.aggregate(
        running=Count("dag", filter=Q(state=RunState.RUNNING), distinct=True),
        queued=Count("dag", filter=Q(state=RunState.QUEUED), distinct=True),
    )
    counts["asked"] = access.visible_questions(request.user, is_open=True).count()
    counts["favorites"] = favorites.narrowed(dags.filter(is_stale=False), request.user).count()
    return {"errors": list(errors), "counts": counts, "silent": silent()}


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
    return page(request, "dags/import_errors.html", nav="import-errors", errors=list(errors))
