"""The DAG list: filters from the address, one page of rows, each with its last runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.http import QueryDict

from dags_app.models import Dag, DagTag
from orchestrator.core.states import RUN_UNFINISHED, RunState
from runs_app.models import DagRun

PER_PAGE = 50
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

    @property
    def gaps(self) -> list[int]:
        """Where bars would stand if it had run more often."""
        return [index * STEP for index in range(BARS - len(self.bars))]

    @property
    def last(self) -> dict[str, Any] | None:
        return self.bars[-1] if self.bars else None


def narrowed(dags: QuerySet[Dag], query: QueryDict) -> QuerySet[Dag]:
    """Apply the filters q, tag, owner, paused, state and gone. Values that make no sense filter nothing."""
    if text := query.get("q", "").strip().replace("\0", "")[:250]:
        dags = dags.filter(
            Q(dag_id__icontains=text)
            | Q(display_name__icontains=text)
            | Q(description__icontains=text)
            | Exists(DagTag.objects.filter(dag=OuterRef("pk"), name__iexact=text))
        )
    if tag := query.get("tag", "").replace("\0", ""):
        dags = dags.filter(Exists(DagTag.objects.filter(dag=OuterRef("pk"), name=tag)))
    if owner := query.get("owner", "").replace("\0", "").replace('"', ""):
        dags = dags.filter(owners__icontains=f'"{owner}"')
    if query.get("paused") in {"true", "false"}:
        dags = dags.filter(is_paused=query.get("paused") == "true")
    dags = dags.filter(is_stale=True) if query.get("gone") == "true" else dags.filter(is_stale=False)
    if (state := query.get("state")) in set(RunState):
        if state in RUN_UNFINISHED:
            return dags.filter(Exists(DagRun.objects.filter(dag=OuterRef("pk"), state=state)))
        last = DagRun.objects.filter(dag=OuterRef("pk")).order_by("-run_after", "-pk").values("state")[:1]
        dags = dags.alias(last_state=Subquery(last)).filter(last_state=state)
    return dags


def rows(dags: list[Dag]) -> list[Row]:
    """Give each DAG its bars: two queries however many DAGs, and none that reads more than the runs shown."""
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
    for row in found.values():
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
