"""Clear and mark: what a choice reaches is shown while one chooses, and done from the same choice."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext

from dags_app.versions import load_spec, reruns_with_latest
from orchestrator import access
from orchestrator.core.graph import tasks_inside, topological
from orchestrator.core.states import FINISHED, RunState, TaskState
from orchestrator.web.page import done, must, run_for
from runs_app import actions, blast, cancel, choice, clearing, new_tasks
from runs_app.exceptions import OrchestratorError, TooManyMarkers
from runs_app.models import DagRun, TaskInstance

from .dialogs import MOST_LISTED, MOST_NOTE, form_view, shown, task_url, text_of


def _acts(request: HttpRequest) -> bool:
    """Whether the form is sent to act; its preview button, for want of a script, only shows what it would do."""
    return request.method == "POST" and "preview" not in request.POST


def _scope(request: HttpRequest, **defaults: bool) -> dict[str, bool]:
    """Read the check boxes of a choice of tasks; ``set`` says that the form was seen, so that absent means off."""
    given = request.POST if request.method == "POST" else request.GET
    return {name: name in given or (default and "set" not in given) for name, default in defaults.items()}


def _choose(
    request: HttpRequest,
    form: str,
    run: DagRun,
    found: list[TaskInstance],
    scope: dict[str, bool],
    error: str = "",
    **context: Any,
) -> HttpResponse:
    place = {task_id: index for index, task_id in enumerate(topological(load_spec(run.version_id)))}
    found.sort(key=lambda row: (place.get(row.task_id, len(place)), row.run_id != run.pk, row.run_id, row.map_index))
    by_dag = Counter(row.dag_id for row in found)
    return shown(
        request,
        "dialogs/_affected.html" if request.GET.get("part") == "affected" else form,
        status=409 if error else 200,
        dag=run.dag,
        run=run,
        affected=found[:MOST_LISTED],
        count=len(found),
        runs=len({row.run_id for row in found}),
        by_dag=by_dag.most_common() if len(by_dag) > 1 else [],
        scope=scope,
        error=error,
        noted=text_of(request.POST, "note", MOST_NOTE),
        **context,
    )


@form_view
def clear_run(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    run = run_for(request, dag_id, run_id)
    must(request, "clear", run)
    go, title = reverse("run", args=[dag_id, run_id]), gettext("Clear the run")
    scope = _scope(request, only_failed=False, latest=reruns_with_latest(run.dag))
    new = new_tasks.queue(run.pk, dry_run=True)
    if new and _scope(request, only_new=False)["only_new"]:
        return _queue_new(request, run, new, go, title=title)
    return _clear(request, run, [run], scope, go, title=title, new=new)


def _queue_new(request: HttpRequest, run: DagRun, new: list[str], go: str, title: str) -> HttpResponse:
    """Run the tasks that the DAG's latest version has on top; or show them first."""
    if _acts(request):
        names = new_tasks.queue(run.pk, user=request.user)
        if note := text_of(request.POST, "note", MOST_NOTE):
            actions.set_note(run.pk, note, user=request.user)
        return done(request, gettext("Queued {what} of the latest version.").format(what=_many(len(names))), go)
    found = [TaskInstance(run=run, dag_id=run.dag_id, task_id=task_id) for task_id in new]
    return _choose(
        request, "dialogs/_clear.html", run, found, {"only_new": True}, title=title, new=new, has_newer=_has_newer(run)
    )


def _has_newer(run: DagRun) -> bool:
    return run.dag.version_id != run.version_id


