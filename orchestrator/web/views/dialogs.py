"""What one can do, each as a page with a form that a script shows as a dialog: trigger, note, delete."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext

from dags_app.models import Dag
from orchestrator.web import dialog_code, params, trigger_form
from orchestrator.web.page import dag_for, done, form_view, instance_for, must, page, run_for, wants_part
from runs_app import actions, deleting
from runs_app.exceptions import OrchestratorError

from .dag import spec_of

MOST_LISTED = 200
MOST_NOTE = 10_000


def shown(request: HttpRequest, form: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """Render a form: alone for the dialog, within a page otherwise."""
    template = form if wants_part(request) else "dialogs/page.html"
    context.setdefault("nav", "assets" if "asset" in context else "dags")
    context.setdefault("code", partial(dialog_code.of_request, request))
    return page(request, template, status, form_template=form, **context)


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
    error, conf_text, filled = "", "{}", {}
    if posted is not None:
        conf_text = posted.get("conf", "").strip() or "{}"
        conf, error = params.conf_of(fields, posted, conf_text)
        values, wrong = trigger_form.values_of(posted)
        error = error or wrong
        if not error:
            try:
                run = actions.trigger_dag(
                    dag.dag_id,
                    conf=conf,
                    run_id=text_of(posted, "run_id", 250) or None,
                    note=text_of(posted, "note", 10_000) or None,
                    user=request.user,
                    **values,
                )
                if dag.is_paused and "unpause" in posted:
                    actions.pause(dag.dag_id, False, user=request.user)
            except OrchestratorError as problem:
                error = str(problem)
            else:
                return done(
                    request,
                    gettext("Triggered {name}.").format(name=dag.name),
                    reverse("run", args=[dag.dag_id, run.run_id]),
                )
    else:
        conf_text, filled = trigger_form.prefilled(request, fields, _conf_of_run(request, dag))
    return shown(
        request,
        "dialogs/_trigger.html",
        status=422 if error else 200,
        dag=dag,
        sections=params.sections(fields),
        fields=fields,
        conf=conf_text,
        error=error,
        posted=filled if posted is None else posted,
        mode=posted.get("mode") if posted else "form" if fields else "json",
        recent=trigger_form.recent(request, dag),
        takes_keys=trigger_form.takes_keys(spec),
    )


def _conf_of_run(request: HttpRequest, dag: Dag) -> dict[str, Any]:
    """The configuration of the run to repeat, where the address names one."""
    run_id = request.GET.get("again")
    return dict(run_for(request, dag.dag_id, run_id).conf or {}) if run_id else {}


def task_url(dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    if map_index != -1:
        return reverse("task-mapped", args=[dag_id, run_id, task_id, map_index])
    return reverse("task", args=[dag_id, run_id, task_id])


@form_view
def note_run(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    run = run_for(request, dag_id, run_id)
    must(request, "note", run)
    if request.method == "POST":
        note = text_of(request.POST, "note", 10_000)
        actions.set_note(run.pk, note, user=request.user)
        return done(
            request, gettext("Note saved.") if note else gettext("Note removed."), reverse("run", args=[dag_id, run_id])
        )
    return shown(request, "dialogs/_note.html", dag=run.dag, run=run, noted=run, what="run")


@form_view
def note_task(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> HttpResponse:
    run = run_for(request, dag_id, run_id)
    instance = instance_for(request, run, task_id, map_index)
    must(request, "note", run)
    if request.method == "POST":
        note = text_of(request.POST, "note", 10_000)
        actions.set_task_note([instance.pk], note, user=request.user)
        return done(
            request,
            gettext("Note saved.") if note else gettext("Note removed."),
            task_url(dag_id, run_id, task_id, map_index),
        )
    return shown(request, "dialogs/_note.html", dag=run.dag, run=run, noted=instance, what="task")


@form_view
def delete_task(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> HttpResponse:
    run = run_for(request, dag_id, run_id)
    instance = instance_for(request, run, task_id, map_index)
    must(request, "delete", run)
    error = ""
    if request.method == "POST":
        try:
            deleting.delete_instance(instance.pk, user=request.user)
        except OrchestratorError as problem:
            error = str(problem)
        else:
            to = reverse("run", args=[dag_id, run_id])
            return done(request, gettext("Deleted task instance {task_id}.").format(task_id=task_id), to)
    tries, status = instance.attempts.count(), 409 if error else 200
    return shown(
        request,
        "dialogs/_delete_task.html",
        status=status,
        dag=run.dag,
        run=run,
        ti=instance,
        tries=tries,
        error=error,
    )


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
            return done(request, gettext("Deleted DAG {dag_id}.").format(dag_id=dag_id), reverse("dags"))
    status = 409 if error else 200
    return shown(request, "dialogs/_delete_dag.html", status=status, dag=dag, count=dag.runs.count(), error=error)


@form_view
def delete_run(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    run = run_for(request, dag_id, run_id)
    must(request, "delete", run)
    if request.method == "POST":
        actions.delete_run(run.pk, user=request.user)
        return done(request, gettext("Deleted run {run_id}.").format(run_id=run.run_id), reverse("dag", args=[dag_id]))
    return shown(request, "dialogs/_delete.html", dag=run.dag, run=run, count=run.task_instances.count())
