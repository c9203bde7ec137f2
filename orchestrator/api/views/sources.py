"""What a DAG is made of: its source, its versions, its tasks."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from rest_framework.exceptions import NotAcceptable
from rest_framework.request import Request
from rest_framework.response import Response

from dags_app.archives import as_text
from dags_app.models import Dag, DagVersion, SourceBlob
from dags_app.versions import load_spec
from orchestrator import access
from orchestrator.api import shapes
from orchestrator.api.base import ApiView
from orchestrator.api.errors import BadRequest
from orchestrator.api.instances import versions
from orchestrator.api.query import Listing, order_of, small_int, whole
from orchestrator.api.scope import dag_for
from orchestrator.core.spec import DagSpec
from orchestrator.written import read

VERSIONS = Listing(
    order=order_of("version_number", "bundle_name", id="pk"),
    default_order=("version_number",),
    exact={"version_number": "version_number", "bundle_name": "bundle_name", "bundle_version": "bundle_version"},
    convert={"version_number": small_int},
)


READABLE = ("*/*", "application/*", "application/json", "text/*", "text/plain")
"""What a reader of sources may accept, one of these at least."""


class VersionsView(ApiView):
    """GET /api/v2/dags/{dag_id}/dagVersions; ``~`` as dag_id lists every DAG's."""

    def get(self, request: Request, dag_id: str) -> Response:
        if dag_id == "~":
            rows = access.below(request.user, DagVersion.objects.all())
        else:
            rows = DagVersion.objects.filter(dag=dag_for(request.user, dag_id))
        page, total = VERSIONS.page(rows, request.GET)
        found = [shapes.version(row) for row in read(page, shapes.VERSION_FIELDS, shapes.VERSION_TIMES)]
        return Response({"dag_versions": found, "total_entries": total})


class VersionOfDagView(ApiView):
    """GET /api/v2/dags/{dag_id}/dagVersions/{version_number}."""

    def get(self, request: Request, dag_id: str, version_number: int) -> Response:
        version = _version(dag_for(request.user, dag_id), version_number)
        return Response(versions([version.pk])[version.pk])


class SourceView(ApiView):
    """GET /api/v2/dagSources/{dag_id}: the DAG file of the current version, or of ``version_number``."""

    def get(self, request: Request, dag_id: str) -> Any:
        dag = dag_for(request.user, dag_id)
        number = whole(request.GET, "version_number", 0)
        version = _version(dag, number) if number else dag.version
        if version is None:
            raise Http404(f"The source code of the DAG {dag_id} was not found")
        digest = version.tree.manifest.get(version.relative_path)
        blob = SourceBlob.objects.filter(pk=digest).first() if digest else None
        if blob is None:
            raise Http404(f"The source code of the DAG {dag_id}, version_number {version.version_number} was not found")
        text = as_text(version.relative_path, bytes(blob.content))
        accept = request.META.get("HTTP_ACCEPT") or "*/*"
        if not any(each in accept for each in READABLE):
            raise NotAcceptable("Only application/json or text/plain is supported")
        if "text/plain" in accept and "application/json" not in accept:
            return HttpResponse(text, content_type="text/plain; charset=utf-8")
        answer = {"content": text, "dag_id": dag_id, "version_number": version.version_number}
        return Response({**answer, "dag_display_name": dag.name})


class TasksView(ApiView):
    """GET /api/v2/dags/{dag_id}/tasks."""

    orders = ("task_id", "operator_name", "retries", "priority_weight", "queue", "pool", "trigger_rule", "owner")

    def get(self, request: Request, dag_id: str) -> Response:
        spec = _spec(dag_for(request.user, dag_id))
        wanted = request.GET.get("order_by") or "task_id"
        name = wanted.removeprefix("-")
        if name not in self.orders:
            raise BadRequest(f"Ordering with '{name}' is disallowed or the attribute does not exist on the model")
        tasks = [shapes.task(spec, each) for each in spec.tasks.values()]
        tasks.sort(key=lambda each: (str(each[name]), each["task_id"]), reverse=wanted.startswith("-"))
        return Response({"tasks": tasks, "total_entries": len(tasks)})


class TaskView(ApiView):
    """GET /api/v2/dags/{dag_id}/tasks/{task_id}."""

    def get(self, request: Request, dag_id: str, task_id: str) -> Response:
        spec = _spec(dag_for(request.user, dag_id))
        if task_id not in spec.tasks:
            raise Http404(f"Task with id {task_id} was not found")
        return Response(shapes.task(spec, spec.tasks[task_id]))


def _version(dag: Dag, number: int) -> DagVersion:
    found = DagVersion.objects.select_related("tree").filter(dag=dag, version_number=number).first()
    if found is None:
        raise Http404(f"The DagVersion with dag_id: `{dag.pk}` and version_number: `{number}` was not found")
    return found


def _spec(dag: Dag) -> DagSpec:
    if dag.version_id is None:
        raise Http404(f"The Dag with ID: `{dag.pk}` was never parsed without errors")
    return load_spec(dag.version_id)
