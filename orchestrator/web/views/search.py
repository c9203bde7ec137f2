"""The search box asks here."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from orchestrator.web import searching


@require_safe
def search(request: HttpRequest) -> JsonResponse:
    """Answer ``{"found": [{"kind", "name", "about", "to", "state", "dialog"}]}``, the likeliest first."""
    return JsonResponse({"found": searching.search(request.user, request.GET.get("q", ""))})
