"""What a task took in its last runs: durations, processor time, memory, with medians, for the page of its tries."""

from __future__ import annotations

from statistics import median, quantiles
from typing import Any

from django.utils.translation import gettext_lazy

from runs_app.models import Attempt, TaskInstance

RUNS = 40
HEIGHT = 56
KINDS = (
    ("duration", gettext_lazy("Duration"), "duration"),
    ("cpu", gettext_lazy("Processor time"), "duration"),
    ("peak", gettext_lazy("Peak memory"), "size"),
)


def over_runs(instance: TaskInstance) -> dict[str, Any]:
    """Return the charts of one task over its last runs, oldest first; empty where there is nothing to compare."""
    rows = TaskInstance.objects.filter(
        dag_id=instance.dag_id, task_id=instance.task_id, map_index=instance.map_index, started_at__isnull=False
    )
    newest = list(rows.order_by("-run").values("pk", "run__run_id", "state", "started_at", "ended_at")[:RUNS])
    used = _used([row["pk"] for row in newest])
    points = [_point(row, used.get(row["pk"], (None, None))) for row in reversed(newest)]
    charts = [_chart(points, *kind) for kind in KINDS]
    return {"charts": [chart for chart in charts if chart["many"] > 1], "runs": len(points)}


def _used(instances: list[int]) -> dict[int, tuple[float | None, int | None]]:
    """The last attempt's use of each, the last row of an instance winning."""
    rows = Attempt.objects.filter(task_instance__in=instances, outcome__isnull=False).order_by("token")
    return {pk: (cpu, peak) for pk, cpu, peak in rows.values_list("task_instance_id", "cpu_seconds", "peak_bytes")}


def _point(row: dict[str, Any], used: tuple[float | None, int | None]) -> dict[str, Any]:
    lasted = (row["ended_at"] - row["started_at"]).total_seconds() if row["ended_at"] else None
    return {"run_id": row["run__run_id"], "state": row["state"], "duration": lasted, "cpu": used[0], "peak": used[1]}


def _chart(points: list[dict[str, Any]], name: str, title: str, form: str) -> dict[str, Any]:
    values = [each[name] for each in points if each[name] is not None]
    most = max(values, default=0) or 1
    bars = [
        {
            **{"x": 10 * number, "height": height, "y": HEIGHT - height},
            **{"value": each[name], "run_id": each["run_id"], "state": each["state"]},
        }
        for number, each in enumerate(points)
        if each[name] is not None
        for height in [max(2, round(HEIGHT * each[name] / most))]
    ]
    good = [each[name] for each in points if each[name] is not None and each["state"] == "success"] or values
    return {
        **{"name": name, "title": title, "form": form, "bars": bars, "many": len(values), "width": 10 * len(points)},
        "median": median(good) if good else None,
        "p90": quantiles(good, n=10, method="inclusive")[8] if len(good) > 1 else None,
    }
