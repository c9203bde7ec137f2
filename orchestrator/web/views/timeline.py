"""The page of all DAGs' runs on one axis."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from dags_app.models import Pool
from orchestrator import access
from orchestrator.core.states import RunState
from orchestrator.web import listing, remembered, timeline, zones
from orchestrator.web.dag_filters import DagFilters
from orchestrator.web.page import live_part
from orchestrator.web.paging import Chunk
from runs_app.models import TaskInstance


@require_safe
def timeline_page(request: HttpRequest) -> HttpResponse:
    """DAGs that ran, run or are due in the window, a lane each."""
    now = timezone.now()
    hours = remembered.choice(request, "hours", ("24", *(each for each in timeline.WINDOWS if each != "24")))
    around = _around(request, now)
    shown = timeline.window(timeline.WINDOWS[hours], around, now)
    filters = DagFilters(request)
    dags = filters.narrow(access.visible_dags(request.user)).filter(timeline.active_in(shown))
    pool = request.GET.get("pool", "").replace("\0", "")
    if pool:
        used = TaskInstance.objects.filter(run__dag=OuterRef("pk"), run__run_after__gte=shown.since, pool=pool)
        dags = dags.filter(Exists(used))
        filters.also(gettext("Pool"), pool, "pool")
    runs = access.visible_runs(request.user)
    if (state := request.GET.get("run_state")) in set(RunState):
        runs = runs.filter(state=state)
        filters.also(gettext("Runs"), str(state), "run_state")
    chunk = Chunk(request, dags.order_by("dag_id"), 100)
    rows, is_whole = timeline.lanes(chunk.rows, runs, shown)
    tags, owners = listing.choices(access.visible_dags(request.user))
    back = timedelta(hours=timeline.WINDOWS[hours])
    context: dict[str, Any] = {
        "earlier": (around - back).isoformat(),
        "later": (around + back).isoformat() if around + back < now + 4 * back else "",
        "pools": list(Pool.objects.values_list("name", flat=True)),
        "pool": pool,
    }
    response = live_part(
        request,
        "browse/timeline.html",
        {"lanes": "browse/_lanes.html"},
        kind="timeline",
        nav="browse",
        chunk=chunk,
        lanes=rows,
        is_whole=is_whole,
        shown=shown,
        hours=hours,
        windows=list(timeline.WINDOWS),
        filters=filters,
        states=list(RunState),
        tags=tags,
        owners=owners,
        **context,
    )
    return remembered.keep(response, "hours", hours)


def _around(request: HttpRequest, now: Any) -> Any:
    """The moment that is looked at; now, where the address names none."""
    try:
        found = zones.read(request.GET.get("at", ""), zones.chosen(request))
    except ValueError:
        return now
    return found if timedelta(days=-36500) < found - now < timedelta(days=3650) else now
