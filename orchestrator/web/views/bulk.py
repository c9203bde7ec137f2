"""The dialog of an action on many rows: what it is about, and afterwards what could not be done and why."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext

from orchestrator import access
from orchestrator.web import bulk as acts
from orchestrator.web.page import done, must_somewhere, page
from runs_app import blast, bulk
from runs_app.undo import keeping

from .dialogs import MOST_LISTED, MOST_NOTE, form_view, shown, text_of

MOST_LOOKED_AT = 100
"""Of the task instances of more runs than this only a list is shown first: each run is a look of its own."""


@form_view
def act(request: HttpRequest, kind: str) -> HttpResponse:
    """Show what would be touched; with POST do it. What some refuse is listed, the others are done."""
    of = acts.KINDS.get(kind)
    given: QueryDict = request.POST if request.method == "POST" else request.GET
    chosen_act = of.act(given.get("action", "")) if of is not None else None
    must_somewhere(request, chosen_act.verb if chosen_act is not None else "clear")
    if of is None:
        raise Http404(gettext("There is no list “{kind}”.").format(kind=kind))
    if chosen_act is None:
        text = gettext("Choose one of: {names}.").format(names=", ".join(each.name for each in of.acts))
        return page(request, "errors/told.html", 422, title=gettext("No such action"), text=text, status_code=422)
    rows = acts.chosen(request, of, given)
    context = {"kind": of, "act": chosen_act, "count": len(rows), "words": of.words(len(rows)), "given": given}
    context |= {"cells": given.getlist("cell")[: acts.MOST_CELLS], "noted": text_of(given, "note", MOST_NOTE)}
    if not rows:
        return _show(request, 422, error=gettext("Tick the {many} that are meant.").format(many=of.many), **context)
    if len(rows) > bulk.MOST:
        error = gettext("More than {most} {what} fit: narrow the filters.").format(most=f"{bulk.MOST:,}", what=of.many)
        return _show(request, 422, error=error, **context)
    reach = acts.reach_of(request, chosen_act, given)
    if request.method != "POST" or "preview" in request.POST:
        return _show(request, 200, listed=rows[:MOST_LISTED], **_reached(request, chosen_act, rows, reach), **context)
    may, refused = acts.allowed(rows, chosen_act, request.user)
    options: dict[str, Any] = {"reach": reach} if chosen_act.reaches else {}
    if chosen_act.has_note:
        options["note"] = text_of(given, "note", MOST_NOTE)
    outcome = chosen_act.do(may, user=request.user, **options)
    refused += outcome.refused
    text = f"{of.words(outcome.done)} {chosen_act.did}."
    if not refused:
        return done(request, text, _back(request, given, of))
    undo = keeping.offered(text)
    context |= {"refused": refused[:MOST_LISTED], "left": len(refused), "finished": outcome.done}
    return _show(request, 409, undo=undo.pk if undo else None, **context)


def _reached(request: HttpRequest, act: acts.Act, rows: list[Any], reach: bulk.Reach) -> dict[str, Any]:
    """The task instances that the action touches, as the boxes are ticked, and how far a clear reaches beyond them."""
    if act.reaches is None or len({row.run_id for row in rows}) > MOST_LOOKED_AT:
        return {}
    found = act.reaches(rows, reach=reach)
    found.sort(key=lambda row: (row.dag_id, row.run.run_after, row.run_id, row.pk))
    by_dag = Counter(row.dag_id for row in found)
    return {
        "is_known": True,
        "reached": found[:MOST_LISTED],
        "touched": len(found),
        "runs": len({row.run_id for row in found}),
        "by_dag": by_dag.most_common() if len(by_dag) > 1 else [],
        "blast": blast.of(found, access.visible_dags(request.user)) if act.name == "clear" else None,
    }


def _back(request: HttpRequest, given: QueryDict, of: acts.Kind) -> str:
    """The list that one comes from, or the DAG whose grid it was."""
    dag = access.visible_dags(request.user).filter(pk=given.get("grid", "").replace("\0", "")).first()
    if dag is not None:
        return reverse("dag", args=[dag.dag_id])
    query = given.get("filter", "").lstrip("?")
    return f"{reverse(of.page)}?{QueryDict(query).urlencode()}" if query else reverse(of.page)


def _show(request: HttpRequest, status: int, **context: object) -> HttpResponse:
    act = context["act"]
    title = f"{act.label} {context['words']}"  # type: ignore[attr-defined]
    return shown(request, "dialogs/_bulk.html", status=status, title=title, **context)
