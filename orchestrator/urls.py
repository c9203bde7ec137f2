"""Addresses: the admin, the REST API, and the pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import include, path
from django.urls.resolvers import RoutePattern, URLResolver

OF_THE_API = ("api/", "auth/", "openapi.json")


class OfTheApi(RoutePattern):
    """Lets only what begins like the API's addresses look through them, and so through no page's.

    On the way past all pages to it a small answer lost a tenth of its time, and pages would lose theirs the other way round.
    """

    def match(self, path: str) -> tuple[str, tuple[()], dict[str, Any]] | None:
        return (path, (), {}) if path.startswith(OF_THE_API) else None


urlpatterns = [
    URLResolver(OfTheApi("", is_endpoint=False), "orchestrator.api.urls"),
    path("admin/", admin.site.urls),
    path("", include("orchestrator.web.urls")),
]

handler400 = "orchestrator.web.views.errors.bad_request"
handler403 = "orchestrator.web.views.errors.forbidden"
handler404 = "orchestrator.web.views.errors.not_found"
handler500 = "orchestrator.web.views.errors.server_error"
