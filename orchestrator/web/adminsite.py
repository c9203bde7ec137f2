"""The admin site itself: who comes in, and through which door."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.translation import gettext, gettext_lazy

from orchestrator import access


class Site(admin.AdminSite):
    """Only for operators and admins. Signing in happens on the one page that slows down guessing."""

    site_header = "Orchestrator"
    site_title = "Orchestrator"
    index_title = gettext_lazy("Administration")
    empty_value_display = "–"

    def has_permission(self, request: HttpRequest) -> bool:
        return access.role_of(request.user) in {"op", "admin"}

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        target = request.GET.get("next") or resolve_url("admin:index")
        if not request.user.is_authenticated:
            return redirect_to_login(target, resolve_url("sign-in"))
        if self.has_permission(request):
            return HttpResponseRedirect(resolve_url("admin:index"))
        raise PermissionDenied(gettext("The administration is for operators and admins."))

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return HttpResponseRedirect(resolve_url("password"))
