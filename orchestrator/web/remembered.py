"""Choices of how to look at a page: what the address says, else what this browser chose last, else the first."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse

YEAR = 365 * 24 * 3600


def choice(request: HttpRequest, name: str, options: Sequence[str]) -> str:
    """Return the option that counts for this request; a value that is none of them counts as not given."""
    for value in (request.GET.get(name), request.COOKIES.get(name)):
        if value in options:
            return str(value)
    return options[0]


def keep(response: HttpResponse, name: str, value: str) -> HttpResponse:
    """Have the browser remember a choice. Without a script, so that the next page comes as it was chosen at once."""
    response.set_cookie(name, value, max_age=YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
    return response
