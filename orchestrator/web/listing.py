"""The DAG list: one page of rows, each with its last runs and what it waits for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from dags_app.models import Dag, DagTag
from orchestrator.core.states import RUN_UNFINISHED
from runs_app.models import DagRun

from . import schedules

BARS = 14
BAR_HEIGHT = 26
STEP = 8
"""Pixels."""


@dataclass
class Row:
    """One DAG of the list. ``bars`` are its last runs, oldest first."""

    dag: Dag
    bars: list[dict[str, Any]] = field(default_factory=list)
    active: int = 0
    waiting: schedules.Waiting | None = None

    @property
    def gaps(self) -> list[int]:
        """Where bars would stand if it had run more often."""
        return [index * STEP for index in range(BARS - len(self.bars))]

    @property
    def last(self) -> dict[str, Any] | None:
        return self.bars[-1] if self.bars else None


def rows(dags: list[Dag]) -> list[Row]:
    """Give each DAG its bars: a few queries however many DAGs, and none that reads more than the runs shown."""
    newest = DagRun.objects.filter(dag=OuterRef("pk")).order_by("-run_after").values("run_after")[BARS - 1 : BARS]
    ids = [dag.pk for dag in dags]
    cuts = dict(Dag.objects.filter(pk__in=ids).annotate(cut=Subquery(newest)).values_list("pk", "cut"))
    wanted = Q()
    for dag_id in ids:
        wanted |= Q(dag_id=dag_id, run_after__gte=cuts[dag_id]) if cuts.get(dag_id) else Q(dag_id=dag_id)
    found = {dag.pk: Row(dag) for dag in dags}
    columns = ("dag_id", "run_id", "state", "started_at", "ended_at", "run_after", "run_type")
    for run in DagRun.objects.filter(wanted).order_by("run_after", "pk").values(*columns) if ids else ():
        found[run["dag_id"]].bars.append(run)
    waiting = schedules.waiting_of(dags)
    for row in found.values():
        row.waiting = waiting.get(row.dag.pk)
        row.bars = row.bars[-BARS:]
        row.active = sum(1 for each in row.bars if each["state"] in RUN_UNFINISHED)
        _heights(row.bars)
    return list(found.values())


def _heights(bars: list[dict[str, Any]]) -> None:
    """Give each bar ``x``, ``y`` and ``height`` in pixels: linear in its duration, never too small to hit."""
    seconds = [
        (bar["ended_at"] - bar["started_at"]).total_seconds() if bar["started_at"] and bar["ended_at"] else None
        for bar in bars
    ]
    longest = max((each for each in seconds if each), default=0) or 1
    for index, (bar, lasted) in enumerate(zip(bars, seconds, strict=True)):
        share = 0.45 if lasted is None else lasted / longest
        bar["height"] = round(6 + share * (BAR_HEIGHT - 6), 1)
        bar["y"] = round(BAR_HEIGHT - bar["height"], 1)
        bar["x"] = (BARS - len(bars) + index) * STEP
        bar["seconds"] = lasted


def choices(dags: QuerySet[Dag]) -> tuple[list[tuple[str, int]], list[str]]:
    """Return (tags with how many DAGs have them, owners) to filter by."""
    tags = DagTag.objects.filter(dag__in=dags.filter(is_stale=False)).values_list("name")
    counted = list(tags.annotate(count=Count("id")).order_by("-count", "name")[:40])
    owners: set[str] = set()
    for names in dags.filter(is_stale=False).values_list("owners", flat=True).distinct()[:500]:
        owners.update(names or ())
    return [(name, count) for name, count in counted], sorted(owners)
