"""The pages of one DAG."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from dags_app import schedule
from dags_app.models import Dag
from dags_app.pools import never_run
from dags_app.versions import load_spec
from orchestrator import access
from orchestrator.core.graph import topological
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import RunState, RunType, TaskState
from orchestrator.web import backfills, graph, replay, schedules, task_filters, versions
from orchestrator.web.page import dag_for, done, live_part, must, run_for, undoable
from orchestrator.web.text import markdown
from runs_app import actions, forecast, parsing, why
from runs_app.tick import dropped_runs

RUNS_TO_COME = 20
OPENED = ("http://", "https://", "mailto:")
HEAD = {"head": "dags/_head.html"}


def spec_of(dag: Dag) -> DagSpec:
    """Return the spec of the DAG's current version; an empty one for a DAG that was never parsed well."""
    return load_spec(dag.version_id) if dag.version_id else DagSpec(dag_id=dag.dag_id)


def head(request: HttpRequest, dag_id: str, tab: str) -> dict[str, Any]:
    """Return what the header of a DAG's pages shows."""
    dag = dag_for(request, dag_id)
    error = getattr(dag.file, "import_error", None) if dag.file else None
    newest = access.visible_runs(request.user).filter(dag=dag).order_by("-run_after", "-pk").first()
    backfill, how_far = backfills.open_one(request, dag)
    runs = access.visible_runs(request.user).filter(dag=dag)
    return {
        "dag": dag,
        "under_way": runs.filter(state=RunState.RUNNING).count() if dag.is_paused else 0,
        "waiting": schedules.waiting(dag),
        "backfill": backfill,
        "backfill_progress": how_far,
        "tab": tab,
        "nav": "dags",
        "error": error,
        "newest": newest,
        "ending": schedule.ending(dag),
        "owners": _owners(dag),
        "told": forecast.of_run(newest, timezone.now()) if newest and newest.state == RunState.RUNNING else None,
        "asked": access.visible_questions(request.user, is_open=True).filter(task_instance__dag_id=dag_id).count(),
        "dropped": dropped_runs(dag, timezone.now()),
        "never_run": list(never_run(spec_of(dag)).items()),
    }


def _owners(dag: Dag) -> list[tuple[str, str]]:
    """Return owners with where their names lead, if anywhere: a file of somebody else may say any address."""
    links = spec_of(dag).owner_links
    return [(each, link if (link := links.get(each, "")).startswith(OPENED) else "") for each in dag.owners]


@require_safe
def graph_page(request: HttpRequest, dag_id: str) -> HttpResponse:
    context = head(request, dag_id, "graph")
    shown = {"data": _graph(request, context["dag"]), "choices": graph.DEPENDENCIES}
    return live_part(request, "dags/graph.html", HEAD, versions=versions.numbers(context["dag"]), **shown, **context)


@require_safe
def graph_data(request: HttpRequest, dag_id: str) -> JsonResponse:
    return JsonResponse(_graph(request, dag_for(request, dag_id)))


def _graph(request: HttpRequest, dag: Dag) -> dict[str, Any]:
    """The current version with the newest run's states; where the query names a run or a version, that one's."""
    shown = graph.wanted(request.GET)
    if run_id := request.GET.get("run"):
        run = run_for(request, dag.dag_id, run_id)
        data = graph.graph(request.user, dag, load_spec(run.version_id), run, shown)
        at = replay.moment_of(request, run, timezone.now())
        return data if at is None else graph.at_moment(data, run, at)
    runs = access.visible_runs(request.user).filter(dag=dag).order_by("-run_after", "-pk")
    version = versions.picked(request, dag)
    if version is not None:
        newest = runs.filter(version=version).first()
        return graph.graph(request.user, dag, load_spec(version.pk), newest, shown)
    return graph.graph(request.user, dag, spec_of(dag), runs.first(), shown)


