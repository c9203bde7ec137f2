"""Source code of a DAG's versions: the current one, one picked, the one a run or a task instance ran with."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from dags_app.models import DagVersion, SourceBlob
from orchestrator.web import versions
from orchestrator.web.page import live_part
from orchestrator.web.text import code

from . import dag, run, task


def shown(request: HttpRequest, version: DagVersion | None) -> dict[str, Any]:
    """Return the files of a version and the lines of the one the query names (its DAG file otherwise)."""
    if version is None:
        return {"version": None, "files": [], "lines": []}
    manifest: dict[str, str] = version.tree.manifest
    name = request.GET.get("file") or version.relative_path
    if name not in manifest:
        raise Http404(f"Version {version.version_number} has no file “{name}”.")
    blob = SourceBlob.objects.filter(pk=manifest[name]).first()
    text = bytes(blob.content).decode("utf-8", "replace") if blob else ""
    files = sorted(manifest, key=lambda each: (each != version.relative_path, each))
    return {"version": version, "files": files, "file": name, "lines": code(text, name)}


@require_safe
def dag_code_page(request: HttpRequest, dag_id: str) -> HttpResponse:
    context = dag.head(request, dag_id, "code")
    version = versions.picked(request, context["dag"]) or context["dag"].version
    numbers = versions.numbers(context["dag"])
    return live_part(request, "dags/code.html", dag.HEAD, versions=numbers, **shown(request, version), **context)


@require_safe
def run_code_page(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    context = run.head(request, dag_id, run_id, "code")
    return live_part(request, "runs/code.html", run.HEAD, **shown(request, context["run"].version), **context)


@require_safe
def task_code_page(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> HttpResponse:
    """The code the last attempt ran with, which a later edit or clear does not change."""
    try:
        context = task.head(request, dag_id, run_id, task_id, map_index, "code")
    except task.Expanded as elsewhere:
        return HttpResponseRedirect(str(elsewhere))
    last = context["last"]
    version = (last.version if last else None) or context["instance"].version or context["run"].version
    return live_part(request, "tasks/code.html", task.PARTS, **shown(request, version), **context)
