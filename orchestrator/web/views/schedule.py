"""The schedule doctor of a DAG: its schedule in words, its times to come, what is odd about them, and the load of all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dags_app import schedule
from orchestrator.core import doctor
from orchestrator.core.preview import crons_of
from orchestrator.core.timetables import TimetableError, from_json
from orchestrator.core.timetables.cron import ZonedCron
from orchestrator.web import evaluations, load, zones
from orchestrator.web.page import live_part

from . import dag

RUNS_TO_COME = 50
YEARS = timedelta(days=3653)


@dataclass
class Checked:
    """One expression of a schedule and what there is to say of it."""

    cron: ZonedCron
    never: bool
    oddities: list[doctor.Oddity]

    @property
    def words(self) -> str:
        return self.cron.words()


@require_safe
def schedule_page(request: HttpRequest, dag_id: str) -> HttpResponse:
    context = dag.head(request, dag_id, "schedule")
    parts = dag.HEAD | {"evaluation": "dags/_evaluation.html"}
    chunk, before = evaluations.past(request, context["dag"])
    context |= {"ahead": evaluations.ahead(request.user, context["dag"]), "before": before, "chunk": chunk}
    if request.GET.get("part"):
        return live_part(request, "dags/schedule.html", parts, **context)
    now, zone = timezone.now(), zones.chosen(request)
    shown = context["dag"]
    everything = load.of_all(request.user, now)
    busiest = everything.busiest()
    picked = _moment(request, everything, busiest)
    return live_part(
        request,
        "dags/schedule.html",
        parts,
        checked=_checked(dict(dag.spec_of(shown).timetable), now),
        coming=schedule.preview(shown, RUNS_TO_COME, now),
        better=everything.better(shown.dag_id),
        spots=load.heat_map(everything, zone),
        hours=range(24),
        marks=range(0, 60, 5),
        busiest=busiest,
        picked=picked,
        herd=everything.spread(picked) if picked else [],
        herd_size=len(everything.at.get(picked, ())) if picked else 0,
        zone=str(zone),
        **context,
    )


def _checked(timetable: dict[str, object], now: datetime) -> list[Checked]:
    try:
        crons = list(crons_of(from_json(timetable)))
    except TimetableError:
        return []
    return [Checked(each, doctor.never(each, now), list(doctor.oddities(each, now, now + YEARS))) for each in crons]


def _moment(request: HttpRequest, everything: load.Load, busiest: list[tuple[datetime, int]]) -> datetime | None:
    """The minute whose DAGs are listed: the one that the address names, else the busiest."""
    try:
        wanted = zones.read(request.GET.get("at", ""), zones.chosen(request))
    except ValueError:
        wanted = None
    if wanted in everything.at:
        return wanted
    return busiest[0][0] if busiest else None