def filtered(runs: Any, request: HttpRequest) -> Any:
    """Narrow runs by ``state`` and ``type`` of the query."""
    if request.GET.get("state") in set(RunState):
        runs = runs.filter(state=request.GET["state"])
    if request.GET.get("type") in set(RunType):
        runs = runs.filter(run_type=request.GET["type"])
    return runs


@require_safe
def runs_page(request: HttpRequest, dag_id: str) -> HttpResponse:
    context = head(request, dag_id, "runs")
    runs = (
        filtered(access.visible_runs(request.user).filter(dag=context["dag"]), request)
        .select_related("version")
        .defer("version__spec")
    )
    chunk = Paginator(runs.order_by("-run_after", "-pk"), 50).get_page(request.GET.get("page"))
    parts = HEAD | {"runs": "dags/_runs.html"}
    return live_part(
        request, "dags/runs.html", parts, chunk=chunk, states=list(RunState), types=list(RunType), **context
    )


@require_safe
def tasks_page(request: HttpRequest, dag_id: str) -> HttpResponse:
    context = head(request, dag_id, "tasks")
    spec = spec_of(context["dag"])
    every = [spec.tasks[task_id] for task_id in topological(spec)]
    filters, tasks = task_filters.narrowed(request, every)
    return live_part(request, "dags/tasks.html", HEAD, tasks=tasks, filters=filters, every=every, **context)


@require_safe
def task_page(request: HttpRequest, dag_id: str, task_id: str) -> HttpResponse:
    """One task over the runs."""
    context = head(request, dag_id, "tasks")
    instances = access.visible_task_instances(request.user).filter(dag_id=dag_id, task_id=task_id)
    task = spec_of(context["dag"]).tasks.get(task_id)
    if request.GET.get("state") in set(TaskState):
        instances = instances.filter(state=request.GET["state"])
    chunk = Paginator(instances.select_related("run").order_by("-run", "map_index"), 50).get_page(
        request.GET.get("page")
    )
    if task is None and not chunk.object_list and not request.GET.get("state"):
        raise Http404(gettext("DAG “{dag_id}” has no task “{task_id}”.").format(dag_id=dag_id, task_id=task_id))
    doc = markdown(task.display.get("doc_md")) if task else ""
    parts = HEAD | {"instances": "dags/_task_instances.html"}
    return live_part(
        request,
        "dags/task.html",
        parts,
        task=task,
        task_id=task_id,
        chunk=chunk,
        doc=doc,
        states=list(TaskState),
        **context,
    )


@require_safe
def details_page(request: HttpRequest, dag_id: str) -> HttpResponse:
    context = head(request, dag_id, "details")
    spec = spec_of(context["dag"])
    now = timezone.now()
    context |= {"coming": schedule.preview(context["dag"], RUNS_TO_COME, now), "why": why.of_dag(context["dag"], now)}
    return live_part(request, "dags/details.html", HEAD, spec=spec, doc=markdown(spec.doc_md), **context)


@require_POST
def reparse(request: HttpRequest, dag_id: str) -> HttpResponse:
    """Have the DAG's file read again though it did not change."""
    dag = dag_for(request, dag_id)
    must(request, "edit", dag)
    if dag.file_id is None:
        raise Http404(gettext("No file is known that defines “{dag_id}”.").format(dag_id=dag_id))
    parsing.ask(dag.file_id, user=request.user)
    return done(request, gettext("The file is read again within seconds."), reverse("dag", args=[dag.dag_id]))


@require_POST
@undoable
def pause(request: HttpRequest, dag_id: str) -> HttpResponse:
    dag = dag_for(request, dag_id)
    must(request, "pause", dag)
    paused = request.POST.get("paused") == "true"
    freeze = paused and request.POST.get("mode") == "freeze"
    actions.pause(dag.dag_id, paused, freeze=freeze, user=request.user)
    text = gettext("{name} is on.").format(name=dag.name)
    if paused:
        text = gettext("{name} is paused: no new runs start.").format(name=dag.name)
    if freeze:
        text = gettext("{name} is frozen: no new tasks start.").format(name=dag.name)
    return done(request, text, reverse("dag", args=[dag.dag_id]))
