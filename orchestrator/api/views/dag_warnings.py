"""Warnings about DAGs."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from dags_app import warnings
from orchestrator import access
from orchestrator.api import shapes
from orchestrator.api.base import ApiView
from orchestrator.api.errors import BadRequest
from orchestrator.api.query import choice, window

ORDER = ("dag_id", "warning_type", "message", "timestamp")


class DagWarningsView(ApiView):
    """GET /api/v2/dagWarnings."""

    def get(self, request: Request) -> Response:
        dags = access.visible_dags(request.user)
        if dag_ids := request.GET.getlist("dag_id"):
            dags = dags.filter(pk__in=dag_ids)
        kind = choice(request.GET, "warning_type", *warnings.TYPES)
        limit, offset = window(request.GET)
        found = [each for each in warnings.of(dags) if not kind or each.warning_type == kind]
        for name in reversed([each for each in request.GET.getlist("order_by") if each]):
            field = name.removeprefix("-")
            if field not in ORDER:
                raise BadRequest(f"Ordering with '{field}' is disallowed or the attribute does not exist on the model")
            found.sort(key=lambda each, field=field: getattr(each, field), reverse=name.startswith("-"))
        rows = [
            {
                "dag_id": each.dag_id,
                "dag_display_name": each.dag_display_name,
                "warning_type": each.warning_type,
                "message": each.message,
                "timestamp": shapes.moment(each.timestamp),
            }
            for each in found[offset : offset + limit]
        ]
        return Response({"dag_warnings": rows, "total_entries": len(found)})
