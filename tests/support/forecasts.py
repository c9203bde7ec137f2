"""A DAG with earlier runs, and one under way: what forecasts are told of."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from runs_app.models import DagRun, Deadline
from tests.runs_app.engine import end, python_dag, seconds, slot, start, take


def running(dag_id: str = "etl", runs: int = 4) -> DagRun:
    """A run that has just begun, of a DAG whose earlier ones took 100 s."""
    dag, claimer, now = python_dag(dag_id, {"a": ()}), slot(), timezone.now()
    for number in range(runs):
        at = now - timedelta(days=runs - number)
        start(dag, now=at)
        end(take(claimer, at), "success", now=at + seconds(100))
    return start(dag, now=now, run_id="now")


def needed(run: DagRun, after: float, name: str = "nightly") -> None:
    now = timezone.now()
    Deadline.objects.create(run=run, key="k", name=name, deadline_time=now + seconds(after), created_at=now)
