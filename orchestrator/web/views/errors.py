"""Pages for what went wrong: they say what, and the way back."""

from __future__ import annotations

import difflib
import sys
from typing import Any

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.utils.translation import gettext

from orchestrator import access
from orchestrator.web.page import page, wants_part

MOST_COMPARED = 2000


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    text = str(exception.args[0]) if exception.args and isinstance(exception.args[0], str) else ""
    near = [] if wants_part(request) else _near(request)
    return _told(request, 404, gettext("Nothing here"), text or gettext("There is no page at this address."), near=near)


def _near(request: HttpRequest) -> list[str]:
    """DAGs that the reader may see whose ids look like the one in the address: renamed, or mistyped."""
    parts = request.path.split("/")
    user = getattr(request, "user", None)
    if len(parts) < 3 or parts[1] != "dags" or user is None:
        return []
    known = access.visible_dags(user).filter(is_stale=False).values_list("dag_id", flat=True)[:MOST_COMPARED]
    return difflib.get_close_matches(parts[2][:250], list(known), n=3)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _told(request, 403, gettext("Not allowed"), str(exception) or gettext("Your role does not allow this."))


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    text = gettext("This page was open for too long, or cookies are off. Reload it and try again.")
    return _told(request, 403, gettext("The form could not be accepted"), text)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _told(request, 400, gettext("The request makes no sense"), gettext("Go back and try it another way."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Uses neither session nor database: they may be what failed."""
    error = sys.exc_info()[1]
    away = isinstance(error, (DatabaseError, InterfaceError))
    status = 503 if away else 500
    title = gettext("The database cannot be reached") if away else gettext("Something broke on our side")
    text = (
        gettext("Reload in a moment; tasks that run go on.")
        if away
        else gettext("It was written to the server's log. Reload, or go back and try it another way.")
    )
    if wants_part(request):
        return JsonResponse({"error": f"{title}. {text}"}, status=status)
    context = {"status": status, "title": title, "text": text}
    return HttpResponse(loader.render_to_string("errors/server.html", context), status=status)


def _told(request: Any, status: int, title: str, text: str, **context: Any) -> HttpResponse:
    if wants_part(request):
        return JsonResponse({"error": f"{title}: {text}"}, status=status)
    return page(request, "errors/told.html", status, title=title, text=text, status_code=status, **context)
