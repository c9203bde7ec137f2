"""Runs that take longer than they use to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Avg, Count, F

from orchestrator import access
from orchestrator.core.states import RunState

LOOKED_AT = 300
"""Running runs, the oldest first: those are the long ones."""
LEARNED_FROM = timedelta(days=30)
LEAST_RUNS = 3
FACTOR = 1.5
LEAST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Long:
    """A run under way, how long it has run and how long its DAG's runs take on average, in seconds."""

    run: Any
    seconds: float
    usual: float

    @property
    def times(self) -> float:
        return self.seconds / self.usual


def long_runs(user: Any, now: datetime, most: int = 8) -> list[Long]:
    """Return running runs that have taken half as long again as their DAG's successful ones, the worst first."""
    runs = access.visible_runs(user).filter(state=RunState.RUNNING, started_at__isnull=False)
    running = list(runs.order_by("started_at").defer("conf")[:LOOKED_AT])
    done = access.visible_runs(user).filter(
        dag__in={run.dag_id for run in running},
        state=RunState.SUCCESS,
        run_after__gte=now - LEARNED_FROM,
        started_at__isnull=False,
    )
    usual = {
        row["dag_id"]: row["took"].total_seconds()
        for row in done.order_by()
        .values("dag_id")
        .annotate(took=Avg(F("ended_at") - F("started_at")), count=Count("pk"))
        if row["count"] >= LEAST_RUNS and row["took"] is not None
    }
    found = [
        Long(run, seconds, usual[run.dag_id])
        for run in running
        if run.dag_id in usual
        and (seconds := (now - run.started_at).total_seconds()) > max(usual[run.dag_id] * FACTOR, LEAST_SECONDS)
    ]
    return sorted(found, key=lambda each: -each.seconds / max(each.usual, 0.1))[:most]