@form_view
def clear_task(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> HttpResponse:
    run = run_for(request, dag_id, run_id)
    go = task_url(dag_id, run_id, task_id, map_index)
    return _clear_tasks(request, run, [task_id], map_index, go, task_id, downstream=True)


@form_view
def clear_group(request: HttpRequest, dag_id: str, run_id: str, group_id: str) -> HttpResponse:
    run = run_for(request, dag_id, run_id)
    return _clear_tasks(request, run, _members(run, group_id), -1, reverse("run", args=[dag_id, run_id]), group_id)


def _members(run: DagRun, group_id: str) -> list[str]:
    found = sorted(tasks_inside(load_spec(run.version_id), group_id))
    if not found:
        raise Http404(
            gettext("Run “{run_id}” has no task group “{group_id}”.").format(run_id=run.run_id, group_id=group_id)
        )
    return found


WHICH = ("upstream", "past", "future", "only_failed", "only_running", "prevent_running")


def _clear_tasks(
    request: HttpRequest,
    run: DagRun,
    task_ids: list[str],
    map_index: int,
    go: str,
    name: str,
    *,
    downstream: bool = False,
) -> HttpResponse:
    must(request, "clear", run)
    scope = _scope(request, downstream=downstream, latest=reruns_with_latest(run.dag), **dict.fromkeys(WHICH, False))
    runs = access.runs_around(request.user, run, past=scope["past"], future=scope["future"])
    named = {"task_ids": task_ids, "map_index": map_index if map_index != -1 else None}
    return _clear(
        request, run, runs, scope, go, named=named, title=gettext("Clear {name}").format(name=name), task_id=name
    )


def _clear(
    request: HttpRequest,
    run: DagRun,
    runs: list[DagRun],
    scope: dict[str, bool],
    go: str,
    named: dict[str, Any] | None = None,
    **context: Any,
) -> HttpResponse:
    """Clear what was chosen, and what markers in it name in other DAGs' runs that the user may clear; or show it first."""
    how = {name: on for name, on in scope.items() if name not in {"past", "future"}}
    wanted = clearing.Wanted(**(named or {}), **how, note=text_of(request.POST, "note", MOST_NOTE))
    may, error = partial(_may_clear, request), ""
    try:
        if _acts(request):
            return _cleared(request, clearing.clear(run, runs, wanted, may, user=request.user), go)
    except OrchestratorError as problem:
        error = str(problem)
    found = clearing.chosen(run, runs, wanted)
    try:
        found += clearing.tied(found, may)
    except TooManyMarkers as problem:
        error = str(problem)
    context |= {"blast": blast.of(found, access.visible_dags(request.user)), "has_newer": _has_newer(run)}
    return _choose(request, "dialogs/_clear.html", run, found, scope, error, **context)


def _may_clear(request: HttpRequest, dag_id: str) -> bool:
    dag = access.visible_dags(request.user).filter(pk=dag_id).first()
    return dag is not None and access.can(request.user, "clear", dag)


def _cleared(request: HttpRequest, found: list[TaskInstance], go: str) -> HttpResponse:
    if not found:
        return done(request, gettext("There was nothing to clear."), go)
    runs = len({row.run_id for row in found})
    what = _many(len(found))
    if runs > 1:
        return done(request, gettext("Cleared {what} in {runs} runs: they run again.").format(what=what, runs=runs), go)
    return done(request, gettext("Cleared {what}: they run again.").format(what=what), go)


def _many(count: int) -> str:
    return ngettext("{count} task instance", "{count} task instances", count).format(count=count)


@form_view
def mark_task(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> HttpResponse:
    run = run_for(request, dag_id, run_id)
    return _mark_tasks(request, run, [task_id], map_index, task_url(dag_id, run_id, task_id, map_index), task_id)


@form_view
def mark_group(request: HttpRequest, dag_id: str, run_id: str, group_id: str) -> HttpResponse:
    run = run_for(request, dag_id, run_id)
    return _mark_tasks(request, run, _members(run, group_id), -1, reverse("run", args=[dag_id, run_id]), group_id)


def _mark_tasks(
    request: HttpRequest, run: DagRun, task_ids: list[str], map_index: int, go: str, name: str
) -> HttpResponse:
    must(request, "mark", run)
    state = request.POST.get("state") or request.GET.get("state") or TaskState.SUCCESS
    scope = _scope(request, downstream=False, upstream=False, past=False, future=False)
    runs = access.runs_around(request.user, run, past=scope["past"], future=scope["future"])
    reach = {"upstream": scope["upstream"], "downstream": scope["downstream"]}
    index, error = map_index if map_index != -1 else None, ""
    if _acts(request):
        try:
            moved = actions.mark(run, runs, task_ids, state, map_index=index, user=request.user, **reach)
        except OrchestratorError as problem:
            error = str(problem)
        else:
            if moved and (note := text_of(request.POST, "note", MOST_NOTE)):
                actions.set_task_note(moved, note, user=request.user)
            return done(request, gettext("Marked {what} as {state}.").format(what=_many(len(moved)), state=state), go)
    touched = choice.to_mark(load_spec(run.version_id), task_ids, index, **reach).of(runs)
    found = list(touched.exclude(state=state).select_related("run"))
    title = gettext("Mark {name} as {state}").format(name=name, state=state)
    return _choose(request, "dialogs/_mark.html", run, found, scope, error, title=title, state=state, task_id=name)


@form_view
def mark_run(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    run = run_for(request, dag_id, run_id)
    must(request, "mark", run)
    state = request.POST.get("state") or request.GET.get("state") or RunState.SUCCESS
    error = ""
    if _acts(request):
        try:
            actions.set_run_state(run.pk, state, user=request.user)
        except OrchestratorError as problem:
            error = str(problem)
        else:
            if note := text_of(request.POST, "note", MOST_NOTE):
                actions.set_note(run.pk, note, user=request.user)
            return done(
                request,
                gettext("Marked the run as {state}.").format(state=state),
                reverse("run", args=[dag_id, run_id]),
            )
    found = [row for row in actions.affected(run) if row.state not in FINISHED]
    title = gettext("Mark the run as {state}").format(state=state)
    return _choose(request, "dialogs/_mark.html", run, found, {}, error, title=title, state=state)


@form_view
def cancel_run(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    run = run_for(request, dag_id, run_id)
    must(request, "mark", run)
    error = ""
    if request.method == "POST":
        try:
            cancel.cancel_run(run.pk, reason=text_of(request.POST, "reason", 1000), user=request.user)
        except OrchestratorError as problem:
            error = str(problem)
        else:
            return done(
                request,
                gettext("Cancelled run {run_id}.").format(run_id=run.run_id),
                reverse("run", args=[dag_id, run_id]),
            )
    found = [row for row in actions.affected(run) if row.state not in FINISHED]
    return _choose(request, "dialogs/_cancel.html", run, found, {}, error, title=gettext("Cancel this run?"))
