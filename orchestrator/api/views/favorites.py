"""Favorites of whoever asks, as Airflow has them."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator.api.base import ApiView
from orchestrator.api.errors import Conflict
from orchestrator.api.scope import dag_for, must
from runs_app import favorites


class FavoriteView(ApiView):
    """POST /api/v2/dags/{dag_id}/favorite."""

    def post(self, request: Request, dag_id: str) -> Response:
        must(request.user, "star", dag_for(request.user, dag_id))
        if not favorites.star(dag_id, user=request.user):
            raise Conflict("Dag is already marked as favorite")
        return Response(status=204)


class UnfavoriteView(ApiView):
    """POST /api/v2/dags/{dag_id}/unfavorite."""

    def post(self, request: Request, dag_id: str) -> Response:
        must(request.user, "star", dag_for(request.user, dag_id))
        if not favorites.unstar(dag_id, user=request.user):
            raise Conflict("Dag is not marked as favorite")
        return Response(status=204)
