"""Plugins: what is loaded, and what could not be."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from dags_app.models import PluginSource
from orchestrator.api.base import ApiView
from orchestrator.api.query import window
from orchestrator.api.scope import must

LISTS = (
    *("macros", "flask_blueprints", "fastapi_apps", "fastapi_root_middlewares", "external_views", "react_apps"),
    *("appbuilder_views", "appbuilder_menu_items", "global_operator_extra_links", "operator_extra_links"),
    *("listeners", "timetables", "priority_weight_strategies", "partition_mappers", "windows", "deadline_references"),
)


class PluginsView(ApiView):
    """GET /api/v2/plugins."""

    def get(self, request: Request) -> Response:
        must(request.user, "read_plugins")
        rows = PluginSource.objects.filter(error="", name__isnull=False)
        limit, offset = window(request.GET)
        return Response(
            {"plugins": [_shape(row) for row in rows[offset : offset + limit]], "total_entries": rows.count()}
        )


class PluginErrorsView(ApiView):
    """GET /api/v2/plugins/importErrors."""

    def get(self, request: Request) -> Response:
        must(request.user, "read_plugins")
        rows = PluginSource.objects.exclude(error="")
        found = [{"source": row.source, "error": row.error} for row in rows]
        return Response({"import_errors": found, "total_entries": len(found)})


def _shape(row: PluginSource) -> dict[str, Any]:
    return {"name": row.name, "source": row.source, **{each: row.brings.get(each, []) for each in LISTS}}
