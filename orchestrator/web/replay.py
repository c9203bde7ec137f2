"""A run at a moment as rows and figures, and the strip over its whole time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest

from orchestrator.core.spec import DagSpec
from runs_app import replay
from runs_app.models import DagRun

from . import grid, tasklist, zones

PARTS = 200
"""Equal parts of a run's time on the strip."""
HEIGHT = 44


@dataclass(slots=True)
class Line:
    """A task, or a group around some. ``since``: when the first of its instances came into its state."""

    task_id: str
    label: str
    depth: int = 0
    is_group: bool = False
    is_mapped: bool = False
    operator: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    tries: int = 0
    since: datetime | None = None

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def state(self) -> str:
        return tasklist.worst(self.counts)


def lines(spec: DagSpec, parts: Sequence[replay.Part]) -> list[Line]:
    """Return tasks and groups in the grid's order; those that the version has not come last."""
    found = {
        each["id"]: Line(
            each["id"],
            each["label"],
            each["depth"],
            is_group=each.get("kind") == "group",
            is_mapped=bool(each.get("mapped")),
            operator=each.get("operator", ""),
        )
        for each in grid.rows(spec)
    }
    for part in parts:
        line = found.setdefault(part.task_id, Line(part.task_id, part.task_id))
        line.operator = line.operator or part.operator
        line.is_mapped |= part.is_mapped
        line.counts[part.state] = line.counts.get(part.state, 0) + part.count
        line.tries = max(line.tries, part.tries)
        line.since = min((at for at in (line.since, part.since) if at is not None), default=None)
    return [line for line in found.values() if line.is_group or line.counts]


def summary(parts: Sequence[replay.Part]) -> list[tuple[str, int]]:
    """Return (state, how many task instances), worst first."""
    total: dict[str, int] = {}
    for part in parts:
        total[part.state] = total.get(part.state, 0) + part.count
    return [(str(state), total[state]) for state in tasklist.WORST_FIRST if total.get(state)]


def asked(request: HttpRequest, span: replay.Span) -> tuple[datetime | None, bool]:
    """Return the moment that the address names, a time or seconds from the run's begin, and whether it makes no sense."""
    text = request.GET.get("at", "").strip()
    if not text:
        return None, False
    try:
        return span.within(span.start + timedelta(seconds=float(text))), False
    except (ValueError, OverflowError):
        pass
    try:
        return span.within(zones.read(text, zones.chosen(request))), False
    except ValueError:
        return None, True


def moment_of(request: HttpRequest, run: DagRun, now: datetime) -> datetime | None:
    """Return the moment that the address of another page of the run names; None where it shows what is there now."""
    return asked(request, replay.span_of(run, now))[0] if request.GET.get("at") else None


def strip(run: DagRun, span: replay.Span) -> dict[str, Any]:
    """Return the areas of what ran and was ready over the run's time, as points of a picture, and where tasks failed."""
    parts = replay.busy(run.pk, span, PARTS)
    top = max((max(each.running, each.ready) for each in parts), default=0)
    return {
        "running": _area([each.running for each in parts], top),
        "ready": _area([each.ready for each in parts], top),
        "failed": [(at, each.failed) for at, each in enumerate(parts) if each.failed],
        "most": max((each.running for each in parts), default=0),
        "width": PARTS,
        "height": HEIGHT,
    }


def _area(values: Sequence[int], top: int) -> str:
    """An outline in steps: a count does not slide to the next."""
    points = [(0, HEIGHT)]
    for at, value in enumerate(values):
        y = round(HEIGHT * (1 - value / max(top, 1)))
        points += [(at, y), (at + 1, y)]
    return " ".join(f"{x},{y}" for x, y in [*points, (len(values), HEIGHT)])
