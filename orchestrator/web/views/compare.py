"""A run beside another of its DAG: what differs, what explains the delay first."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from dags_app.versions import load_spec
from orchestrator import access
from orchestrator.core.branches import depth_of, name
from orchestrator.core.comparing import Difference
from orchestrator.web.page import live_part, run_for
from runs_app import comparing
from runs_app.models import DagRun

from .run import HEAD, head

OFFERED = 50
"""Newest runs to choose from; others have their addresses."""
MOST_SHOWN = 500
WORDS = {
    "version": gettext_lazy("Version of the DAG"),
    "param": gettext_lazy("Param"),
    "conf": gettext_lazy("Configuration"),
    "run_state": gettext_lazy("State of the run"),
    "run_wait": gettext_lazy("Waited before it began"),
    "state": gettext_lazy("State"),
    "tries": gettext_lazy("Tries"),
    "duration": gettext_lazy("Took"),
    "wait": gettext_lazy("Waited to begin"),
    "xcom": "XCom",
    "log": gettext_lazy("Log"),
    "worker": gettext_lazy("Worker"),
}


@require_safe
def compare_page(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    context = head(request, dag_id, run_id, "compare")
    run: DagRun = context["run"]
    runs = access.visible_runs(request.user).filter(dag_id=dag_id)
    wanted = request.GET.get("with", "")
    good = comparing.last_good(run, runs)
    good_id = good.run_id if good else ""
    other = run_for(request, dag_id, wanted or good_id) if wanted or good_id else None
    offered = list(runs.exclude(pk=run.pk).order_by("-run_after", "-pk")[:OFFERED])
    if other is not None and other not in offered:
        offered.append(other)  # an older one, which the field would otherwise show as another
    found: dict[str, Any] = {}
    if other is not None:
        result = comparing.compared(other, run, timezone.now())
        lines = [_line(run, other, each) for each in result.differences[:MOST_SHOWN]]
        more = len(result.differences) - len(lines)
        late = result.delay is not None and result.delay > 0
        found = {"result": result, "lines": lines, "more": more, "late": late, "seconds": abs(result.delay or 0)}
    parts = HEAD | {"compare": "runs/_compare.html"}
    return live_part(
        request, "runs/compare.html", parts, other=other, good=good_id, offered=offered, **found, **context
    )


def _line(run: DagRun, other: DagRun, each: Difference) -> dict[str, Any]:
    version = run.version_id if each.task_id in load_spec(run.version_id).tasks else other.version_id
    depth = depth_of(load_spec(version), each.task_id) if each.task_id and each.map_index != -1 else 0
    return {
        "what": WORDS[each.kind],
        "task": name(each.task_id, each.map_index, depth) if each.map_index != -1 else each.task_id,
        "is_here": each.after is not None or each.kind in {"xcom", "log"},
        "seconds": abs(each.delay),
        "of": each,
    }
