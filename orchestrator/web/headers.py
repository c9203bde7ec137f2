"""What holds for every answer: the content security policy, and that one has to be signed in."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import resolve_url

POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
OPEN = (
    "/sign-in",
    "/language",
    "/static/",
    "/admin/login/",
    "/auth/",
    "/api/",
    "/openapi.json",
    "/docs",
    "/redoc",
    "/favicon.ico",
    "/healthz",
    "/answer/",
)
"""Prefixes that answer without a session; the API asks for its own credentials, a link to answer by is one."""

Next = Callable[[HttpRequest], HttpResponse]


class ContentSecurityPolicy:
    """No script, style or frame but our own files: a value that slips through unescaped stays text."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        return response


class Compressed(GZipMiddleware):
    """Pages and data travel at a tenth of their size. Not what is streamed: a log of a gigabyte is only passed on.

    Django adds bytes by chance to each answer and masks the CSRF token anew, so that its length tells nothing of it.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        return response if response.streaming else super().process_response(request, response)


class SignInRequired:
    """Default deny: a page that forgets to ask is still not shown to strangers."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # The address first: what is open must answer even while the database that knows the users is away.
        if request.path.startswith(OPEN) or request.user.is_authenticated:
            return self.get_response(request)
        if request.headers.get("X-Requested-With") == "fetch":
            return HttpResponse("Sign in again.", status=401, content_type="text/plain")
        target = quote(request.get_full_path(), safe="/")
        return HttpResponseRedirect(f"{resolve_url(settings.LOGIN_URL)}?next={target}")
