"""The calendar of a DAG: a year by day or a month by hour, in the reader's zone."""

from __future__ import annotations

from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse
from django.utils import dateformat, timezone
from django.views.decorators.http import require_safe

from orchestrator import access
from orchestrator.web import day_cells, zones
from orchestrator.web.page import live_part, whole_number

from . import dag


@require_safe
def calendar_page(request: HttpRequest, dag_id: str) -> HttpResponse:
    context = dag.head(request, dag_id, "calendar")
    zone, now = zones.chosen(request), timezone.now()
    today = now.astimezone(zone).date()
    hourly, failed = request.GET.get("by") == "hour", request.GET.get("show") == "failed"
    first = _first(request, today, hourly)
    runs = access.visible_runs(request.user).filter(dag=context["dag"])
    if hourly:
        lines = day_cells.month(runs, context["dag"], first, zone, now)
        before, after = first - timedelta(days=1), first + timedelta(days=31)
        turn = {
            "older": f"{before:%Y-%m}",
            "newer": f"{after:%Y-%m}",
            "title": f"{dateformat.format(first, 'F')} {first:%Y}",
        }
    else:
        lines = day_cells.year(runs, context["dag"], first.year, zone, now)
        turn = {"older": first.year - 1, "newer": first.year + 1, "title": str(first.year)}
    cells = [cell for line in lines for cell in line.cells]
    day_cells.shade(cells, failed)
    counts: dict[str, int] = {}
    for cell in cells:
        for state, count in cell.counts.items():
            counts[state] = counts.get(state, 0) + count
    shown = {"lines": lines, "hourly": hourly, "failed_only": failed, "turn": turn, "hours": range(24), "now": now}
    about = {"zone": str(zone), "counts": counts, "planned": sum(cell.planned for cell in cells)}
    parts = dag.HEAD | {"calendar": "dags/_calendar.html"}
    return live_part(request, "dags/calendar.html", parts, **shown, **about, **context)


def _first(request: HttpRequest, today: date, hourly: bool) -> date:
    """The first day that is shown; what makes no sense counts as not given."""
    if not hourly:
        return date(whole_number(request, "year", today.year, day_cells.FIRST_YEAR, day_cells.LAST_YEAR), 1, 1)
    try:
        first = date.fromisoformat(f"{request.GET.get('month', '')}-01")
    except ValueError:
        return today.replace(day=1)
    return first if day_cells.FIRST_YEAR <= first.year <= day_cells.LAST_YEAR else today.replace(day=1)
