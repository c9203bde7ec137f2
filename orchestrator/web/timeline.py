"""Runs of all DAGs on one axis: what ran, what runs, and what is planned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain, islice, takewhile
from typing import Any

from django.db.models import F, Q

from dags_app.models import Dag
from orchestrator.core.ahead import ahead_from
from orchestrator.core.due import runs_after
from orchestrator.core.spec import DagSpec
from orchestrator.core.timetables import DataInterval, NextRun, TimetableError
from runs_app.models import DagRun

WINDOWS = {"1": 1, "6": 6, "24": 24, "72": 72, "168": 168}
"""Hours that are looked back; a third of them is looked ahead."""
SCALE = 1000
COLUMNS = 8
MOST_RUNS = 6000
MOST_PLANNED = 120
"""Of one DAG."""
LEAST = 2.5
"""Width of what took no time, so that it can be hit."""
TIMETABLE = ("timetable", "timezone", "catchup", "start_date", "end_date", "allowed_run_types")


@dataclass(frozen=True)
class Window:
    """The time that is shown. ``now`` is where the past ends."""

    since: datetime
    until: datetime
    now: datetime

    @property
    def step(self) -> timedelta:
        return (self.until - self.since) / COLUMNS

    @property
    def marks(self) -> list[datetime]:
        return [self.since + self.step * number for number in range(COLUMNS)]

    @property
    def is_long(self) -> bool:
        """Whether an hour alone would not say which day it is of."""
        return self.until - self.since > timedelta(hours=40)

    def x(self, at: datetime) -> float:
        """Where a moment stands, in thousandths of the width."""
        share = (at - self.since) / (self.until - self.since)
        return round(min(max(share, 0.0), 1.0) * SCALE, 1)

    @property
    def now_x(self) -> float:
        return self.x(self.now)


@dataclass
class Lane:
    """One DAG: its runs as bars, and when it is due next."""

    dag: Dag
    bars: list[dict[str, Any]] = field(default_factory=list)
    planned: list[tuple[float, datetime]] = field(default_factory=list)


def window(hours: int, around: datetime, now: datetime) -> Window:
    """Return a window that ends a third of ``hours`` after ``around`` and begins at a round time."""
    whole = timedelta(hours=hours) * 4 / 3
    step = whole / COLUMNS
    end = around + timedelta(hours=hours) / 3
    behind = (end - datetime(2000, 1, 1, tzinfo=UTC)) % step
    until = end - behind + step
    return Window(until - whole, until, now)


def active_in(shown: Window) -> Q:
    """Of DAGs: those that ran in the window, or are due in it."""
    ran = DagRun.objects.filter(within(shown)).values("dag_id")
    due = Q(is_paused=False, next_run_after__gte=shown.since, next_run_after__lt=shown.until)
    return Q(pk__in=ran) | due


def within(shown: Window) -> Q:
    """Of runs: those that touch the window."""
    ended = Q(ended_at__isnull=True) | Q(ended_at__gte=shown.since)
    return ended & Q(run_after__lt=shown.until) & (Q(started_at__lt=shown.until) | Q(started_at__isnull=True))


def lanes(dags: list[Dag], runs: Any, shown: Window) -> tuple[list[Lane], bool]:
    """Return a lane for each DAG, and whether all of its runs are drawn; two queries."""
    found = {dag.pk: Lane(dag) for dag in dags}
    columns = ("dag_id", "run_id", "state", "started_at", "ended_at", "run_after")
    rows = runs.filter(within(shown), dag__in=list(found)).order_by("-run_after").values(*columns)[: MOST_RUNS + 1]
    drawn = list(rows)
    for row in drawn[:MOST_RUNS]:
        found[row["dag_id"]].bars.append(_bar(row, shown))
    if shown.until > shown.now:
        for dag_id, planned in _planned(dags, shown).items():
            found[dag_id].planned = planned
    return list(found.values()), len(drawn) <= MOST_RUNS


def _bar(row: dict[str, Any], shown: Window) -> dict[str, Any]:
    begin = row["started_at"] or row["run_after"]
    end = row["ended_at"] or max(shown.now, begin)
    x = shown.x(begin)
    width = max(LEAST, round(shown.x(end) - x, 1))
    return row | {"x": min(x, SCALE - width), "width": width, "seconds": (end - begin).total_seconds()}


def _planned(dags: list[Dag], shown: Window) -> dict[str, list[tuple[float, datetime]]]:
    wanted = [dag for dag in dags if not dag.is_paused and dag.next_run_after and dag.next_run_after < shown.until]
    specs = _timetables([dag.pk for dag in wanted])
    found = {}
    for dag in wanted:
        try:
            times = list(takewhile(lambda at: at < shown.until, islice(_times(dag, specs, shown.now), MOST_PLANNED)))
        except (TimetableError, ValueError):
            times = []
        found[dag.pk] = [(shown.x(at), at) for at in times if at >= shown.since]
    return found


def _timetables(dag_ids: list[str]) -> dict[str, DagSpec]:
    """The schedules of many DAGs, without their tasks: a spec may be large, and there are hundreds."""
    paths = {name: F(f"version__spec__{name}") for name in TIMETABLE}
    rows = Dag.objects.filter(pk__in=dag_ids).values("pk", **{f"spec_{name}": path for name, path in paths.items()})
    return {row["pk"]: _spec(row) for row in rows}


def _spec(row: dict[str, Any]) -> DagSpec:
    values = {name: row[f"spec_{name}"] for name in TIMETABLE if row[f"spec_{name}"] is not None}
    for name in ("start_date", "end_date"):
        if name in values:
            values[name] = datetime.fromisoformat(values[name])
    values["allowed_run_types"] = tuple(values.get("allowed_run_types", ()))
    return DagSpec(dag_id=row["pk"], **values)


def _times(dag: Dag, specs: dict[str, DagSpec], now: datetime) -> Iterator[datetime]:
    """When runs of a DAG are due, the next one first."""
    assert dag.next_run_after is not None
    begin, end = dag.next_interval_start or dag.next_run_after, dag.next_interval_end or dag.next_run_after
    interval, spec = DataInterval(begin, end), specs.get(dag.pk)
    later: Iterator[NextRun] = iter(())
    if spec is not None and spec.timetable.get("type") == "custom":
        later = iter(ahead_from(dag.planned_ahead or {}).after(interval) or ())
    elif spec is not None:
        later = runs_after(spec, last=interval, now=now, later_than=dag.next_run_after)
    return chain([dag.next_run_after], (each.run_after for each in later))
