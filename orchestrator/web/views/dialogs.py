"""What one can do, each as a page with a form that a script shows as a dialog: trigger, clear, mark, note, delete."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from dags_app.models import Dag
from dags_app.versions import load_spec
from orchestrator import access
from orchestrator.core.graph import topological
from orchestrator.core.states import FINISHED, RunState, TaskState
from orchestrator.web import dialog_code, params, zones
from orchestrator.web.page import dag_for, done, instance_for, must, page, run_for, wants_part
from runs_app import actions, cancel, markers, new_tasks
from runs_app.exceptions import OrchestratorError, TooManyMarkers
from runs_app.models import DagRun, TaskInstance

from .dag import spec_of

MOST_LISTED = 200
form_view = require_http_methods(["GET", "HEAD", "POST"])


def shown(request: HttpRequest, form: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """Render a form: alone for the dialog, within a page otherwise."""
    template = form if wants_part(request) else "dialogs/page.html"
    context.setdefault("nav", "dags")
    return page(request, template, status, form_template=form, code=partial(dialog_code.of_request, request), **context)


def text_of(posted: Any, name: str, most: int) -> str:
    """Read a text field; the null character, which a database cannot keep, is left out."""
    return str(posted.get(name, "")).replace("\0", "").strip()[:most]


@form_view
def trigger(request: HttpRequest, dag_id: str) -> HttpResponse:
    dag = dag_for(request, dag_id)
    must(request, "trigger", dag)
    spec = spec_of(dag)
    fields = params.fields_of(spec.params)
    posted = request.POST if request.method == "POST" else None
    error, conf_text = "", "{}"
    if posted is not None:
        conf_text = posted.get("conf", "").strip() or "{}"
        conf, error = params.conf_of(fields, posted, conf_text)
        date, date_error = _logical_date(posted)
        error = error or date_error
        if not error:
            try:
                run = actions.trigger_dag(
                    dag.dag_id,
                    conf=conf,
                    run_id=text_of(posted, "run_id", 250) or None,
                    logical_date=date,
                    note=text_of(posted, "note", 10_000) or None,
                    user=request.user,
                )
                if dag.is_paused and "unpause" in posted:
                    actions.pause(dag.dag_id, False, user=request.user)
            except OrchestratorError as problem:
                error = str(problem)
            else:
                return done(request, f"Triggered {dag.name}.", reverse("run", args=[dag.dag_id, run.run_id]))
    elif conf := _conf_of_run(request, dag):
        conf_text = json.dumps(conf, indent=2, ensure_ascii=False)
        for each in fields:
            if each.name in conf:
                params.fill(each, conf[each.name])
    return shown(
        request,
        "dialogs/_trigger.html",
        status=422 if error else 200,
        dag=dag,
        sections=params.sections(fields),
        fields=fields,
        conf=conf_text,
        error=error,
        posted=_prefilled(request) if posted is None else posted,
        mode=posted.get("mode") if posted else "form" if fields else "json",
    )


def _conf_of_run(request: HttpRequest, dag: Dag) -> dict[str, Any]:
    """The configuration of the run to repeat, where the address names one."""
    run_id = request.GET.get("again")
    return dict(run_for(request, dag.dag_id, run_id).conf or {}) if run_id else {}


def _prefilled(request: HttpRequest) -> dict[str, str]:
    """What a link to the form fills in: ``logical_date``, as the calendar's empty days do; nonsense fills in nothing."""
    text = request.GET.get("logical_date", "")
    try:
        return {"when": "date", "logical_date": f"{zones.read(text, UTC):%Y-%m-%dT%H:%M:%S}", "unpause": "on"}
    except ValueError:
        return {}


def _logical_date(posted: Any) -> tuple[Any, str]:
    choice, text = posted.get("when", "now"), posted.get("logical_date", "").strip()
    if choice == "none":
        return None, ""
    if choice != "date":
        return actions.UNSET, ""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None, "The logical date cannot be read: give a date and a time."
    return (found if found.tzinfo else found.replace(tzinfo=UTC)), ""


def _scope(request: HttpRequest, **defaults: bool) -> dict[str, bool]:
    """Read the check boxes of a choice of tasks; ``set`` says that the form was seen, so that absent means off."""
    given = request.POST if request.method == "POST" else request.GET
    return {name: (name in given) if "set" in given else default for name, default in defaults.items()}


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
    found.sort(key=lambda row: (place.get(row.task_id, len(place)), row.map_index))
    template = "dialogs/_affected.html" if request.GET.get("part") == "affected" else form
    return shown(
        request,
        template,
        status=409 if error else 200,
        dag=run.dag,
        run=run,
        affected=found[:MOST_LISTED],
        count=len(found),
        scope=scope,
        error=error,
        **context,
    )


