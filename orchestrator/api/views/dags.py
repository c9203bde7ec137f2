"""DAGs: list, read, pause."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from dags_app import asset_sync
from dags_app.models import Dag, DagTag
from dags_app.versions import load_spec
from orchestrator import access
from orchestrator.api import shapes
from orchestrator.api.base import ApiView
from orchestrator.api.body import Part, boolean, one_of, read_body
from orchestrator.api.errors import BadRequest
from orchestrator.api.instances import versions
from orchestrator.api.query import ENDS, Listing, choice, flag, order_of, window
from orchestrator.api.scope import dag_for, must, must_somewhere
from orchestrator.api.views.runs import read_state
from orchestrator.core import timetables
from orchestrator.core.states import RUN_UNFINISHED
from orchestrator.written import read
from runs_app import actions, favorites
from runs_app.models import DagRun

LISTING = Listing(
    order=order_of(
        "dag_id",
        dag_display_name="display_name",
        next_dagrun="next_run_after",
        state="last_state",
        start_date="last_started_at",
        last_run_state="last_state",
        last_run_start_date="last_started_at",
    ),
    default_order=("dag_id",),
    patterns={"dag_id": "dag_id", "dag_display_name": "display_name"},
    exact={
        "bundle_name": "file__bundle_name",
        "bundle_version": "version__bundle_version",
        "last_dag_run_state": "last_state",
    },
    convert={"last_dag_run_state": read_state},
)


TIMETABLES = {name: getattr(getattr(timetables, name), "type", None) for name in timetables.__all__}
"""Airflow's name of a timetable's class -> ours in a spec."""

RUNS = Listing(times={"dag_run_start_date": "started_at", "dag_run_end_date": "ended_at"})
"""DAGs are found by their runs' times, too."""
STATES = Listing(exact={"dag_run_state": "state"}, convert={"dag_run_state": read_state})

PATCH = {
    "is_paused": Part(boolean, required=True, nullable=False),
    "pause_mode": Part(one_of("drain", "freeze"), default="drain", nullable=False),  # ours
}


class DagsView(ApiView):
    """GET and PATCH /api/v2/dags."""

    def get(self, request: Request) -> Response:
        rows = _with_last_run(access.visible_dags(request.user), request.GET)
        rows = narrow(rows, request.GET)
        if any(name.startswith("dag_run_") and name.endswith(ENDS) for name in request.GET):
            rows = rows.filter(Exists(RUNS.narrow(DagRun.objects.filter(dag=OuterRef("pk")), request.GET)))
        if (starred := flag(request.GET, "is_favorite")) is not None:
            rows = favorites.narrowed(rows, request.user, starred)
        page, total = LISTING.page(rows, request.GET)
        return Response({"dags": listed(page), "total_entries": total})

    def patch(self, request: Request) -> Response:
        """Pause or unpause every DAG that the filters name; without a pattern of ids that is none."""
        must_somewhere(request.user, "edit")
        values = _patched(request)
        rows = _with_last_run(access.dags_for(request.user, "edit"), request.GET)
        if not any(request.GET.get(name) for name in ("dag_id_pattern", "dag_id_prefix_pattern")):
            rows = rows.none()
        rows = LISTING.narrow(narrow(rows, request.GET), request.GET)
        page, total = LISTING.page(rows, request.GET)
        shown = list(page.values_list("pk", flat=True))
        frozen = values["pause_mode"] == "freeze"
        for dag_id in list(rows.order_by("pk").values_list("pk", flat=True)):
            actions.pause(dag_id, values["is_paused"], freeze=frozen, user=request.user)
        dags = sorted(listed(Dag.objects.filter(pk__in=shown)), key=lambda each: shown.index(each["dag_id"]))
        return Response({"dags": dags, "total_entries": total})


def _patched(request: Request) -> dict[str, Any]:
    mask = request.GET.getlist("update_mask")
    if mask and mask != ["is_paused"]:
        raise BadRequest("Only `is_paused` field can be updated through the REST API")
    return read_body(request, PATCH)


class DagView(ApiView):
    """GET and PATCH /api/v2/dags/{dag_id}."""

    def get(self, request: Request, dag_id: str) -> Response:
        dag_for(request.user, dag_id)
        return Response(_one(dag_id))

    def patch(self, request: Request, dag_id: str) -> Response:
        dag = dag_for(request.user, dag_id)
        must(request.user, "edit", dag)
        values = _patched(request)
        actions.pause(dag_id, values["is_paused"], freeze=values["pause_mode"] == "freeze", user=request.user)
        return Response(_one(dag_id))

    def delete(self, request: Request, dag_id: str) -> Response:
        dag = dag_for(request.user, dag_id)
        must(request.user, "delete", dag)
        actions.delete_dag(dag_id, user=request.user)
        return Response({})


