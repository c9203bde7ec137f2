"""The tasks of one run as rows: a mapped task is one row, with counts, a span of time and its place in the run's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

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
COLUMNS = (
    *("task_id", "map_index", "state", "try_number", "max_tries", "started_at", "ended_at", "scheduled_at"),
    *("operator", "not_before", "note", "hostname"),
)


@dataclass
class Row:
    """One task of a run. ``x`` and ``width`` place its bar on the run's time, in thousandths."""

    task_id: str
    label: str
    operator: str = ""
    depth: int = 0
    is_group: bool = False
    is_mapped: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    try_number: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
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
        )
    for instance in TaskInstance.objects.filter(run=run).order_by("pk").values(*COLUMNS):
        row = found.setdefault(instance["task_id"], Row(instance["task_id"], instance["task_id"], instance["operator"]))
        _add(row, instance)
    listed = [row for row in found.values() if row.is_group or row.counts]
    _place(listed, run)
    return listed


def _add(row: Row, instance: dict[str, Any]) -> None:
    row.counts[instance["state"]] = row.counts.get(instance["state"], 0) + 1
    row.try_number = max(row.try_number, instance["try_number"])
    row.not_before = instance["not_before"]
    if instance["started_at"] and (row.started_at is None or instance["started_at"] < row.started_at):
        row.started_at = instance["started_at"]
    if instance["map_index"] >= 0:
        row.is_mapped = True
    ends = [each for each in (row.ended_at, instance["ended_at"]) if each]
    row.ended_at = max(ends) if ends and row.total == row.finished else None


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
