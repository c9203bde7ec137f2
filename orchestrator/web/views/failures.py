"""The pages of failures by kind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from orchestrator import access
from orchestrator.web import failures
from orchestrator.web.home import history
from orchestrator.web.page import done, live_part, must
from runs_app.failures import describe, read_log
from runs_app.models import Failure, FailureGroup

from .dialogs import form_view, shown, text_of

PER_PAGE = 30
SHOWN = 20


@require_safe
def list_page(request: HttpRequest) -> HttpResponse:
    """All kinds, of the last day unless the address says otherwise; ``dag_id`` narrows to one DAG."""
    name = request.GET.get("range", "")
    name = name if name in history.RANGES else "7d"
    since = timezone.now() - timedelta(hours=history.RANGES[name][0])
    dag_id = request.GET.get("dag_id", "").replace("\0", "")[:250] or None
    chunk = Paginator(failures.groups(request.user, dag_id=dag_id, since=since), PER_PAGE).get_page(
        request.GET.get("page")
    )
    parts = {"rows": "failures/_rows.html"}
    context = {"ranges": history.RANGES, "range": name, "dag_id": dag_id}
    return live_part(
        request, "failures/list.html", parts, nav="failures", chunk=chunk, groups=chunk.object_list, **context
    )


def group_for(request: HttpRequest, group_id: int) -> Any:
    group = failures.groups(request.user).filter(pk=group_id).first() if group_id < 2**63 else None
    if group is None:
        raise Http404(gettext("There is no such kind of failure that you may see."))
    return group


@require_safe
def group_page(request: HttpRequest, failure_id: int) -> HttpResponse:
    group = group_for(request, failure_id)
    rows = failures.seen(request.user).filter(group=group)
    latest = list(rows.select_related("task_instance__run").order_by("-at", "-pk")[:SHOWN])
    return live_part(
        request,
        "failures/group.html",
        {"rows": "failures/_group.html"},
        nav="failures",
        group=group,
        tasks=failures.by_task(rows),
        latest=latest,
        first=rows.select_related("task_instance__run").order_by("at", "pk").first(),
        trace=_trace(latest[0]) if latest else "",
        may_note=access.can(request.user, "note"),
    )


def _trace(failure: Failure) -> str:
    """The traceback as the log of the latest has it; a log that is gone has none."""
    return read_log(failure.task_instance.run_id, failure.task_instance_id, failure.token).traceback


@form_view
def note_page(request: HttpRequest, failure_id: int) -> HttpResponse:
    """Who looks after a kind of failure, and what is known of it."""
    group: FailureGroup = group_for(request, failure_id)
    must(request, "note")
    if request.method == "POST":
        owner, note = text_of(request.POST, "owner", 250), text_of(request.POST, "note", 10_000)
        describe(group.pk, owner=owner, note=note, user=request.user)
        return done(request, "Noted.", reverse("failure", args=[group.pk]))
    return shown(request, "failures/_note.html", nav="failures", group=group, title=gettext("Owner and note"))
