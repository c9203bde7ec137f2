"""Taking back what one did a moment ago: by the button of a toast, or on a page of its own."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods

from orchestrator import access
from orchestrator.web.page import done, must, page, wants_part
from runs_app.exceptions import OrchestratorError
from runs_app.models import Undo
from runs_app.undo.taking_back import take_back

GONE = gettext_lazy("It was undone already, or it is too late: what can be undone is kept for two minutes.")


@require_http_methods(["GET", "HEAD", "POST"])
def undo_page(request: HttpRequest) -> HttpResponse:
    """What one may take back; with POST take it back."""
    if request.method != "POST":
        return page(request, "undo/list.html", rows=list(access.visible_undos(request.user).order_by("-pk")))
    asked = request.POST.get("undo", "")
    number = int(asked) if asked.isdecimal() and len(asked) < 19 else 0
    found = access.visible_undos(request.user).filter(pk=number).first()
    if found is None:
        return _refused(request, 422, GONE)
    for verb, dag_id in found.verbs:
        must(request, verb, access.visible_dags(request.user).filter(pk=dag_id).first() if dag_id else None)
    try:
        take_back(found.pk, user=request.user)
    except OrchestratorError as problem:
        return _refused(request, problem.status, f"{problem}.")
    return done(request, gettext("Undone: {text}").format(text=found.text), _back(request, found))


def _refused(request: HttpRequest, status: int, text: str) -> HttpResponse:
    if wants_part(request):
        return JsonResponse({"error": gettext("Not undone. {text}").format(text=text)}, status=status)
    return page(request, "errors/told.html", status, title=gettext("Not undone"), text=text, status_code=status)


def _back(request: HttpRequest, found: Undo) -> str:
    """The page one comes from; where that was of a run that is gone now, its DAG's."""
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    for part in found.parts:
        if part["kind"] == "made" and wanted.startswith(reverse("run", args=[part["dag_id"], part["run_id"]])):
            return reverse("dag", args=[part["dag_id"]])
    return wanted if safe else reverse("home")