class DagDetailsView(ApiView):
    """GET /api/v2/dags/{dag_id}/details: the DAG with what its current version says."""

    def get(self, request: Request, dag_id: str) -> Response:
        dag = dag_for(request.user, dag_id)
        if dag.version_id is None:
            raise Http404(f"The Dag with ID: `{dag_id}` was never parsed without errors")
        spec = load_spec(dag.version_id)
        version = versions([dag.version_id])[dag.version_id]
        active = DagRun.objects.filter(dag=dag, state__in=RUN_UNFINISHED).count()
        expression = asset_sync.expanded(dag.asset_expression) if dag.asset_expression else None
        starred = favorites.narrowed(Dag.objects.filter(pk=dag_id), request.user).exists()
        found = shapes.details(_one(dag_id), spec, version, active, expression)
        return Response(found | {"is_favorite": starred})


class DagTagsView(ApiView):
    """GET /api/v2/dagTags."""

    listing = Listing(order=order_of("name"), default_order=("name",), patterns={"tag_name": "name"})

    def get(self, request: Request) -> Response:
        tags = DagTag.objects.filter(dag__in=access.visible_dags(request.user))
        names = self.listing.narrow(tags, request.GET).values_list("name", flat=True).distinct()
        limit, offset = window(request.GET)
        # By the name alone: beside the primary key, distinct names would be as many as tags.
        wanted = names.order_by(self.listing.keys(request.GET)[0])
        return Response({"tags": list(wanted[offset : offset + limit]), "total_entries": names.order_by().count()})


def narrow(rows: QuerySet[Any], query: QueryDict) -> QuerySet[Any]:
    """The filters of the DAG list that are no plain columns."""
    if flag(query, "exclude_stale") is not False:
        rows = rows.filter(is_stale=False)
    if (paused := flag(query, "paused")) is not None:
        rows = rows.filter(is_paused=paused)
    if (broken := flag(query, "has_import_errors")) is not None:
        rows = rows.filter(file__import_error__isnull=not broken)
    mode = choice(query, "tags_match_mode", "any", "all")
    if tags := query.getlist("tags"):
        if mode == "all":
            for tag in tags:
                rows = rows.filter(Exists(DagTag.objects.filter(dag=OuterRef("pk"), name=tag)))
        else:
            rows = rows.filter(Exists(DagTag.objects.filter(dag=OuterRef("pk"), name__in=tags)))
    if (on_assets := flag(query, "has_asset_schedule")) is not None:
        rows = rows.filter(asset_expression__isnull=not on_assets)
    if text := query.get("asset_dependency"):
        named = Q(schedule_references__asset__name__icontains=text) | Q(schedule_references__asset__uri__icontains=text)
        rows = rows.filter(pk__in=Dag.objects.filter(named).values("pk"))
    if owners := query.getlist("owners")[:50]:
        found = Q()
        for owner in owners:
            # As the databases keep it: SQLite what json.dumps wrote, PostgreSQL the characters themselves.
            found |= Q(owners__icontains=json.dumps(owner)) | Q(owners__icontains=json.dumps(owner, ensure_ascii=False))
        rows = rows.filter(found)
    if named := [each.rpartition(".")[2] for each in query.getlist("timetable_type") if each]:
        kinds = [kind for kind in (TIMETABLES.get(each) for each in named) if kind]
        rows = rows.filter(version__spec__timetable__type__in=kinds) if kinds else rows.none()
    if "dag_run_state" in query:
        rows = rows.filter(Exists(STATES.narrow(DagRun.objects.filter(dag=OuterRef("pk")), query)))
    return rows


def _with_last_run(rows: QuerySet[Any], query: QueryDict) -> QuerySet[Any]:
    """Add the last run's state and start only where the query sorts or filters by them."""
    asked = {each.removeprefix("-") for each in query.getlist("order_by")} - {
        "dag_id",
        "dag_display_name",
        "next_dagrun",
    }
    if not asked and not query.getlist("last_dag_run_state"):
        return rows
    last = DagRun.objects.filter(dag=OuterRef("pk")).order_by("-run_after", "-pk")
    return rows.annotate(
        last_state=Subquery(last.values("state")[:1]), last_started_at=Subquery(last.values("started_at")[:1])
    )


def listed(page: QuerySet[Any]) -> list[dict[str, Any]]:
    """Shape a page of DAGs; two queries however many there are."""
    rows = read(page, shapes.DAG_FIELDS, shapes.DAG_TIMES)
    tags: dict[str, list[str]] = {}
    names = DagTag.objects.filter(dag__in=[row["dag_id"] for row in rows]).order_by("name")
    for dag_id, name in names.values_list("dag_id", "name"):
        tags.setdefault(dag_id, []).append(name)
    return [shapes.dag(row, tags.get(row["dag_id"], [])) for row in rows]


def _one(dag_id: str) -> dict[str, Any]:
    found = listed(Dag.objects.filter(pk=dag_id))
    if not found:
        raise Http404(f"The Dag with ID: `{dag_id}` was not found")
    return found[0]
