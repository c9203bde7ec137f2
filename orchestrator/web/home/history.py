"""How the runs of the last hours went, and their task instances."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext_lazy

from orchestrator import access
from orchestrator.core.states import RunState, TaskState
from orchestrator.web import shares

RANGES = {
    "1h": (1, gettext_lazy("hour")),
    "12h": (12, gettext_lazy("12 hours")),
    "24h": (24, gettext_lazy("24 hours")),
    "7d": (168, gettext_lazy("week")),
}
USUAL = "24h"


@dataclass(frozen=True, slots=True)
class History:
    """Counts by state with the bar of their shares; ``since`` is where the range begins."""

    since: datetime
    runs: list[shares.Part]
    instances: list[shares.Part]

    @property
    def run_count(self) -> int:
        return sum(part.count for part in self.runs)

    @property
    def instance_count(self) -> int:
        return sum(part.count for part in self.instances)


def chosen(text: str | None) -> str:
    return text if text in RANGES else USUAL


def history(user: Any, name: str, now: datetime) -> History:
    """Count the runs whose time came within the range, and what became of their task instances."""
    since = now - timedelta(hours=RANGES[name][0])
    runs = access.visible_runs(user).filter(run_after__gte=since, run_after__lte=now)
    instances = access.visible_task_instances(user).filter(run__in=runs.order_by().values("pk"))
    return History(since, _parts(runs, RunState), _parts(instances, TaskState))


def _parts(rows: Any, states: Any) -> list[shares.Part]:
    counts = dict(rows.order_by().values_list("state").annotate(count=Count("pk")))
    return shares.parts([(str(state), counts.get(state, 0)) for state in states])
