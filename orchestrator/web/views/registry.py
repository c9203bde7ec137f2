"""The pages of variables, connections and pools: listed, made, changed, deleted, read from a file and written to one."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from orchestrator import access
from orchestrator.web import connection_types, dialog_code, uses
from orchestrator.web.page import done, live_part, must, page, wants_part
from orchestrator.web.registry import CONNECTIONS, POOLS, VARIABLES, Shelf
from runs_app import connection_tests, imports
from runs_app.exceptions import OrchestratorError
from runs_app.registry import InvalidEntry

from . import pools
from .dialogs import form_view

PER_PAGE = 50
MOST_AT_ONCE = 1000
MOST_BYTES = 2 * 1024 * 1024


def found(shelf: Shelf, key: str) -> Any:
    """Return the thing of this name.

    Raises:
        Http404: there is none.
    """
    row = None if "\0" in key else shelf.model.objects.filter(pk=key).first()
    if row is None:
        raise Http404(gettext("There is no {one} “{key}”.").format(one=shelf.one, key=key))
    return row


@require_safe
def list_page(request: HttpRequest, shelf: Shelf) -> HttpResponse:
    must(request, shelf.reads)
    chunk = Paginator(shelf.rows(request.GET), PER_PAGE).get_page(request.GET.get("page"))
    rows = list(chunk.object_list)
    context: dict[str, Any] = {"use": pools.use(rows)} if shelf is POOLS else {}
    context |= _tests(shelf)
    part = request.GET.get("part", "")
    if part != "missing":
        context["used"] = uses.summaries(request.user, shelf.word, rows, timezone.now())
    if part != "rows":
        context["missing"] = uses.missing(request.user, shelf.word)
    return live_part(
        request,
        "registry/list.html",
        {"rows": "registry/_rows.html", "missing": "registry/_missing.html"},
        nav=shelf.name,
        shelf=shelf,
        chunk=chunk,
        rows=rows,
        rows_template=f"registry/_{shelf.name}.html",
        may_edit=access.can(request.user, shelf.edits),
        **context,
    )


@require_safe
def uses_page(request: HttpRequest, shelf: Shelf, **named: str) -> HttpResponse:
    """Where one of them is used: by the sources, and by what tasks have asked for."""
    must(request, shelf.reads)
    row = found(shelf, named[shelf.asked_by])
    rows = uses.by_dag(request.user, shelf.word, row.pk)
    return page(request, "registry/uses.html", nav=shelf.name, shelf=shelf, name=row.pk, row=row, uses=rows)


def shown(request: HttpRequest, shelf: Shelf, template: str, status: int = 200, **context: Any) -> HttpResponse:
    """Render a form: alone for the dialog, within a page otherwise."""
    whole = template if wants_part(request) else "dialogs/page.html"
    context.setdefault("code", partial(dialog_code.of_request, request))
    return page(request, whole, status, form_template=template, nav=shelf.name, shelf=shelf, **context)


@sensitive_post_parameters()
@form_view
def edit(request: HttpRequest, shelf: Shelf, **named: str) -> HttpResponse:
    """Make a thing, or change one that is there."""
    must(request, shelf.edits)
    row = found(shelf, named[shelf.asked_by]) if named else None
    form = shelf.form_of(row, request.POST if request.method == "POST" else None, request.GET.get("type", ""))
    if request.method == "POST" and form.is_valid():
        try:
            saved = shelf.save(form, new=row is None, user=request.user)
        except InvalidEntry as error:
            form.add_error(None, str(error))
        else:
            return done(
                request,
                gettext("{saved} is made.").format(saved=saved)
                if row is None
                else gettext("{saved} is changed.").format(saved=saved),
                reverse(shelf.name),
            )
    title = gettext("Add a {one}").format(one=shelf.one) if row is None else gettext("Change {row}").format(row=row)
    template = "registry/_form.html"
    context: dict[str, Any] = _tests(shelf)
    if shelf is CONNECTIONS:
        template, context["types"] = "registry/_connection_form.html", list(connection_types.known().values())
    status = 422 if form.errors else 200
    if request.method != "POST":
        context["code"] = partial(dialog_code.of_values, request, form.initial)
    return shown(request, shelf, template, status, form=form, row=row, title=title, **context)


def _tests(shelf: Shelf) -> dict[str, Any]:
    """Whether things of this shelf can be tested."""
    return {"test_mode": connection_tests.mode()} if shelf is CONNECTIONS else {}


@form_view
def delete(request: HttpRequest, shelf: Shelf) -> HttpResponse:
    """Delete one or several, which the query or the form names; those that may not go stay, and are told."""
    must(request, shelf.edits)
    asked = (request.POST if request.method == "POST" else request.GET).getlist("key")[:MOST_AT_ONCE]
    asked = [key for key in asked if "\0" not in key]
    keys = list(shelf.model.objects.filter(pk__in=asked).order_by("pk").values_list("pk", flat=True))
    kept = [] if keys or request.method != "POST" else [gettext("Nothing is chosen, or it is gone already.")]
    if request.method == "POST" and keys:
        for key in keys:
            try:
                shelf.delete(key, user=request.user)
            except OrchestratorError as error:
                kept.append(f"{key}: {error}")
        gone = len(keys) - len(kept)
        if not kept:
            text = (
                gettext("{keys} is deleted.").format(keys=keys[0])
                if gone == 1
                else gettext("{gone} {many} are deleted.").format(gone=gone, many=shelf.many)
            )
            return done(request, text, reverse(shelf.name))
    title = (
        gettext("Delete {keys}?").format(keys=keys[0])
        if len(keys) == 1
        else gettext("Delete {count} {many}?").format(count=len(keys), many=shelf.many)
    )
    return shown(request, shelf, "registry/_delete.html", 422 if kept else 200, keys=keys, kept=kept, title=title)


@sensitive_post_parameters()
@form_view
def load(request: HttpRequest, shelf: Shelf) -> HttpResponse:
    """Read things from a JSON file, or from text that was pasted: all of them or none."""
    must(request, shelf.edits)
    error, choice = "", request.POST.get("on_conflict", "fail")
    if request.method == "POST":
        try:
            entries = _entries(request)
            if choice not in imports.CHOICES:
                raise InvalidEntry(gettext("Choose what becomes of those that are there already"))
            report = imports.load(shelf.kind, entries, on_conflict=choice, user=request.user)
        except InvalidEntry as problem:
            error = str(problem).replace("--on-conflict ", "")
        else:
            return done(request, f"{capfirst(shelf.many)}: {report}.", reverse(shelf.name))
    title = gettext("Import {many}").format(many=shelf.many)
    status = 422 if error else 200
    return shown(request, shelf, "registry/_import.html", status, error=error, choice=choice, title=title)


def _entries(request: HttpRequest) -> dict[str, Any]:
    """Return what was sent. Its text is never told back: it may hold secrets."""
    file = request.FILES.get("file")
    if file is not None and file.size > MOST_BYTES:
        raise InvalidEntry(
            gettext("The file has {size} bytes; at most {MOST_BYTES} are read").format(
                size=file.size, MOST_BYTES=MOST_BYTES
            )
        )
    try:
        text = file.read().decode("utf-8-sig") if file is not None else request.POST.get("text", "")
        entries = json.loads(text)
    except UnicodeDecodeError:
        raise InvalidEntry(gettext("The file is no text in UTF-8")) from None
    except RecursionError:
        raise InvalidEntry(gettext("The file is nested too deeply")) from None
    except ValueError as problem:
        where = (
            gettext(" at line {lineno}").format(lineno=problem.lineno)
            if isinstance(problem, json.JSONDecodeError)
            else ""
        )
        raise InvalidEntry(gettext("That is no JSON{where}").format(where=where)) from None
    if not isinstance(entries, dict):
        raise InvalidEntry(gettext("There must be a JSON object of name and value"))
    return entries


@require_safe
def export(request: HttpRequest, shelf: Shelf) -> HttpResponse:
    """Write all of them to a file, secrets as ``***``: read again, it leaves those as they are."""
    must(request, shelf.reads)
    body = json.dumps({row.pk: shelf.exported(row) for row in shelf.rows(request.GET)}, indent=2, ensure_ascii=False)
    response = HttpResponse(body + "\n", content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{shelf.name}.json"'
    response["Cache-Control"] = "no-store, private"
    return response


def addresses() -> list[Any]:
    """Return the addresses of all three; what one can do stands at their ends, as names may be anything."""
    return [
        path(shelf.name + end, partial(view, shelf=shelf), name=shelf.name + name)
        for shelf in (VARIABLES, CONNECTIONS, POOLS)
        for end, view, name in (
            ("", list_page, ""),
            ("/add", edit, "-add"),
            ("/delete", delete, "-delete"),
            ("/import", load, "-import"),
            ("/export", export, "-export"),
            (f"/<any:{shelf.asked_by}>/edit", edit, "-edit"),
            (f"/<any:{shelf.asked_by}>/uses", uses_page, "-uses"),
        )
    ]
