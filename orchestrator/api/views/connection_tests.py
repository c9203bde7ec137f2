"""Trying a connection that is there or is about to be made; nothing of it is stored."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator.api.base import ApiView
from orchestrator.api.body import read_body
from orchestrator.api.scope import must
from orchestrator.api.views.registry import CONNECTION, ConnectionView, stored_fields
from runs_app import connection_tests


class ConnectionTestView(ApiView):
    """POST /api/v2/connections/test."""

    def post(self, request: Request) -> Response:
        must(request.user, "edit_connections")
        values = {name: each for name, each in read_body(request, CONNECTION).items() if name in request.data}
        conn_id = values.pop("connection_id")
        found = connection_tests.run(conn_id, stored_fields(values), user=request.user)
        return Response({"status": found.status, "message": found.message})

    def http_method_not_allowed(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What is no test is meant for the connection of this name, which somebody may have."""
        handler = getattr(ConnectionView, (request.method or "").lower(), None)
        if handler is None:
            return super().http_method_not_allowed(request, *args, **kwargs)
        answer: Response = handler(ConnectionView(), request, connection_id="test")
        return answer
