"""Source code of a DAG's versions: the current one, one picked, the one a run or a task instance ran with."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from dags_app.archives import as_text
from dags_app.models import DagVersion, SourceBlob
from dags_app.versions import load_spec
from orchestrator import access
from orchestrator.core.changes import compare
from orchestrator.web import diffs, versions
from orchestrator.web.page import live_part
from orchestrator.web.paging import Chunk
from orchestrator.web.text import code

from . import dag, edit, run, task

VERSIONS_SHOWN = 25


def shown(request: HttpRequest, version: DagVersion | None) -> dict[str, Any]:
    """Return the files of a version and the lines of the one the query names (its DAG file otherwise)."""
    if version is None:
        return {"version": None, "files": [], "lines": []}
    manifest: dict[str, str] = version.tree.manifest
    name = request.GET.get("file") or version.relative_path
    if name not in manifest:
        raise Http404(
            gettext("Version {version_number} has no file “{name}”.").format(
                version_number=version.version_number, name=name
            )
        )
    files = sorted(manifest, key=lambda each: (each != version.relative_path, each))
    return {"version": version, "files": files, "file": name, "lines": code(_text(manifest[name], name), name)}


def _text(digest: str | None, name: str) -> str:
    blob = SourceBlob.objects.filter(pk=digest).first() if digest else None
    return as_text(name, bytes(blob.content)) if blob else ""


@require_safe
def dag_code_page(request: HttpRequest, dag_id: str) -> HttpResponse:
    context = dag.head(request, dag_id, "code")
    version = versions.picked(request, context["dag"]) or context["dag"].version
    numbers = versions.numbers(context["dag"])
    older = versions.picked(request, context["dag"], "compare")
    if older is not None and version is not None:
        found = compared(request, older, version)
        return live_part(
            request, "dags/code_diff.html", dag.HEAD, versions=numbers, older=older, version=version, **found, **context
        )
    found = shown(request, version)
    is_current = version is not None and version.pk == context["dag"].version_id
    may_edit = is_current and edit.may_edit(request, found["file"], version.bundle_name)
    return live_part(request, "dags/code.html", dag.HEAD, versions=numbers, may_edit=may_edit, **found, **context)


@require_safe
def versions_page(request: HttpRequest, dag_id: str) -> HttpResponse:
    """Every version of a DAG: when it came, what it changed, and the runs that have it."""
    context = dag.head(request, dag_id, "code")
    shown_dag = context["dag"]
    rows = shown_dag.versions.select_related("tree").defer("spec").order_by("-version_number")
    chunk = Chunk(request, rows, VERSIONS_SHOWN)
    runs = access.visible_runs(request.user).filter(dag=shown_dag, version__in=[row.pk for row in chunk.rows])
    counts = dict(runs.values_list("version").annotate(count=Count("pk")).order_by())
    context |= {"chunk": chunk, "listed": versions.listed(shown_dag, chunk.rows, counts)}
    return live_part(request, "dags/versions.html", dag.HEAD | {"versions": "dags/_versions.html"}, **context)


def compared(request: HttpRequest, old: DagVersion, new: DagVersion) -> dict[str, Any]:
    """Return what differs between two versions: the DAG as a structure, its files, and one file line by line."""
    before: dict[str, str] = old.tree.manifest
    after: dict[str, str] = new.tree.manifest
    files = versions.changed_files(old, new)
    changed = [name for name, _ in files]
    name = request.GET.get("file") or (new.relative_path if new.relative_path in changed or not changed else changed[0])
    if name not in before and name not in after:
        raise Http404(
            gettext("Neither version {version_number} nor {version_number_} has a file “{name}”.").format(
                version_number=old.version_number, version_number_=new.version_number, name=name
            )
        )
    return {
        "changes": compare(load_spec(old.pk), load_spec(new.pk)),
        "files": files,
        "file": name,
        "diff": diffs.side_by_side(_text(before.get(name), name), _text(after.get(name), name), name),
    }


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
