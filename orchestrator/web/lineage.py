"""The graph of assets: which DAGs or tasks make them, which are scheduled on or read them, and how each stands."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy

from dags_app.models import Asset, TaskReference
from orchestrator import access

from . import dependencies
from .asset_list import assets_of
from .dependencies import Edge

MOST = 500
"""Assets that the graph of the list draws."""
CHOICES = {"scheduling": gettext_lazy("Assets and DAGs"), "data": gettext_lazy("Assets and tasks")}
"""What leads to an asset and away from it: Airflow's two kinds of dependencies."""


def wanted(query: Any) -> str:
    """Return which kind of dependencies a query asks for; nonsense counts as not given."""
    found = query.get("dependencies", "scheduling")
    return found if found in CHOICES else "scheduling"


def of_asset(user: Any, asset: Asset, kind: str) -> dict[str, Any]:
    """Everything that is connected with one asset, however far away."""
    edges, tasks = _edges(user, kind)
    here = f"asset:{asset.pk}"
    return _graph(
        user, reverse("asset", args=[asset.pk]), kind, dependencies.connected(edges, here), edges, tasks, here
    )


def of_list(request: HttpRequest, kind: str) -> tuple[dict[str, Any], int]:
    """The assets that the address asks for, and what is right beside them; and how many were left out."""
    rows, _ = assets_of(request)
    pks = list(rows.order_by("name", "pk").values_list("pk", flat=True))
    chosen = {f"asset:{pk}" for pk in pks[:MOST]}
    edges, tasks = _edges(request.user, kind)
    # How the DAGs around are connected otherwise is another picture.
    edges = [edge for edge in edges if chosen & set(edge)]
    beside = {name for edge in edges for name in edge if not name.startswith("asset:")}
    return _graph(request.user, reverse("assets"), kind, chosen | beside, edges, tasks), max(0, len(pks) - MOST)


Tasks = dict[str, tuple[str, str]]


def _edges(user: Any, kind: str) -> tuple[list[Edge], Tasks]:
    return dependencies.task_edges(user) if kind == "data" else (dependencies.every_edge(user), {})


def _graph(
    user: Any, base: str, kind: str, names: set[str], edges: list[Edge], tasks: Tasks, here: str = ""
) -> dict[str, Any]:
    found = dependencies.drawn(user, names, edges, here)
    touched = {name: tasks[name] for name in names & tasks.keys()}
    if touched:
        found["rows"] += _tasks(user, touched)
        there = {row["id"] for row in found["rows"]}
        found["edges"] = [list(edge) for edge in sorted(set(edges)) if edge[0] in there and edge[1] in there]
    return {"base": base, "dependencies": kind, "states": {}, "times": {}, "run": None, **found}


def _tasks(user: Any, tasks: Tasks) -> list[dict[str, Any]]:
    """The nodes of tasks, each in a group that is its DAG, with the state of the newest instance."""
    states = _states(user, tasks)
    names = {dag_id: name or dag_id for dag_id, name in _names(user, {dag_id for dag_id, _ in tasks.values()})}
    rows = [
        {**dependencies.node(f"dag:{dag_id}", name, "group", "DAG", None), "here": False}
        for dag_id, name in names.items()
    ]
    for name, (dag_id, task_id) in sorted(tasks.items()):
        if dag_id in names:
            href = reverse("dag-task", args=[dag_id, task_id])
            made = dependencies.node(name, task_id, "dag", "task", href, states.get((dag_id, task_id)) or "none")
            rows.append({**made, "group": f"dag:{dag_id}", "depth": 1, "here": False})
    return rows


def _names(user: Any, dag_ids: set[str]) -> Any:
    dags = access.visible_dags(user).filter(pk__in=dag_ids)
    return dags.order_by("pk").values_list("pk", "display_name")


def _states(user: Any, tasks: Tasks) -> dict[tuple[str, str], str | None]:
    """The state of each task's newest instance: found in one query, for each by the index of its history."""
    newest = access.visible_task_instances(user).filter(dag_id=OuterRef("dag_id"), task_id=OuterRef("task_id"))
    newest = newest.order_by("-run", "map_index").values("state")[:1]
    rows = TaskReference.objects.filter(dag__in={dag_id for dag_id, _ in tasks.values()})
    found = rows.annotate(newest=Subquery(newest)).values_list("dag_id", "task_id", "newest")
    return {(dag_id, task_id): state for dag_id, task_id, state in found}
