"""The pages of assets: which there are, when they changed, who makes them and who waits for them."""

from __future__ import annotations

import json
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_safe

from dags_app.models import Asset, Dag
from orchestrator import access
from orchestrator.logs.mask import mask_fields
from orchestrator.web import asset_list, lineage
from orchestrator.web.page import done, live_part, must
from orchestrator.web.paging import Chunk, sorted_by
from runs_app import asset_actions
from runs_app.exceptions import OrchestratorError

from .dialogs import form_view, shown, text_of

EVENTS_SHOWN = 25


@require_safe
def list_page(request: HttpRequest) -> HttpResponse:
    rows, filters = asset_list.assets_of(request)
    rows, sort = sorted_by(request, rows, asset_list.SORTS, "name")
    chunk = Chunk(request, rows)
    beside = asset_list.around(request.user, chunk.rows)
    context: dict[str, Any] = {"nav": "assets", "filters": filters, "sort": sort, "which": asset_list.which(request)}
    if request.GET.get("view") == "graph":
        data, left_out = lineage.of_list(request, lineage.wanted(request.GET))
        context |= {"data": data, "choices": lineage.CHOICES, "left_out": left_out, "follows": True}
    context |= {"chunk": chunk, "rows": [{"asset": each, "around": beside[each.pk]} for each in chunk.rows]}
    return live_part(request, "assets/list.html", {"rows": "assets/_rows.html", "chips": "parts/chips.html"}, **context)


@require_safe
def list_graph(request: HttpRequest) -> JsonResponse:
    return JsonResponse(lineage.of_list(request, lineage.wanted(request.GET))[0])


def asset_for(request: HttpRequest, asset_id: int) -> Asset:
    asset = access.visible_assets(request.user).filter(pk=asset_id).first()
    if asset is None:
        raise Http404(gettext("There is no asset {asset_id} that you may see.").format(asset_id=asset_id))
    return asset


@require_safe
def asset_page(request: HttpRequest, asset_id: int) -> HttpResponse:
    asset = asset_for(request, asset_id)
    events = access.visible_asset_events(request.user).filter(asset=asset).order_by("-timestamp", "-pk")
    chunk = Paginator(access.with_runs(request.user, events.prefetch_related("aliases")), EVENTS_SHOWN).get_page(
        request.GET.get("page")
    )
    queued = access.visible_queued_events(request.user).filter(asset=asset)
    beside = asset_list.around(request.user, [asset])[asset.pk]
    return live_part(
        request,
        "assets/asset.html",
        {"events": "assets/_events.html"},
        nav="assets",
        tab="events",
        asset=asset,
        extra=mask_fields(asset.extra),
        aliases=list(asset.aliases.order_by("name")),
        watchers=sorted(set(asset.watchers.values_list("name", flat=True))),
        waiting=set(queued.values_list("dag_id", flat=True)),
        chunk=chunk,
        events=[{"event": each, "extra": mask_fields(each.extra)} for each in chunk.object_list],
        around=beside,
        makers=beside.makers,
        data=lineage.of_asset(request.user, asset, lineage.wanted(request.GET)),
        choices=lineage.CHOICES,
        short=True,
    )


@require_safe
def asset_graph(request: HttpRequest, asset_id: int) -> JsonResponse:
    asset = asset_for(request, asset_id)
    return JsonResponse(lineage.of_asset(request.user, asset, lineage.wanted(request.GET)))


@form_view
def create_event(request: HttpRequest, asset_id: int) -> HttpResponse:
    """Make an event as if a task had, or run the DAG that makes the asset."""
    asset = asset_for(request, asset_id)
    must(request, "trigger")
    posted = request.POST if request.method == "POST" else {}
    error, text = "", text_of(posted, "extra", 100_000)
    if request.method == "POST":
        extra, error = _extra(text)
        if not error:
            try:
                event = asset_actions.create_event(
                    asset.pk,
                    extra=extra,
                    partition_key=text_of(posted, "partition_key", 250) or None,
                    source="from_page",
                    user=request.user,
                )
            except OrchestratorError as problem:
                error = str(problem)
            else:
                made = event.runs.count()
                runs = (
                    ngettext("{count} run", "{count} runs", made).format(count=made) if made else gettext("no run yet")
                )
                return done(
                    request,
                    gettext("{name} has a new event: {runs}.").format(name=asset.name, runs=runs),
                    reverse("asset", args=[asset.pk]),
                )
    return shown(
        request,
        "dialogs/_asset_event.html",
        status=422 if error else 200,
        asset=asset,
        title=gettext("Event of {name}").format(name=asset.name),
        error=error,
        extra=text,
        partition_key=text_of(posted, "partition_key", 250),
    )


def _extra(text: str) -> tuple[Any, str]:
    if not text:
        return {}, ""
    try:
        found = json.loads(text)
    except ValueError as error:
        return None, gettext("The extra is no JSON: {error}").format(error=error)
    return (
        (found, "")
        if isinstance(found, dict)
        else (None, gettext('The extra must be a JSON object, such as {"rows": 3}'))
    )


@form_view
def materialize(request: HttpRequest, asset_id: int) -> HttpResponse:
    asset = asset_for(request, asset_id)
    must(request, "trigger")
    error = ""
    if request.method == "POST":
        try:
            key = text_of(request.POST, "partition_key", 250) or None
            run = asset_actions.materialize(asset.pk, user=request.user, partition_key=key)
        except OrchestratorError as problem:
            error = str(problem)
        else:
            return done(
                request,
                gettext("Triggered {dag_id}.").format(dag_id=run.dag_id),
                reverse("run", args=[run.dag_id, run.run_id]),
            )
    makers: QuerySet[Dag] = access.visible_dags(request.user).filter(pk__in=asset_actions.producers(asset.pk))
    return shown(
        request,
        "dialogs/_materialize.html",
        status=422 if error else 200,
        asset=asset,
        title=gettext("Materialize {name}").format(name=asset.name),
        error=error,
        makers=list(makers),
    )
