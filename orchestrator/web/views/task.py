"""The pages of one task instance, and the list of a mapped task's."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from django.core.paginator import Paginator
from django.db.models import BigIntegerField, Case, Count, ExpressionWrapper, F, When
from django.db.models.functions import Abs
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_safe

from dags_app.models import AuditEntry
from dags_app.versions import load_spec
from orchestrator import access
from orchestrator.core.branches import BASE, depth_of
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import FINISHED, TaskState
from orchestrator.logs.mask import mask_fields
from orchestrator.web import blame, tasklist, usage
from orchestrator.web.filters import Filter, Filters
from orchestrator.web.page import instance_for, live_part, run_for, whole_number
from orchestrator.web.text import code, markdown
from orchestrator.web.views.logs import last_part
from runs_app import store, why
from runs_app.deadlines import deadlines_of
from runs_app.links import external_log, links_of
from runs_app.models import Attempt, StateEvent, Trigger, XCom

MOST_SHOWN = 100_000
"""Characters of one value on a page; the API gives the rest."""
MAPPED = (
    Filter("rendered_map_index", gettext_lazy("Label"), "rendered_map_index", first=True),
    Filter("map_index", gettext_lazy("Map index"), "map_index", "number"),
    Filter("try_number", gettext_lazy("Try"), "try_number", "number"),
    Filter("start_date", gettext_lazy("Started"), "started_at", "time"),
    Filter("end_date", gettext_lazy("Ended"), "ended_at", "time"),
    Filter("duration", gettext_lazy("Seconds"), "took", "seconds"),
)
"""What the instances of a mapped task can be filtered by."""
PARTS = {"head": "tasks/_head.html", "rail": "tasks/_rail.html"}


def head(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int, tab: str) -> dict[str, Any]:
    """Return what the header and the rail of a task instance's pages show."""
    run = run_for(request, dag_id, run_id)
    if map_index == -1 and (expanded := _only_mapped(request, run, task_id)):
        raise Expanded(expanded)
    instance = instance_for(request, run, task_id, map_index)
    spec = load_spec(instance.version_id or run.version_id)
    attempts = list(
        Attempt.objects.filter(task_instance=instance)
        .select_related("version")
        .defer("version__spec")
        .order_by("token")
    )
    tries = sorted({each.try_number for each in attempts})
    chosen = whole_number(request, "try_number", tries[-1] if tries else 0)
    reason = StateEvent.objects.filter(task_instance=instance).order_by("-pk").values("reason", "actor").first()
    suffix, args = ("-mapped", [map_index]) if map_index != -1 else ("", [])
    return {
        "dag": run.dag,
        "run": run,
        "instance": instance,
        "task": spec.tasks.get(task_id),
        "tab": tab,
        "links": links_of(instance, task.display) if (task := spec.tasks.get(task_id)) else {},
        "nav": "dags",
        "rows": partial(tasklist.rows, load_spec(run.version_id), run),  # called by the template that shows it
        "attempts": attempts,
        "tries": tries,
        "picks": list({each.try_number: each.outcome or "running" for each in attempts}.items()),
        "try_number": chosen,
        "reads_audit": access.can(request.user, "read_audit"),
        "seen_asset_events": access.with_runs(request.user, access.visible_asset_events(request.user)),
        "before": whole_number(request, "before", -1, -1, 2**53),
        "last": attempts[-1] if attempts else None,
        "reason": reason,
        "blamed": blame.blamed(instance, spec),
        "asks": instance.hitl_details.exists(),
        "deadlines": deadlines_of(instance) if task is not None and task.deadlines else [],
        "why": [] if instance.state in FINISHED else why.of_task(instance, timezone.now()),
        "finished": instance.state in FINISHED,
        "to": {
            name: reverse(f"task{end}{suffix}", args=[dag_id, run_id, task_id, *args])
            for name, end in (
                ("log", ""),
                ("rendered", "-rendered"),
                ("xcom", "-xcom"),
                ("store", "-store"),
                ("tries", "-tries"),
                ("code", "-code"),
                ("required", "-required"),
                ("details", "-details"),
                ("lines", "-log"),
                ("find", "-log-find"),
                ("file", "-log-file"),
                ("clear", "-clear"),
                ("mark", "-mark"),
                ("hold", "-hold"),
                ("note", "-note"),
                ("delete", "-delete"),
                ("events", "-events"),
                ("assets", "-assets"),
                ("edit_xcom", "-xcom-edit"),
                ("edit_store", "-store-edit"),
                ("clear_store", "-store-clear"),
            )
        },
    }


class Expanded(Exception):
    """The task was expanded: its page is the list of its instances."""


def _only_mapped(request: HttpRequest, run: Any, task_id: str) -> str:
    indexes = access.visible_task_instances(request.user).filter(run=run, task_id=task_id)
    indexes = indexes.order_by("map_index").values_list("map_index", flat=True)[:1]
    first = list(indexes)
    return reverse("mapped", args=[run.dag_id, run.run_id, task_id]) if first and first[0] != -1 else ""


def log_tab(context: dict[str, Any]) -> dict[str, Any]:
    tokens = [each.token for each in context["attempts"] if each.try_number == context["try_number"]]
    elsewhere = external_log(context["instance"], context["try_number"])
    return {**last_part(context["instance"], tokens, context["before"]), "external_log": elsewhere}


