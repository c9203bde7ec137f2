"""The dialog that holds a task back, or releases it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext

from orchestrator.web.page import done, instance_for, must, run_for
from runs_app import holds
from runs_app.exceptions import OrchestratorError
from runs_app.models import DagRun, TaskInstance

from .dialogs import form_view, shown, task_url, text_of


@form_view
def hold_task(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> HttpResponse:
    """Hold a task in this run or in every run; what is held already can be released here."""
    run = run_for(request, dag_id, run_id)
    instance = instance_for(request, run, task_id, map_index)
    must(request, "mark", run)
    error = ""
    if request.method == "POST":
        try:
            text = _act(request, run, instance)
        except OrchestratorError as problem:
            error = str(problem)
        except ValueError:
            error = gettext("The time cannot be read: give a date and a time.")
        else:
            return done(request, text, task_url(dag_id, run_id, task_id, map_index))
    return shown(
        request,
        "dialogs/_hold.html",
        status=422 if error else 200,
        dag=run.dag,
        run=run,
        instance=instance,
        title=gettext("Hold {task_id}").format(task_id=task_id),
        held=holds.on([instance]),
        posted=request.POST,
        error=error,
    )


def _act(request: HttpRequest, run: DagRun, instance: TaskInstance) -> str:
    posted: Any = request.POST
    if "release" in posted:
        for each in holds.on([instance]):
            if str(each.pk) == posted["release"]:
                holds.release(each.pk, user=request.user)
        return gettext("{task_id} is released.").format(task_id=instance.task_id)
    until = posted.get("until", "").strip()
    moment = datetime.fromisoformat(until) if until else None
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    everywhere = posted.get("where") == "every"
    holds.hold(
        run.dag_id,
        instance.task_id,
        run_pk=None if everywhere else run.pk,
        map_index=-1 if everywhere else instance.map_index,
        reason=text_of(posted, "reason", 1000),
        until=moment,
        user=request.user,
    )
    if everywhere:
        return gettext("{task_id} is held in every run.").format(task_id=instance.task_id)
    return gettext("{task_id} is held.").format(task_id=instance.task_id)
