"""Assets: list, read, events, materialize, and what waits for DAGs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator import access
from orchestrator.api import asset_shapes
from orchestrator.api.base import ApiView
from orchestrator.api.body import Part, has_body, limited_text, mapping, read_body, whole_number
from orchestrator.api.query import Listing, flag, large_int, order_of, read_time, small_int
from orchestrator.api.scope import dag_for, must, must_somewhere, run_for
from orchestrator.api.views.runs import TRIGGER, one, run_values
from runs_app import asset_actions
from runs_app.models import AssetEvent, QueuedEvent

LISTING = Listing(
    order=order_of("name", "uri", "created_at", "updated_at", id="pk"), patterns={"name": "name", "uri": "uri"}
)
ALIASES = Listing(order=order_of("name", id="pk"), patterns={"name": "name"})
EVENTS = Listing(
    order=order_of("source_task_id", "source_dag_id", "source_run_id", "source_map_index", "timestamp"),
    default_order=("timestamp",),
    exact={
        "asset_id": "asset_id",
        **{name: name for name in ("source_dag_id", "source_task_id", "source_run_id", "source_map_index")},
    },
    convert={"asset_id": small_int, "source_map_index": large_int},
    patterns={"name": "asset__name"},
    times={"timestamp": "timestamp"},
)
EVENT = {
    "asset_id": Part(whole_number, required=True, nullable=False),
    "partition_key": Part(limited_text(250, r"(?s).*\S.*")),
    "extra": Part(mapping, nullable=False),
    "access_control": Part(mapping),
}
MATERIALIZE = {**TRIGGER, "logical_date": Part(TRIGGER["logical_date"].read)}


class AssetsView(ApiView):
    """GET /api/v2/assets."""

    def get(self, request: Request) -> Response:
        rows = access.visible_assets(request.user)
        if flag(request.GET, "only_active") is not False:
            rows = rows.filter(is_active=True)
        if dag_ids := request.GET.getlist("dag_ids"):
            named = Q(schedule_references__dag__in=dag_ids) | Q(task_references__dag__in=dag_ids)
            rows = rows.filter(pk__in=rows.filter(named).values("pk"))
        page, total = LISTING.page(rows, request.GET)
        return Response({"assets": asset_shapes.assets(page, request.user), "total_entries": total})


class AssetView(ApiView):
    """GET /api/v2/assets/{asset_id}."""

    def get(self, request: Request, asset_id: int) -> Response:
        found = asset_shapes.assets(access.visible_assets(request.user).filter(pk=asset_id), request.user)
        if not found:
            raise Http404(f"The Asset with ID: `{asset_id}` was not found")
        return Response(found[0])


class AliasesView(ApiView):
    """GET /api/v2/assets/aliases."""

    def get(self, request: Request) -> Response:
        page, total = ALIASES.page(access.visible_aliases(request.user), request.GET)
        return Response({"asset_aliases": [asset_shapes.alias(each) for each in page], "total_entries": total})


class AliasView(ApiView):
    """GET /api/v2/assets/aliases/{asset_alias_id}."""

    def get(self, request: Request, asset_alias_id: int) -> Response:
        found = access.visible_aliases(request.user).filter(pk=asset_alias_id).first()
        if found is None:
            raise Http404(f"The Asset Alias with ID: `{asset_alias_id}` was not found")
        return Response(asset_shapes.alias(found))


class AssetEventsView(ApiView):
    """GET and POST /api/v2/assets/events."""

    def get(self, request: Request) -> Response:
        page, total = EVENTS.page(access.visible_asset_events(request.user), request.GET)
        return Response({"asset_events": asset_shapes.events(page, request.user), "total_entries": total})

    def post(self, request: Request) -> Response:
        must(request.user, "trigger")
        values = read_body(request, EVENT)
        event = asset_actions.create_event(
            values["asset_id"], extra=values["extra"], partition_key=values["partition_key"], user=request.user
        )
        return Response(asset_shapes.events(AssetEvent.objects.filter(pk=event.pk), request.user)[0])


class MaterializeView(ApiView):
    """POST /api/v2/assets/{asset_id}/materialize: run the DAG that makes the asset."""

    def post(self, request: Request, asset_id: int) -> Response:
        _seen(request.user, asset_id)
        must_somewhere(request.user, "trigger")
        values = run_values(read_body(request, MATERIALIZE)) if has_body(request) else {}
        dag = dag_for(request.user, asset_actions.producer_of(asset_id))
        must(request.user, "trigger", dag)
        run = asset_actions.materialize(asset_id, user=request.user, triggered_by="rest_api", **values)
        return Response(one(run.pk))


class UpstreamEventsView(ApiView):
    """GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/upstreamAssetEvents: the events that the run was made for."""

    def get(self, request: Request, dag_id: str, run_id: str) -> Response:
        run = run_for(request.user, dag_id, run_id)
        found = asset_shapes.events(
            access.visible_asset_events(request.user).filter(runs=run).order_by("timestamp", "pk"), request.user
        )
        return Response({"asset_events": found, "total_entries": len(found)})


class QueuedOfAssetView(ApiView):
    """GET and DELETE /api/v2/assets/{asset_id}/queuedEvents."""

    def get(self, request: Request, asset_id: int) -> Response:
        _seen(request.user, asset_id)
        return _queued(request, access.visible_queued_events(request.user).filter(asset_id=asset_id))

    def delete(self, request: Request, asset_id: int) -> Response:
        _seen(request.user, asset_id)
        must_somewhere(request.user, "edit")
        dropped = asset_actions.drop_queued(
            dag_ids=access.dags_for(request.user, "edit"), asset_pk=asset_id, before=_before(request), user=request.user
        )
        if not dropped:
            raise Http404(f"Queue event with asset_id: `{asset_id}` was not found")
        return Response(status=204)


class QueuedOfDagView(ApiView):
    """GET and DELETE /api/v2/dags/{dag_id}/assets/queuedEvents."""

    def get(self, request: Request, dag_id: str) -> Response:
        dag_for(request.user, dag_id)
        return _queued(request, access.visible_queued_events(request.user).filter(dag_id=dag_id))

    def delete(self, request: Request, dag_id: str) -> Response:
        dag = dag_for(request.user, dag_id)
        must(request.user, "edit", dag)
        if not asset_actions.drop_queued(dag_ids=[dag_id], before=_before(request), user=request.user):
            raise Http404(f"Queue event with dag_id: `{dag_id}` was not found")
        return Response(status=204)


class QueuedView(ApiView):
    """GET and DELETE /api/v2/dags/{dag_id}/assets/{asset_id}/queuedEvents."""

    def get(self, request: Request, dag_id: str, asset_id: int) -> Response:
        return Response(asset_shapes.queued(self._found(request, dag_id, asset_id)))

    def delete(self, request: Request, dag_id: str, asset_id: int) -> Response:
        found = self._found(request, dag_id, asset_id)
        must(request.user, "edit", found.dag)
        asset_actions.drop_queued(dag_ids=[dag_id], asset_pk=asset_id, before=_before(request), user=request.user)
        return Response(status=204)

    def _found(self, request: Request, dag_id: str, asset_id: int) -> QueuedEvent:
        dag_for(request.user, dag_id)
        rows = access.visible_queued_events(request.user).filter(dag_id=dag_id, asset_id=asset_id)
        found = _earlier(request, rows).select_related("dag").first()
        if found is None:
            raise Http404(f"Queued event with dag_id: `{dag_id}` and asset_id: `{asset_id}` was not found")
        return found


def _seen(user: Any, asset_id: int) -> None:
    if not access.visible_assets(user).filter(pk=asset_id).exists():
        raise Http404(f"The Asset with ID: `{asset_id}` was not found")


def _before(request: Request) -> datetime | None:
    text = request.GET.get("before")
    return None if text is None else read_time("query", "before", text)


def _earlier(request: Request, rows: QuerySet[Any]) -> QuerySet[Any]:
    before = _before(request)
    return rows if before is None else rows.filter(created_at__lt=before)


def _queued(request: Request, rows: QuerySet[Any]) -> Response:
    found = [asset_shapes.queued(each) for each in _earlier(request, rows).select_related("dag")]
    return Response({"queued_events": found, "total_entries": len(found)})
