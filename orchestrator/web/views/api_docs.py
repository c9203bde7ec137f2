"""The page about the REST API: every operation of its document, to be read and tried."""

from __future__ import annotations

from functools import cache

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from orchestrator.web.api_reference import reference
from orchestrator.web.page import page


@require_safe
def docs_page(request: HttpRequest) -> HttpResponse:
    """Show the document, which tells nothing of this installation: as in Airflow, nobody is asked who she is.

    What is tried there is asked with the reader's own session, or the token she gives, and gets what these may.
    """
    wanted = request.GET.get("q", "").lower().split()
    whole = reference()
    texts = [each for group in whole.groups for each in group.operations] + whole.schemas
    away = {each.name for each in texts if not all(word in each.text for word in wanted)}
    csrf = get_token(request) if request.user.is_authenticated else ""
    return page(request, "api_docs/page.html", reference=whole, away=away, csrf=csrf, insides=insides(get_language()))


@cache
def insides(language: str | None) -> dict[str, SafeString]:
    """What is inside of each operation and schema by its name.

    The same for all who read this language, and made once: 160 forms at each request of an open page would be a way to
    keep the server busy.
    """
    operations = [each for group in reference().groups for each in group.operations]
    made = {each.name: render_to_string("api_docs/_operation.html", {"each": each}) for each in operations}
    return made | {one.name: render_to_string("api_docs/_schema.html", {"each": one}) for one in reference().schemas}
