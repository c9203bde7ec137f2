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


def several(request: HttpRequest, name: str, options: Sequence[str]) -> list[str]:
    """Return the options that were left on: those in the address, where ``name`` was asked for, else the remembered ones."""
    if f"{name}_set" in request.GET:
        return [each for each in options if each in request.GET.getlist(name)]
    off = request.COOKIES.get(name, "").split(".")
    return [each for each in options if each not in off]


def keep_several(response: HttpResponse, name: str, options: Sequence[str], on: Sequence[str]) -> HttpResponse:
    """Have the browser remember what was switched off, so that what is added later is on."""
    return keep(response, name, ".".join(each for each in options if each not in on))


def keep(response: HttpResponse, name: str, value: str) -> HttpResponse:
    """Have the browser remember a choice. Without a script, so that the next page comes as it was chosen at once."""
    response.set_cookie(name, value, max_age=YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
    return response
