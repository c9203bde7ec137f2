"""The language of the pages: what this browser chose, else the best that it accepts. Programs are answered in English."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

PROGRAMS = ("/api/", "/auth/", "/healthz", "/openapi")
"""Prefixes whose answers are read by programs, which may look for words in them."""


class Language(LocaleMiddleware):
    def process_request(self, request: HttpRequest) -> None:
        if not request.path.startswith(PROGRAMS):
            super().process_request(request)
            return
        translation.activate(settings.LANGUAGE_CODE)
        request.LANGUAGE_CODE = settings.LANGUAGE_CODE

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        return response if request.path.startswith(PROGRAMS) else super().process_response(request, response)
