"""The API's own document, for tools that read one."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator.api.base import OpenView
from orchestrator.api.document.build import document


class DocumentView(OpenView):
    """GET /openapi.json: OpenAPI 3.1. It tells nothing of this installation, so nobody is asked who they are."""

    def get(self, request: Request) -> Response:
        return Response(document())
