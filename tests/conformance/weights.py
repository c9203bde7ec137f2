"""Set ``weights``: the priority weight that each task's instances get."""

from __future__ import annotations

from typing import Any

from runs_app.models import TaskInstance

from .compare import differences
from .engine import ENGINE

RUN = {"run_type": "manual", "logical_date": "2024-03-01T00:00:00+00:00"}


def answer(case: Any) -> Any:
    rows = TaskInstance.objects.filter(run=ENGINE.start(ENGINE.store(case["spec"]), RUN))
    return {"weights": dict(rows.values_list("task_id", "priority_weight"))}


def compare(expected: Any, got: Any) -> list[str]:
    return differences(expected, got)
