"""The data behind grid and graph: small enough to be fetched again whole whenever something changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count

from orchestrator.core.order import listed
from orchestrator.core.spec import DagSpec
from runs_app.models import DagRun, TaskInstance

CODES = {
    "none": "n",
    "scheduled": "q",
    "running": "r",
    "deferred": "d",
    "awaiting_input": "i",
    "up_for_retry": "y",
    "up_for_reschedule": "z",
    "success": "s",
    "failed": "f",
    "skipped": "k",
    "upstream_failed": "u",
    "removed": "m",
    "cancelled": "c",
}
"""One character a state: a thousand tasks in one run are a thousand bytes."""
ABSENT, MANY = "-", "*"


def rows(spec: DagSpec) -> list[dict[str, Any]]:
    """Return tasks and groups in the order of the grid, each group's members together under it."""
    return [
        _group_row(spec, name, depth) if kind == "group" else _task_row(spec, name, depth)
        for depth, (kind, name) in listed(spec)
    ]


def _task_row(spec: DagSpec, task_id: str, depth: int) -> dict[str, Any]:
    task = spec.tasks[task_id]
    label = task.display.get("display_name") or task.display.get("label") or task_id
    row = {"id": task_id, "label": label, "depth": depth, "group": task.group_id, "operator": operator(task)}
    if task.is_mapped or spec.mapped_group_of[task_id] is not None:
        row["mapped"] = True
    if task.is_setup or task.is_teardown:
        row["role"] = "setup" if task.is_setup else "teardown"
    return row


def operator(task: Any) -> str:
    return str(task.display.get("operator_name") or task.operator)


def _group_row(spec: DagSpec, group_id: str, depth: int) -> dict[str, Any]:
    group = spec.groups[group_id]
    label = group.display.get("label") or group_id.rsplit(".", 1)[-1]
    row = {"id": group_id, "label": label, "depth": depth, "group": group.parent_id, "kind": "group"}
    if group.display.get("tooltip"):
        row["tooltip"] = group.display["tooltip"]
    return row | ({"mapped": True} if group.map is not None else {})


def states_of(run_pks: Iterable[int]) -> dict[int, dict[str, dict[str, int]]]:
    """Return run -> task id -> state -> how many task instances; one query."""
    found: dict[int, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    counted = TaskInstance.objects.filter(run__in=list(run_pks)).values_list("run_id", "task_id", "state")
    for run_pk, task_id, state, count in counted.annotate(count=Count("pk")).order_by():
        found[run_pk][task_id][state] = count
    return found


def moment(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if value else None


def run_json(run: DagRun, version: int | None = None) -> dict[str, Any]:
    return {
        "pk": run.pk,
        "run_id": run.run_id,
        "state": run.state,
        "type": run.run_type,
        "at": moment(run.logical_date or run.run_after),
        "start": moment(run.started_at),
        "end": moment(run.ended_at),
        "note": bool(run.note),
        "version": version,
    }


def grid(spec: DagSpec, runs: list[DagRun]) -> dict[str, Any]:
    """Return the grid of ``runs`` (oldest first): its rows, and a run's states as one string, a character a task.

    ``*`` stands for a mapped task, whose counts by state are in ``many`` under the task's place. Tasks that
    only older versions had come last.
    """
    lines = rows(spec)
    states = states_of(run.pk for run in runs)
    known = {line["id"] for line in lines}
    former = sorted({task_id for found in states.values() for task_id in found} - known)
    lines += [{"id": task_id, "label": task_id, "depth": 0, "group": None, "former": True} for task_id in former]
    tasks = [line["id"] for line in lines if line.get("kind") != "group"]
    mapped = {line["id"] for line in lines if line.get("mapped")}
    columns = []
    for run in runs:
        column = run_json(run, run.version.version_number)
        text, many = [], {}
        for index, task_id in enumerate(tasks):
            counts = states.get(run.pk, {}).get(task_id)
            if not counts:
                text.append(ABSENT)
            elif sum(counts.values()) > 1 or task_id in mapped:
                text.append(MANY)
                many[index] = counts
            else:
                text.append(CODES[next(iter(counts))])
        columns.append(column | {"states": "".join(text), "many": many})
    return {"rows": lines, "runs": columns, "codes": {code: state for state, code in CODES.items()}}


def graph(spec: DagSpec, run: DagRun | None) -> dict[str, Any]:
    """Return the nodes, groups and edges of a DAG, with the states of one run."""
    edges = []
    for task in spec.tasks.values():
        for above in task.upstream:
            edge = [above, task.task_id, (spec.edge_labels.get(above) or {}).get(task.task_id, "")]
            # The arrow from a setup to its teardown says how long the resource lives, not what comes next.
            edges.append([*edge, "scope"] if task.is_teardown and spec.tasks[above].is_setup else edge)
    states = states_of([run.pk]).get(run.pk, {}) if run else {}
    return {"rows": rows(spec), "edges": edges, "states": states, "run": run_json(run) if run else None}
