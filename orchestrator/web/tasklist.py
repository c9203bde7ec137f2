"""The tasks of one run as rows: a mapped task is one row, with counts, a span of time and its place in the run's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min
from django.db.models.functions import Coalesce
from django.utils import timezone

from orchestrator.core.spec import DagSpec
from orchestrator.core.states import TaskState
from runs_app.models import DagRun, TaskInstance

from . import grid

WORST_FIRST = (
    TaskState.FAILED,
    TaskState.CANCELLED,
    TaskState.UPSTREAM_FAILED,
    TaskState.UP_FOR_RETRY,
    TaskState.UP_FOR_RESCHEDULE,
    TaskState.RUNNING,
    TaskState.AWAITING_INPUT,
    TaskState.DEFERRED,
    TaskState.SCHEDULED,
    TaskState.NONE,
    TaskState.SUCCESS,
    TaskState.SKIPPED,
    TaskState.REMOVED,
)
SCALE = 1000


@dataclass
class Row:
    """One task of a run. ``x`` and ``width`` place its bar on the run's time, in thousandths."""

    task_id: str
    label: str
    operator: str = ""
    depth: int = 0
    is_group: bool = False
    is_mapped: bool = False
    group: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    inside: dict[str, int] = field(default_factory=dict)  # of a group: the instances of all that is in it
    try_number: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None  # of the last of its instances, once all have ended
    last_ended_at: datetime | None = None
    not_before: datetime | None = None
    x: float = 0
    width: float = 0

    @property
    def state(self) -> str:
        """The state that says most about its instances."""
        return worst(self.counts) if self.counts else ""

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def finished(self) -> int:
        return sum(count for state, count in self.counts.items() if state in grid.CODES and state in _ENDED)


_ENDED = {"success", "failed", "skipped", "upstream_failed", "removed", "cancelled"}


def worst(counts: dict[str, int]) -> str:
    """Return the state that stands for several."""
    return next((str(state) for state in WORST_FIRST if counts.get(state)), "")


def rows(spec: DagSpec, run: DagRun) -> list[Row]:
    """Return a run's tasks in the grid's order; one query."""
    found: dict[str, Row] = {}
    for line in grid.rows(spec):
        found[line["id"]] = Row(
            line["id"],
            line["label"],
            line.get("operator", ""),
            line["depth"],
            is_group=line.get("kind") == "group",
            is_mapped=bool(line.get("mapped")),
            group=line.get("group"),
        )
    for part in _parts(run):
        row = found.setdefault(part["task_id"], Row(part["task_id"], part["task_id"], part["named"]))
        _add(row, part)
    _count_groups(found)
    listed = [row for row in found.values() if row.is_group or row.counts]
    _place(listed, run)
    return listed


def _count_groups(found: dict[str, Row]) -> None:
    for row in found.values():
        above = found.get(row.group or "")
        while above is not None and not row.is_group:
            for state, count in row.counts.items():
                above.inside[state] = above.inside.get(state, 0) + count
            above = found.get(above.group or "")
    for row in found.values():
        row.inside = {str(state): row.inside[state] for state in WORST_FIRST if row.inside.get(state)}


def _parts(run: DagRun) -> Iterable[dict[str, Any]]:
    """What a run's instances of one task in one state have in common, counted by the database: there may be thousands."""
    return (
        TaskInstance.objects.filter(run=run)
        .values("task_id", "state", named=Coalesce("operator_name", "operator"))
        .annotate(
            count=Count("pk"),
            first=Min("pk"),
            try_number=Max("try_number"),
            map_index=Max("map_index"),
            started_at=Min("started_at"),
            ended_at=Max("ended_at"),
            not_before=Min("not_before"),
        )
        .order_by("first")
    )


def _add(row: Row, part: dict[str, Any]) -> None:
    row.counts[part["state"]] = row.counts.get(part["state"], 0) + part["count"]
    row.try_number = max(row.try_number, part["try_number"])
    row.not_before = min((each for each in (row.not_before, part["not_before"]) if each), default=None)
    row.started_at = min((each for each in (row.started_at, part["started_at"]) if each), default=None)
    row.is_mapped |= part["map_index"] >= 0
    row.last_ended_at = max((each for each in (row.last_ended_at, part["ended_at"]) if each), default=None)
    row.ended_at = row.last_ended_at if row.total == row.finished else None


def _place(listed: list[Row], run: DagRun) -> None:
    begun = [row.started_at for row in listed if row.started_at]
    if not begun:
        return
    start = min([*begun, *([run.started_at] if run.started_at else [])])
    ends = [row.ended_at for row in listed if row.ended_at]
    end = run.ended_at or (
        max(ends) if ends and all(row.ended_at for row in listed if row.started_at) else timezone.now()
    )
    span = max((end - start).total_seconds(), 0.001)
    for row in listed:
        if row.started_at:
            row.x = round(min((row.started_at - start).total_seconds() / span, 1) * SCALE, 1)
            lasted = ((row.ended_at or end) - row.started_at).total_seconds()
            row.width = round(max(4.0, min(lasted / span * SCALE, SCALE - row.x)), 1)
            row.x = min(row.x, SCALE - row.width)


def summary(listed: list[Row]) -> list[tuple[str, int]]:
    """Return (state, how many task instances) of a run, worst first."""
    total: dict[str, int] = {}
    for row in listed:
        for state, count in row.counts.items():
            total[state] = total.get(state, 0) + count
    return [(str(state), total[state]) for state in WORST_FIRST if total.get(state)]
