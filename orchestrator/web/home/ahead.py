"""Runs that will miss a deadline, told before they do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Min, Q
from django.urls import reverse
from django.utils.translation import gettext

from orchestrator import access
from orchestrator.core.states import RunState
from runs_app import forecast
from runs_app.models import DagRun

from .needs import MOST_OF_A_KIND, Need

LOOKED_AT = 8
"""Running runs with a deadline, the soonest first: what is due in a week need not be told today."""
RUNNING = 8
BUDGET = 0.5
"""Seconds that the first page spends on it at most."""
Found = dict[int, tuple[DagRun, forecast.Told]]


def forecasts(user: Any, more: Sequence[DagRun], now: datetime) -> Found:
    """Return when the runs whose deadlines come next will end, and ``more`` of them, by their keys."""
    runs = access.visible_runs(user).filter(state=RunState.RUNNING).defer("conf")
    due = runs.annotate(needed=Min("deadlines__deadline_time", filter=Q(deadlines__missed=False)))
    soonest = [*due.filter(needed__gte=now).order_by("needed")[:LOOKED_AT]]
    soonest += runs.filter(timeout_at__gte=now).order_by("timeout_at")[:LOOKED_AT]
    asked = {run.pk: run for run in (*soonest, *more)}
    told = forecast.of_runs(list(asked.values()), now, BUDGET)
    return {pk: (run, told[pk]) for pk, run in asked.items() if pk in told}


def running(user: Any) -> list[DagRun]:
    """Return the runs under way that began last."""
    runs = access.visible_runs(user).filter(state=RunState.RUNNING, started_at__isnull=False)
    return list(runs.defer("conf").order_by("-started_at", "-pk")[:RUNNING])


def needs(found: Iterable[tuple[DagRun, forecast.Told]]) -> list[Need]:
    """Return a line for each run that will rather be late than not, the soonest deadline first."""
    late = [(told.worst, run) for run, told in found if told.worst is not None and told.worst.is_sure]
    late.sort(key=lambda each: each[0].at)
    lines = []
    for each, run in late[:MOST_OF_A_KIND]:
        kind = (
            gettext("time limit")
            if each.is_timeout
            else gettext("deadline {name}").format(name=each.name)
            if each.name
            else gettext("deadline")
        )
        to = reverse("run", args=[run.dag_id, run.run_id])
        lines.append(
            Need("running", run.dag_id, gettext("{kind}, run {run_id}").format(kind=kind, run_id=run.run_id), to, each)
        )
    return lines
