"""Addresses: the admin, the REST API, and the pages."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("orchestrator.web.urls")),
    path("", include("orchestrator.api.urls")),
]
