"""Addresses: the admin, the REST API, and the pages."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("orchestrator.web.urls")),
    path("", include("orchestrator.api.urls")),
]

handler400 = "orchestrator.web.views.errors.bad_request"
handler403 = "orchestrator.web.views.errors.forbidden"
handler404 = "orchestrator.web.views.errors.not_found"
handler500 = "orchestrator.web.views.errors.server_error"