@form_view
def clear_run(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    run = run_for(request, dag_id, run_id)
    must(request, "clear", run)
    go, title = reverse("run", args=[dag_id, run_id]), "Clear the run"
    scope = _scope(request, only_failed=False)
    new = new_tasks.queue(run.pk, dry_run=True)
    if new and _scope(request, only_new=False)["only_new"]:
        return _queue_new(request, run, new, go, title=title)
    return _clear(request, run, {}, scope, go, title=title, new=new)


def _queue_new(request: HttpRequest, run: DagRun, new: list[str], go: str, title: str) -> HttpResponse:
    """Run the tasks that the DAG's latest version has on top; or show them first."""
    if request.method == "POST":
        names = new_tasks.queue(run.pk, user=request.user)
        return done(request, f"Queued {_many(len(names))} of the latest version.", go)
    found = [TaskInstance(run=run, dag_id=run.dag_id, task_id=task_id) for task_id in new]
    return _choose(request, "dialogs/_clear.html", run, found, {"only_new": True}, title=title, new=new)


@form_view
def clear_task(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> HttpResponse:
    run = run_for(request, dag_id, run_id)
    must(request, "clear", run)
    choice: dict[str, Any] = {"task_ids": [task_id], "map_index": map_index if map_index != -1 else None}
    scope = _scope(request, downstream=True, upstream=False, only_failed=False)
    go = task_url(dag_id, run_id, task_id, map_index)
    return _clear(request, run, choice, scope, go, title=f"Clear {task_id}", task_id=task_id)


def _clear(
    request: HttpRequest, run: DagRun, choice: dict[str, Any], scope: dict[str, bool], go: str, **context: Any
) -> HttpResponse:
    """Clear what was chosen, and what markers in it name in other DAGs' runs that the user may clear; or show it first."""
    may, error = partial(_may_clear, request), ""
    found = actions.affected(run, setups=True, **choice, **scope)
    try:
        if request.method == "POST":
            return _cleared(request, markers.clear_with_tied(run, may, user=request.user, **choice, **scope), go)
        found += markers.rows_tied_to(run, found, may)
    except TooManyMarkers as problem:
        error = str(problem)
    return _choose(request, "dialogs/_clear.html", run, found, scope, error=error, **context)


def _may_clear(request: HttpRequest, dag_id: str) -> bool:
    dag = access.visible_dags(request.user).filter(pk=dag_id).first()
    return dag is not None and access.can(request.user, "clear", dag)


def _cleared(request: HttpRequest, found: list[TaskInstance], go: str) -> HttpResponse:
    if not found:
        return done(request, "There was nothing to clear.", go)
    return done(request, f"Cleared {_many(len(found))}: they run again.", go)


def _many(count: int) -> str:
    return "1 task instance" if count == 1 else f"{count} task instances"


def task_url(dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    if map_index != -1:
        return reverse("task-mapped", args=[dag_id, run_id, task_id, map_index])
    return reverse("task", args=[dag_id, run_id, task_id])


@form_view
def mark_task(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> HttpResponse:
    run = run_for(request, dag_id, run_id)
    must(request, "mark", run)
    state = request.POST.get("state") or request.GET.get("state") or TaskState.SUCCESS
    scope = _scope(request, downstream=False, upstream=False)
    index = map_index if map_index != -1 else None
    found = actions.affected(run, task_ids=[task_id], map_index=index, **scope)
    error = ""
    if request.method == "POST":
        try:
            moved = actions.set_task_state([row.pk for row in found], state, user=request.user)
        except OrchestratorError as problem:
            error = str(problem)
        else:
            return done(
                request, f"Marked {_many(len(moved))} as {state}.", task_url(dag_id, run_id, task_id, map_index)
            )
    found = [row for row in found if row.state != state]
    title = f"Mark {task_id} as {state}"
    return _choose(request, "dialogs/_mark.html", run, found, scope, error, title=title, state=state, task_id=task_id)


@form_view
def mark_run(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    run = run_for(request, dag_id, run_id)
    must(request, "mark", run)
    state = request.POST.get("state") or request.GET.get("state") or RunState.SUCCESS
    error = ""
    if request.method == "POST":
        try:
            actions.set_run_state(run.pk, state, user=request.user)
        except OrchestratorError as problem:
            error = str(problem)
        else:
            return done(request, f"Marked the run as {state}.", reverse("run", args=[dag_id, run_id]))
    found = [row for row in actions.affected(run) if row.state not in FINISHED]
    title = f"Mark the run as {state}"
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
            return done(request, f"Cancelled run {run.run_id}.", reverse("run", args=[dag_id, run_id]))
    found = [row for row in actions.affected(run) if row.state not in FINISHED]
    return _choose(request, "dialogs/_cancel.html", run, found, {}, error, title="Cancel this run?")


@form_view
def note_run(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    run = run_for(request, dag_id, run_id)
    must(request, "note", run)
    if request.method == "POST":
        note = text_of(request.POST, "note", 10_000)
        actions.set_note(run.pk, note, user=request.user)
        return done(request, "Note saved." if note else "Note removed.", reverse("run", args=[dag_id, run_id]))
    return shown(request, "dialogs/_note.html", dag=run.dag, run=run, noted=run, what="run")


@form_view
def note_task(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> HttpResponse:
    run = run_for(request, dag_id, run_id)
    instance = instance_for(request, run, task_id, map_index)
    must(request, "note", run)
    if request.method == "POST":
        note = text_of(request.POST, "note", 10_000)
        actions.set_task_note([instance.pk], note, user=request.user)
        return done(request, "Note saved." if note else "Note removed.", task_url(dag_id, run_id, task_id, map_index))
    return shown(request, "dialogs/_note.html", dag=run.dag, run=run, noted=instance, what="task")


@form_view
def delete_dag(request: HttpRequest, dag_id: str) -> HttpResponse:
    dag = dag_for(request, dag_id)
    must(request, "delete", dag)
    error = ""
    if request.method == "POST":
        try:
            actions.delete_dag(dag_id, user=request.user)
        except OrchestratorError as problem:
            error = str(problem)
        else:
            return done(request, f"Deleted DAG {dag_id}.", reverse("dags"))
    status = 409 if error else 200
    return shown(request, "dialogs/_delete_dag.html", status=status, dag=dag, count=dag.runs.count(), error=error)


@form_view
def delete_run(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    run = run_for(request, dag_id, run_id)
    must(request, "delete", run)
    if request.method == "POST":
        actions.delete_run(run.pk, user=request.user)
        return done(request, f"Deleted run {run.run_id}.", reverse("dag", args=[dag_id]))
    return shown(request, "dialogs/_delete.html", dag=run.dag, run=run, count=run.task_instances.count())
