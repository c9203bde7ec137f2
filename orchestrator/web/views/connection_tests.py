"""Trying a connection: one that is there, or what stands in a form. Nothing of it is stored."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from orchestrator.web.page import must, wants_part
from orchestrator.web.registry import CONNECTIONS
from runs_app import connection_tests
from runs_app.exceptions import OrchestratorError

from .dialogs import form_view
from .registry import found, shown


@sensitive_post_parameters()
@require_POST
def test_form(request: HttpRequest) -> HttpResponse:
    """Try what stands in the form of a new connection."""
    must(request, CONNECTIONS.edits)
    return _of_form(request, None)


@sensitive_post_parameters()
@form_view
def test_one(request: HttpRequest, connection_id: str) -> HttpResponse:
    """Try a connection as it is stored, or as the form would change it; what the form leaves empty is kept."""
    must(request, CONNECTIONS.edits)
    row = found(CONNECTIONS, connection_id)
    if "conn_type" in request.POST:
        return _of_form(request, row)
    tested = _try(request, row.pk, {}) if request.method == "POST" else None
    title = gettext("Test {pk}").format(pk=row.pk)
    return shown(request, CONNECTIONS, "registry/_test.html", row=row, title=title, tested=tested, **_how())


def _of_form(request: HttpRequest, row: Any) -> HttpResponse:
    """The answer alone for a script, which shows it in the form; without one, a page: secrets are never sent back."""
    form = CONNECTIONS.form_of(row, request.POST)
    tested = None
    if form.is_valid():
        tested = _try(request, form.cleaned_data["conn_id"], form.values())
    status = 422 if form.errors else 200
    template = "registry/_tested.html" if wants_part(request) else "registry/_test.html"
    title = gettext("Test {connection}").format(connection=row.pk if row is not None else gettext("a connection"))
    return shown(request, CONNECTIONS, template, status, row=row, form=form, title=title, tested=tested, **_how())


def _try(request: HttpRequest, conn_id: str, values: dict[str, Any]) -> connection_tests.Tested:
    try:
        return connection_tests.run(conn_id, values, user=request.user)
    except OrchestratorError as error:
        return connection_tests.Tested(False, str(error))


def _how() -> dict[str, Any]:
    return {"test_mode": connection_tests.mode()}
