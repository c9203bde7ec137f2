"""Backfills as pages show them."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from statistics import median
from typing import Any

from django.http import HttpRequest

from dags_app.models import Dag
from orchestrator import access
from orchestrator.core.states import RunState
from runs_app.backfills import Progress, progress
from runs_app.models import Backfill


def open_one(request: HttpRequest, dag: Dag) -> tuple[Backfill | None, Progress | None]:
    """Return the DAG's backfill that is not over and how far it is."""
    found = access.visible_backfills(request.user).filter(dag=dag, completed_at__isnull=True).first()
    return (found, progress([found])[found.pk]) if found else (None, None)


def with_progress(rows: list[Backfill]) -> list[dict[str, Any]]:
    """Return each with how far it is."""
    known = progress(rows)
    return [{"backfill": each, "progress": known[each.pk]} for each in rows]


MEASURED = 50
"""So many of the newest finished runs say how long one takes."""


def expected(request: HttpRequest, dag: Dag, runs: int, at_once: int) -> timedelta | None:
    """How long so many runs should take, by what the last ones took that succeeded; None where there were none."""
    done = access.visible_runs(request.user).filter(dag=dag, state=RunState.SUCCESS)
    times = done.exclude(started_at=None).exclude(ended_at=None).order_by("-run_after")
    took = [(end - start).total_seconds() for start, end in times.values_list("started_at", "ended_at")[:MEASURED]]
    if not took or not runs:
        return None
    return timedelta(seconds=median(took) * ceil(runs / at_once))
