"""Trying a connection, and what Airflow's API offers beside that and is not done here.

A connection may have the name of one of these paths: the other methods are about it.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator.api.body import read_body
from orchestrator.api.scope import must
from orchestrator.api.views.registry import CONNECTION, ConnectionView, stored_fields
from runs_app import connection_tests

OFF = "Connections are not tested on workers: POST /api/v2/connections/test tries one here, or run a task that uses it."


class TestConnectionView(ConnectionView):
    """POST /api/v2/connections/test; nothing of the connection is stored."""

    def post(self, request: Request, connection_id: str) -> Any:
        must(request.user, "edit_connections")
        values = {name: each for name, each in read_body(request, CONNECTION).items() if name in request.data}
        conn_id = values.pop("connection_id")
        found = connection_tests.run(conn_id, stored_fields(values), user=request.user)
        return Response({"status": found.status, "message": found.message})


class EnqueueTestView(ConnectionView):
    """GET and POST /api/v2/connections/enqueue-test."""

    def get(self, request: Request, connection_id: str) -> Any:
        must(request.user, "edit_connections")
        raise PermissionDenied(OFF)

    post = get


class DefaultConnectionsView(ConnectionView):
    """POST /api/v2/connections/defaults."""

    def post(self, request: Request, connection_id: str) -> Any:
        must(request.user, "edit_connections")
        raise Http404("There are no default connections here: make those that your DAGs name")
