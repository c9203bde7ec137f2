"""A dialog as it stands, said as code: nothing is done here, and nothing is looked up but params."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from orchestrator.web import dialog_code
from orchestrator.web.page import page


@sensitive_post_parameters()
@require_POST
def of_dialog(request: HttpRequest) -> HttpResponse:
    """Answer the lines for the dialog that ``dialog`` names, with the form that was sent along.

    By POST, because a form may hold what must not get into the log of requests.
    """
    code = dialog_code.of_address(request, request.POST.get("dialog", ""), request.POST)
    return page(request, "dialogs/_code_lines.html", code=code)
