"""Lists over all DAGs: runs, task instances, XComs, deadlines."""

from __future__ import annotations

from typing import Any

from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from orchestrator import access
from orchestrator.web import bulk, list_code, remembered
from orchestrator.web.browsing import (
    COLUMNS,
    DEADLINE_SORTS,
    DEADLINES,
    INSTANCE_SORTS,
    RUN_SORTS,
    XCOM_SORTS,
    XCOMS,
    instances_of,
    runs_of,
)
from orchestrator.web.filters import Filters
from orchestrator.web.page import live_part
from orchestrator.web.paging import Chunk, sorted_by

BULK = {"runs": "dag_runs", "instances": "task_instances"}
"""Lists whose rows can be ticked."""


@require_safe
def runs_page(request: HttpRequest) -> HttpResponse:
    rows, filters = runs_of(request)
    rows = rows.select_related("dag", "version").defer("version__spec", "conf")
    rows, sort = sorted_by(request, rows, RUN_SORTS, "-run_after")
    return _list(request, "runs", gettext("DAG runs"), rows, filters, sort)


@require_safe
def instances_page(request: HttpRequest) -> HttpResponse:
    rows, filters = instances_of(request)
    rows = rows.select_related("run").defer("run__conf", "next_kwargs", "skip_note")
    rows, sort = sorted_by(request, rows, INSTANCE_SORTS, "-id")
    return _list(request, "instances", gettext("Task instances"), rows, filters, sort)


@require_safe
def xcoms_page(request: HttpRequest) -> HttpResponse:
    filters = Filters(request, XCOMS)
    rows = filters.narrow(access.visible_xcoms(request.user)).select_related("run").defer("run__conf")
    rows, sort = sorted_by(request, rows, XCOM_SORTS, "-id")
    return _list(request, "xcoms", "XComs", rows, filters, sort)


@require_safe
def deadlines_page(request: HttpRequest) -> HttpResponse:
    """Those to come and those that were missed; one that was met is gone."""
    filters = Filters(request, DEADLINES)
    rows = filters.narrow(access.visible_deadlines(request.user)).select_related("run").defer("run__conf")
    if request.GET.get("missed") in {"true", "false"}:
        rows = rows.filter(missed=request.GET["missed"] == "true")
    rows = rows.annotate(dag_id=F("run__dag_id"))
    rows, sort = sorted_by(request, rows, DEADLINE_SORTS, "-deadline_time")
    return _list(request, "deadlines", gettext("Deadlines"), rows, filters, sort, now=timezone.now())


def _list(
    request: HttpRequest, kind: str, title: str, rows: QuerySet[Any], filters: Filters, sort: str, **context: Any
) -> HttpResponse:
    if (of := bulk.KINDS.get(BULK.get(kind, ""))) is not None:
        context |= {"bulk_kind": of.name, "bulk_acts": bulk.offered(of, request.user)}
    chunk = Chunk(request, rows)
    columns, name = COLUMNS.get(kind, {}), f"columns_{kind}"
    on = remembered.several(request, name, list(columns))
    response = live_part(
        request,
        "browse/list.html",
        {"rows": "browse/_rows.html"},
        kind=kind,
        title=title,
        nav="browse",
        rows_template=f"browse/_{kind}.html",
        chunk=chunk,
        code=list_code.of_list(request, kind, filters, chunk, sort),
        filters=filters,
        sort=sort,
        columns=[(each, label, each in on) for each, label in columns.items()],
        columns_name=name,
        off=" ".join(each for each in columns if each not in on),
        **context,
    )
    return remembered.keep_several(response, name, list(columns), on) if columns else response
