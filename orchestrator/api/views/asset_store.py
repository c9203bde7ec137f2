"""The state stores of assets."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from dags_app.models import Asset
from orchestrator import access
from orchestrator.api.base import ApiView
from orchestrator.api.body import Part, read_body
from orchestrator.api.query import window
from orchestrator.api.scope import must
from orchestrator.api.views.state_store import read_value
from runs_app import asset_store
from runs_app.models import AssetStoreEntry


def _asset(request: Request, asset_id: int, verb: str = "") -> Asset:
    asset = access.visible_assets(request.user).filter(pk=asset_id).first()
    if asset is None:
        raise Http404(f"Asset with id {asset_id!r} not found")
    if verb:
        must(request.user, verb, asset)
    return asset


def shape(row: AssetStoreEntry) -> dict[str, Any]:
    by = {"kind": None, "dag_id": None, "run_id": None, "task_id": None, "map_index": None, **row.updated_by}
    return {"key": row.key, "value": row.value, "updated_at": row.updated_at, "last_updated_by": by}


class AssetStoreView(ApiView):
    """GET and DELETE /api/v2/assets/{asset_id}/state-store."""

    def get(self, request: Request, asset_id: int) -> Response:
        rows = AssetStoreEntry.objects.filter(asset=_asset(request, asset_id)).order_by("key")
        limit, offset = window(request.GET)
        page = [shape(row) for row in rows[offset : offset + limit]]
        return Response({"asset_state_store": page, "total_entries": rows.count()})

    def delete(self, request: Request, asset_id: int) -> Response:
        asset_store.forget(_asset(request, asset_id, "edit"), user=request.user)
        return Response(status=204)


class AssetStoreKeyView(ApiView):
    """GET, PUT and DELETE .../state-store/{key}."""

    def get(self, request: Request, asset_id: int, key: str) -> Response:
        row = AssetStoreEntry.objects.filter(asset=_asset(request, asset_id), key=key).first()
        if row is None:
            raise Http404(f"Asset state store key {key!r} not found")
        return Response(shape(row))

    def put(self, request: Request, asset_id: int, key: str) -> Response:
        asset = _asset(request, asset_id, "edit")
        values = read_body(request, {"value": Part(read_value, required=True, nullable=False)})
        asset_store.edit(asset, key, values["value"], user=request.user)
        return Response(status=204)

    def delete(self, request: Request, asset_id: int, key: str) -> Response:
        asset_store.forget(_asset(request, asset_id, "edit"), key, user=request.user)
        return Response(status=204)
