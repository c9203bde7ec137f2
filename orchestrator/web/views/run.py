"""The pages of one run."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import F
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dags_app.versions import load_spec
from orchestrator import access
from orchestrator.core.states import RUN_UNFINISHED, RunState, TaskState
from orchestrator.web import gantt, graph, replay, tasklist, usual
from orchestrator.web.page import live_part, run_for
from runs_app import forecast, group_retries, hung, why
from runs_app.models import DagRun, StateEvent

MOST_DEADLINES = 200
HEAD = {"head": "runs/_head.html"}


def head(request: HttpRequest, dag_id: str, run_id: str, tab: str) -> dict[str, Any]:
    """Return what the header of a run's pages shows, neighbours included."""
    run = run_for(request, dag_id, run_id)
    spec = load_spec(run.version_id)
    listed = tasklist.rows(spec, run)
    runs = access.visible_runs(request.user).filter(dag=run.dag)
    older = runs.filter(run_after__lt=run.run_after).order_by("-run_after").values_list("run_id", flat=True).first()
    newer = runs.filter(run_after__gt=run.run_after).order_by("run_after").values_list("run_id", flat=True).first()
    summary = tasklist.summary(listed)
    stands = run.state in RUN_UNFINISHED and TaskState.RUNNING not in dict(summary)
    now = timezone.now()
    deadlines = list(run.deadlines.order_by("-missed", "deadline_time")[:MOST_DEADLINES])  # mapped tasks may have many
    return {
        "dag": run.dag,
        "run": run,
        "tab": tab,
        "why": why.of_run(run, now) if stands else [],
        "told": forecast.of_run(run, now) if run.state == RunState.RUNNING else None,
        "waiting": why.of_tasks(run, now) if stands and run.state == RunState.RUNNING else [],
        "nav": "dags",
        "rows": listed,
        "summary": summary,
        "groups": group_retries.listed(run.pk, spec),
        "hung": hung.of_run(run.pk) if TaskState.RUNNING in dict(summary) else [],
        "older": older,
        "deadlines": deadlines,
        "missed": [each for each in deadlines if each.missed],
        "newer": newer,
        "called": tab == "callbacks" or run.callbacks.exists(),
    }


@require_safe
def tasks_page(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    parts = HEAD | {"tasks": "runs/_tasks.html"}
    return live_part(request, "runs/tasks.html", parts, **head(request, dag_id, run_id, "tasks"))


@require_safe
def graph_page(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    context = head(request, dag_id, run_id, "graph")
    run: DagRun = context["run"]
    shown = graph.wanted(request.GET)
    data = graph.graph(request.user, run.dag, load_spec(run.version_id), run, shown)
    at = replay.moment_of(request, run, timezone.now())
    if at is not None:
        data = graph.at_moment(data, run, at)
    of_moment = f"&at={at:%Y-%m-%dT%H:%M:%S.%fZ}" if at is not None else ""
    choices = {"choices": graph.DEPENDENCIES, "at": at, "of_moment": of_moment}
    return live_part(request, "runs/graph.html", HEAD, data=data, **choices, **context)


@require_safe
def gantt_page(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    context = head(request, dag_id, run_id, "gantt")
    return live_part(request, "runs/gantt.html", HEAD, data=_gantt(context["run"]), **context)


@require_safe
def gantt_data(request: HttpRequest, dag_id: str, run_id: str) -> JsonResponse:
    return JsonResponse(_gantt(run_for(request, dag_id, run_id)))


def _gantt(run: DagRun) -> dict[str, Any]:
    return gantt.gantt(load_spec(run.version_id), run, timezone.now())


@require_safe
def events_page(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    """Every change of state, newest first."""
    context = head(request, dag_id, run_id, "events")
    events = StateEvent.objects.filter(run=context["run"]).order_by("-pk")
    events = events.select_related("task_instance").annotate(task_id=F("task_instance__task_id"))
    chunk = Paginator(events, 100).get_page(request.GET.get("page"))
    return live_part(request, "runs/events.html", HEAD | {"events": "runs/_events.html"}, chunk=chunk, **context)


@require_safe
def details_page(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    context = head(request, dag_id, run_id, "details")
    usual_times = usual.durations(request.user, context["dag"])
    return live_part(request, "runs/details.html", HEAD, usual=usual_times, **context)
