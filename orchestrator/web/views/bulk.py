"""The dialog of an action on many rows: what it is about, and afterwards what could not be done and why."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse

from orchestrator.web import bulk as acts
from orchestrator.web.page import done, must, page
from runs_app import bulk

from .dialogs import MOST_LISTED, form_view, shown


@form_view
def act(request: HttpRequest, kind: str) -> HttpResponse:
    """Show what would be touched; with POST do it. What some refuse is listed, the others are done."""
    of = acts.KINDS.get(kind)
    given: QueryDict = request.POST if request.method == "POST" else request.GET
    chosen_act = of.act(given.get("action", "")) if of is not None else None
    must(request, chosen_act.verb if chosen_act is not None else "clear")
    if of is None:
        raise Http404(f"There is no list “{kind}”.")
    if chosen_act is None:
        text = f"Choose one of: {', '.join(each.name for each in of.acts)}."
        return page(request, "errors/told.html", 422, title="No such action", text=text, status_code=422)
    rows = acts.chosen(request, of, given)
    context = {"kind": of, "act": chosen_act, "count": len(rows), "words": of.words(len(rows)), "given": given}
    if not rows:
        return _show(request, 422, error=f"Tick the {of.many} that are meant.", **context)
    if len(rows) > bulk.MOST:
        error = f"More than {bulk.MOST:,} {of.many} fit: narrow the filters."
        return _show(request, 422, error=error, **context)
    if request.method != "POST":
        return _show(request, 200, listed=rows[:MOST_LISTED], **context)
    may, refused = acts.allowed(rows, chosen_act, request.user)
    options = {name: True for name, _ in chosen_act.options if name in given}
    outcome = chosen_act.do(may, user=request.user, **options)
    refused += outcome.refused
    if not refused:
        return done(request, f"{of.words(outcome.done)} {chosen_act.did}.", _back(given, of))
    context |= {"refused": refused[:MOST_LISTED], "left": len(refused), "finished": outcome.done}
    return _show(request, 409, **context)


def _back(given: QueryDict, of: acts.Kind) -> str:
    query = given.get("filter", "").lstrip("?")
    return f"{reverse(of.page)}?{QueryDict(query).urlencode()}" if query else reverse(of.page)


def _show(request: HttpRequest, status: int, **context: object) -> HttpResponse:
    act = context["act"]
    title = f"{act.label} {context['words']}"  # type: ignore[attr-defined]
    return shown(request, "dialogs/_bulk.html", status=status, title=title, **context)
