"""How long the runs of a DAG usually take: what one was to be expected to take."""

from __future__ import annotations

from math import ceil
from statistics import fmean, mode
from typing import Any

from dags_app.models import Dag
from orchestrator import access
from orchestrator.core.states import RunState

MEASURED, LEAST = 100, 2
"""So many of the newest successful runs are measured, and so many there have to be."""
PERCENTILES = (50, 90, 95, 99)


def durations(user: Any, dag: Dag) -> list[tuple[str, float]]:
    """Return (name, seconds) of the figures that Airflow tells of a DAG's runs; none where there are too few."""
    done = access.visible_runs(user).filter(dag=dag, state=RunState.SUCCESS, started_at__isnull=False)
    times = done.order_by("-run_after", "-pk").values_list("started_at", "ended_at")[:MEASURED]
    took = sorted((end - start).total_seconds() for start, end in times)
    if len(took) < LEAST:
        return []
    ranks = [(f"P{part}", took[ceil(part / 100 * len(took)) - 1]) for part in PERCENTILES]
    return [("mean", fmean(took)), ("mode", float(mode(round(each) for each in took))), *ranks]
