"""The empty view: what an answer costs before it says anything, on the same server and for the same caller."""

from __future__ import annotations

from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class EmptyView(APIView):
    """``{}``, to whoever the API knows."""

    def get(self, request: Request) -> Response:
        return Response({})


urlpatterns = [path("api/bench/empty", EmptyView.as_view()), path("", include("orchestrator.urls"))]
