"""Editing a DAG's files in the browser: the file as it is on disk, and back only if it can be imported."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext

from dags_app import editing
from dags_app.bundles.config import DEFAULT_NAME
from dags_app.models import Dag
from orchestrator import access
from orchestrator.web.page import live_part, must
from runs_app import code_edits

from . import dag as pages
from .dialogs import form_view


@form_view
def edit_page(request: HttpRequest, dag_id: str) -> HttpResponse:
    context = pages.head(request, dag_id, "code")
    dag: Dag = context["dag"]
    must(request, "edit_code", dag)
    path = _path(request, dag)
    posted = request.POST if request.method == "POST" else None
    shown: dict[str, Any] = {"path": path, "text": "", "digest": "", "problem": "", "errors": []}
    if posted is not None and "text" in posted:
        text = posted["text"].replace("\r\n", "\n").replace("\0", "")
        shown |= {"text": text, "digest": posted.get("digest", "")}
        try:
            found = code_edits.save(dag, path, text, shown["digest"], user=request.user, anyway="anyway" in posted)
        except code_edits.EditRefused as refused:
            shown |= {"problem": str(refused), "errors": refused.errors, "loses": "anyway" not in posted}
            return live_part(request, "dags/edit.html", pages.HEAD, status=422, **shown, **context)
        seen = code_edits.wait_until_seen(dag)
        told = _told(path, found)
        messages.success(
            request,
            told
            if seen
            else gettext("{told} The DAG processor has not taken it up yet, or nothing changes for it.").format(
                told=told
            ),
        )
        query = "" if _is_main(dag, path) else "?" + urlencode({"file": path})
        return HttpResponseRedirect(reverse("code", args=[dag.dag_id]) + query)
    try:
        source = editing.read(path, dag.file.bundle_name if dag.file else DEFAULT_NAME)
    except editing.NotEditable as error:
        shown["problem"] = gettext("This file cannot be edited: {error}.").format(error=error)
        return live_part(request, "dags/edit.html", pages.HEAD, status=422, closed=True, **shown, **context)
    shown |= {"text": source.text.replace("\r\n", "\n"), "digest": source.digest}
    return live_part(request, "dags/edit.html", pages.HEAD, **shown, **context)


def may_edit(request: HttpRequest, path: str, bundle: str) -> bool:
    """Whether to offer it: she may, and the file is there to be written."""
    if not access.can(request.user, "edit_code"):
        return False
    try:
        editing.read(path, bundle)
    except editing.NotEditable:
        return False
    return True


def _is_main(dag: Dag, path: str) -> bool:
    return dag.version is not None and path == dag.version.relative_path


def _path(request: HttpRequest, dag: Dag) -> str:
    """The file that the query names, among those of the DAG's version."""
    main = dag.version.relative_path if dag.version else dag.file.relative_path if dag.file else ""
    path = request.GET.get("file") or main
    if path != main and (dag.version is None or path not in dag.version.tree.manifest):
        raise Http404(gettext("DAG “{dag_id}” has no file “{path}”.").format(dag_id=dag.dag_id, path=path))
    return path


def _told(path: str, found: Any) -> str:
    if not found:
        return gettext("Saved {path}: it defines no DAG.").format(path=path)
    return gettext("Saved {path}: it defines {dags}.").format(path=path, dags=", ".join(found))
