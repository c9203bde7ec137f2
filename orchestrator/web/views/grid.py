"""The grid of a DAG: its page, its data, and what it asks for while one looks at it."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Max, Min, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_safe

from dags_app.models import Dag
from orchestrator import access
from orchestrator.core import branches
from orchestrator.core.states import RunState, RunType
from orchestrator.web import bulk, grid
from orchestrator.web.filters import Filter, Filters
from orchestrator.web.page import dag_for, instance_for, live_part, run_for, whole_number
from runs_app import forecast
from runs_app.models import DagRun

from .dag import HEAD, head, spec_of

RUNS_SHOWN, MOST_RUNS = 25, 365
FIRST_SHOWN = 50
"""So many runs come with the page; it asks for the older ones as soon as these are drawn."""
CHOICES = (5, 10, 25, 50, 100, 365)
INSTANCES = 100
"""So many instances of a mapped task are rows of their own; its page lists all of them."""
FILTERS = (
    Filter("state", gettext_lazy("State"), "state", "choice", tuple(RunState), first=True),
    Filter("run_type", gettext_lazy("Type"), "run_type", "choice", tuple(RunType), first=True),
    Filter("triggering_user_name", gettext_lazy("Triggered by"), "triggering_user_name"),
    Filter("run_after", gettext_lazy("Run after"), "run_after", "time"),
)


@require_safe
def page(request: HttpRequest, dag_id: str) -> HttpResponse:
    context = head(request, dag_id, "grid")
    filters = Filters(request, FILTERS)
    count = whole_number(request, "runs", RUNS_SHOWN, 1, MOST_RUNS)
    data = _data(request, context["dag"], filters, most=FIRST_SHOWN)
    shown = {"filters": filters, "count": count, "choices": sorted({*CHOICES, count}), "data": data}
    if len(data["runs"]) < count and data["older"]:
        shown["rest"] = _rest(request, dag_id, count, len(data["runs"]))
    shown |= {"bulk_acts": bulk.offered(bulk.KINDS["task_instances"], request.user), "most_cells": bulk.MOST_CELLS}
    return live_part(request, "dags/grid.html", HEAD, **shown, **context)


def _rest(request: HttpRequest, dag_id: str, count: int, skip: int) -> str:
    """The address of the runs before those that come with the page: the browser asks for it before any script runs."""
    asked = request.GET.copy()
    asked["runs"], asked["skip"] = str(count), str(skip)
    return f"{reverse('grid-data', args=[dag_id])}?{asked.urlencode()}"


@require_safe
def data(request: HttpRequest, dag_id: str) -> JsonResponse:
    """The newest runs, or with ``skip`` those before; with ``since`` only what changed."""
    return JsonResponse(_data(request, dag_for(request, dag_id), Filters(request, FILTERS)))


def _data(request: HttpRequest, dag: Dag, filters: Filters, most: int = MOST_RUNS) -> dict[str, Any]:
    runs, more = _shown(request, dag, filters, most)
    since = whole_number(request, "since", 0)
    found = grid.grid(spec_of(dag), runs, dag.version_id, since)
    if not runs:  # so that an empty grid can say why it is
        found["ever"] = access.visible_runs(request.user).filter(dag=dag).exists()
        found["how"] = _how_to_run(dag)
    return found | {"base": reverse("dag", args=[dag.dag_id]), "older": more, "wrong": filters.wrong}


def _how_to_run(dag: Dag) -> str:
    """What makes a first run of it."""
    if dag.is_paused:
        return gettext("Trigger it, or unpause it for its schedule.")
    if dag.next_run_after is not None or dag.asset_expression is not None:
        return gettext("Trigger it, or wait for its schedule.")
    return gettext("Trigger it: its schedule makes no run.")


def _shown(request: HttpRequest, dag: Dag, filters: Filters, most: int = MOST_RUNS) -> tuple[list[Any], bool]:
    """The runs that the address asks for, oldest first, and whether there are older ones."""
    runs = grid.shown(filters.narrow(access.visible_runs(request.user).filter(dag=dag)))
    count = whole_number(request, "runs", RUNS_SHOWN, 1, MOST_RUNS)
    skip = whole_number(request, "skip", 0, 0, count)
    start = (whole_number(request, "page", 1, 1, 100_000) - 1) * count
    end = start + count
    newest = list(runs.order_by("-run_after", "-pk")[start + skip : min(end, start + skip + most) + 1])
    room = min(end - start - skip, most)
    return newest[:room][::-1], len(newest) > room


@require_safe
def mapped(request: HttpRequest, dag_id: str) -> JsonResponse:
    """The first instances of a mapped task in the runs shown: its rows, and a string of states a run."""
    dag = dag_for(request, dag_id)
    runs, _ = _shown(request, dag, Filters(request, FILTERS))
    task_id = request.GET.get("task", "")
    instances = _of_task(request, [run.pk for run in runs], task_id).exclude(map_index=-1)
    distinct = instances.values_list("map_index", flat=True).distinct().order_by("map_index")
    indexes = list(distinct[:INSTANCES])
    count = (
        instances.aggregate(count=Count("map_index", distinct=True))["count"]
        if len(indexes) == INSTANCES
        else len(indexes)
    )
    rows = instances.filter(map_index__in=indexes).order_by("run__run_after", "run_id")
    places = {index: place for place, index in enumerate(indexes)}
    states: dict[int, list[str]] = {}
    labels: dict[int, str] = {}
    for run_pk, index, state, label in rows.values_list("run_id", "map_index", "state", "rendered_map_index"):
        states.setdefault(run_pk, [grid.ABSENT] * len(indexes))[places[index]] = grid.CODES[state]
        labels[index] = label or labels.get(index, "")
    depth = branches.depth_of(spec_of(dag), task_id) or 1
    found = [{"index": index, "label": labels.get(index) or f"[{branches.label(index, depth)}]"} for index in indexes]
    return JsonResponse({"rows": found, "states": {pk: "".join(each) for pk, each in states.items()}, "count": count})


@require_safe
def instance(request: HttpRequest, dag_id: str) -> JsonResponse:
    """When a task of a run was scheduled, began and ended; of a mapped one the first and the last of it.

    Without a task: when the run will end.
    """
    dag_for(request, dag_id)
    if not request.GET.get("run"):
        return JsonResponse({})
    run = run_for(request, dag_id, request.GET["run"])
    task_id = request.GET.get("task", "").replace("\0", "")
    if not task_id:
        return JsonResponse(_forecast(run))
    index = whole_number(request, "index", -1, -(2**62), 2**62)
    rows = _of_task(request, [run.pk], task_id)
    if index == -1 and rows.exclude(map_index=-1).exists():
        found = rows.aggregate(start=Min("started_at"), end=Max("ended_at"), count=Count("pk"))
        return JsonResponse(
            {"start": grid.moment(found["start"]), "end": grid.moment(found["end"]), "count": found["count"]}
        )
    one = instance_for(request, run, task_id, index)
    times = {"scheduled": one.scheduled_at, "start": one.started_at, "end": one.ended_at}
    told = {name: grid.moment(value) for name, value in times.items()}
    return JsonResponse(told | {"state": one.state, "try": one.try_number, "note": bool(one.note)})


def _forecast(run: DagRun) -> dict[str, Any]:
    if run.state != RunState.RUNNING:
        return {}
    told = forecast.of_run(run, timezone.now())
    return {"half": grid.moment(told.half), "most": grid.moment(told.most), "first": told.is_first}


def _of_task(request: HttpRequest, run_pks: list[int], task_id: str) -> QuerySet[Any]:
    instances = access.visible_task_instances(request.user)
    return instances.filter(run__in=run_pks, task_id=task_id.replace("\0", ""))