def _page(view: Any) -> Any:
    """Make a view of a task instance from a function that fills in its tab."""

    def shown(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> HttpResponse:
        tab, template, extra = view()
        try:
            context = head(request, dag_id, run_id, task_id, map_index, tab)
        except Expanded as elsewhere:
            from django.http import HttpResponseRedirect

            return HttpResponseRedirect(str(elsewhere))
        parts = PARTS | {
            "log": {"pick": "tasks/_pick.html"},
            "tries": {"tries": "tasks/_tries.html"},
            "events": {"events": "tasks/_events.html"},
        }.get(tab, {})
        return live_part(request, template, parts, **context, **extra(context))

    return require_safe(shown)


@_page
def log_page() -> Any:
    return "log", "tasks/log.html", log_tab


@_page
def tries_page() -> Any:
    return "tries", "tasks/tries.html", lambda context: {"usage": usage.over_runs(context["instance"])}


@_page
def details_page() -> Any:
    def extra(context: dict[str, Any]) -> dict[str, Any]:
        task = context["task"]
        waits = Trigger.objects.filter(task_instance=context["instance"]).select_related("process")
        return {"doc": markdown(task.display.get("doc_md")) if task else "", "trigger": waits.first()}

    return "details", "tasks/details.html", extra


@_page
def events_page() -> Any:
    def extra(context: dict[str, Any]) -> dict[str, Any]:
        instance, run = context["instance"], context["run"]
        events = StateEvent.objects.filter(task_instance=instance).order_by("-pk")[:200]
        audit = AuditEntry.objects.filter(dag_id=run.dag_id, run_id=run.run_id, task_id=instance.task_id)
        return {"events": list(events), "audit": list(audit[:100]) if context["reads_audit"] else []}

    return "events", "tasks/events.html", extra


@_page
def assets_page() -> Any:
    def extra(context: dict[str, Any]) -> dict[str, Any]:
        instance, run = context["instance"], context["run"]
        events = context["seen_asset_events"].filter(source_dag_id=run.dag_id, source_run_id=run.run_id)
        events = events.filter(source_task_id=instance.task_id, source_map_index=instance.map_index)
        found = list(events.select_related("asset").order_by("-pk")[:200])
        for each in found:
            each.shown = mask_fields(each.extra)
        return {"asset_events": found}

    return "assets", "tasks/assets.html", extra


@_page
def xcom_page() -> Any:
    def extra(context: dict[str, Any]) -> dict[str, Any]:
        rows = XCom.objects.filter(task_instance=context["instance"]).order_by("key")[:200]
        return {"xcoms": [(row, *value_lines(row.value)) for row in rows]}

    return "xcom", "tasks/xcom.html", extra


@_page
def store_page() -> Any:
    def extra(context: dict[str, Any]) -> dict[str, Any]:
        rows = store.alive(timezone.now()).filter(task_instance=context["instance"]).order_by("key")[:200]
        return {"entries": [(row, *value_lines(row.value)) for row in rows]}

    return "store", "tasks/store.html", extra


@_page
def rendered_page() -> Any:
    def extra(context: dict[str, Any]) -> dict[str, Any]:
        rendered = getattr(context["instance"], "rendered", None)
        return {
            "fields": [
                (name, value, *value_lines(value)) for name, value in (rendered.fields if rendered else {}).items()
            ]
        }

    return "rendered", "tasks/rendered.html", extra


def value_lines(value: Any) -> tuple[list[Any], bool]:
    """Return (lines of a value as safe HTML, whether it was cut)."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    name = "value.txt" if isinstance(value, str) else "value.json"
    return code(text[:MOST_SHOWN], name), len(text) > MOST_SHOWN


def _in_order(spec: DagSpec, task_id: str) -> list[Any]:
    """The order of their places; where more than two mappings stand in each other, what is not expanded comes first."""
    if depth_of(spec, task_id) == 2:
        number = BigIntegerField()
        place = ExpressionWrapper((-2 - F("map_index")) * BASE, output_field=number)
        return [Case(When(map_index__lt=-1, then=place), default=F("map_index"), output_field=number)]
    return [Case(When(map_index__lt=0, then=0), default=1), Abs("map_index")]


@require_safe
def mapped_page(request: HttpRequest, dag_id: str, run_id: str, task_id: str) -> HttpResponse:
    """The instances of a mapped task."""
    run = run_for(request, dag_id, run_id)
    instances = access.visible_task_instances(request.user).filter(run=run, task_id=task_id)
    counts = dict(instances.values_list("state").annotate(count=Count("pk")).order_by())
    if not counts:
        raise Http404(gettext("Run “{run_id}” has no task “{task_id}”.").format(run_id=run.run_id, task_id=task_id))
    filters = Filters(request, MAPPED)
    instances = filters.narrow(instances)
    if request.GET.get("state") in set(TaskState):
        instances = instances.filter(state=request.GET["state"])
    chunk = Paginator(instances.order_by(*_in_order(load_spec(run.version_id), task_id)), 100).get_page(
        request.GET.get("page")
    )
    parts = {"instances": "tasks/_mapped.html", "rail": "tasks/_rail.html"}
    context = {
        "dag": run.dag,
        "run": run,
        "task_id": task_id,
        "nav": "dags",
        "chunk": chunk,
        "rows": partial(tasklist.rows, load_spec(run.version_id), run),
        "counts": [(str(state), counts[state]) for state in tasklist.WORST_FIRST if state in counts],
        "total": sum(counts.values()),
        "filters": filters,
    }
    return live_part(request, "tasks/mapped.html", parts, **context)
