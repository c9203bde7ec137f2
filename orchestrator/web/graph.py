"""The data behind the graph: tasks and groups with one run's states and times, and what they depend on outside."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min
from django.urls import reverse
from django.utils.translation import gettext_lazy

from dags_app.models import Dag
from orchestrator.core.spec import DagSpec
from runs_app import replay
from runs_app.models import DagRun, TaskInstance

from . import dependencies, grid

DEPENDENCIES = {
    "tasks": gettext_lazy("Only tasks"),
    "immediate": gettext_lazy("External conditions"),
    "all": gettext_lazy("All DAG dependencies"),
}
"""What the graph shows besides the tasks, by Airflow's names."""


def wanted(query: Any) -> str:
    """Return what a query asks to see besides the tasks; nonsense counts as not given."""
    found = query.get("dependencies", "tasks")
    return found if found in DEPENDENCIES else "tasks"


def graph(user: Any, dag: Dag, spec: DagSpec, run: DagRun | None, shown: str = "tasks") -> dict[str, Any]:
    """Return nodes, edges and what is known of one run; ``shown`` is a key of :data:`DEPENDENCIES`."""
    found = grid.graph(spec, run) | {"base": reverse("dag", args=[dag.dag_id]), "dependencies": shown}
    if shown == "all":
        return found | dependencies.of_all(user, dag) | {"states": {}, "times": {}, "run": None}
    if shown == "immediate":
        rows, edges = dependencies.around(user, dag, spec)
        found["rows"], found["edges"] = [*found["rows"], *rows], [*found["edges"], *edges]
    return found | {"times": times(run) if run else {}}


def at_moment(data: dict[str, Any], run: DagRun, at: datetime) -> dict[str, Any]:
    """Return the graph with the states of a moment; its times are those of the whole run, and left out."""
    states: dict[str, dict[str, int]] = {}
    for part in replay.moment_at(run, at).parts:
        states.setdefault(part.task_id, {})[part.state] = part.count
    return data | {"states": states, "times": {}}


def times(run: DagRun) -> dict[str, list[Any]]:
    """Return task id -> [started, ended, tries, how many]; ended is None while one of its instances goes on."""
    rows = TaskInstance.objects.filter(run=run, started_at__isnull=False).values_list("task_id")
    counted = rows.annotate(
        first=Min("started_at"),
        last=Max("ended_at"),
        ended=Count("ended_at"),
        tries=Max("try_number"),
        count=Count("pk"),
    )
    return {
        task_id: [grid.moment(first), grid.moment(last) if ended == count else None, tries, count]
        for task_id, first, last, ended, tries, count in counted.order_by()
    }
