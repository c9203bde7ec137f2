"""The overview of a DAG: what one wants to know of it at a glance."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from orchestrator import access
from orchestrator.core.states import RunState
from orchestrator.web import failures, overview
from orchestrator.web.page import live_part

from . import dag

SHOWN = 5


@require_safe
def overview_page(request: HttpRequest, dag_id: str) -> HttpResponse:
    context = dag.head(request, dag_id, "overview")
    chosen, now = overview.chosen(request), timezone.now()
    since = now - overview.LENGTHS[chosen]
    runs = access.visible_runs(request.user).filter(dag=context["dag"])
    instances = access.visible_task_instances(request.user).filter(dag_id=dag_id)
    failed = instances.filter(state__in=overview.FAILED, ended_at__gte=since)
    deadlines = (
        access.visible_deadlines(request.user)
        .filter(run__dag_id=dag_id)
        .select_related("run")
        .order_by("deadline_time")
    )
    events = access.visible_asset_events(request.user).filter(source_dag_id=dag_id, timestamp__gte=since)
    asked = access.visible_questions(request.user, is_open=True).filter(task_instance__dag_id=dag_id)
    return live_part(
        request,
        "dags/overview.html",
        dag.HEAD | {"overview": "dags/_overview.html"},
        ranges=overview.RANGES,
        chosen=chosen,
        since=since,
        failed_runs=runs.filter(state=RunState.FAILED, ended_at__gte=since).count(),
        ended_runs=runs.filter(ended_at__gte=since).count(),
        failed_tasks=failed.count(),
        chart=overview.chart(runs, now),
        failure=overview.last_failure(instances.filter(ended_at__gte=since)),
        groups=list(failures.groups(request.user, dag_id=dag_id, since=since)[:SHOWN]),
        missed=list(deadlines.filter(missed=True, deadline_time__gte=since).reverse()[:SHOWN]),
        upcoming=list(deadlines.filter(missed=False, run__ended_at__isnull=True)[:SHOWN]),
        events=list(events.select_related("asset").order_by("-timestamp", "-pk")[:SHOWN]),
        questions=list(asked.select_related("task_instance__run").order_by("created_at")[:SHOWN]),
        **context,
    )
