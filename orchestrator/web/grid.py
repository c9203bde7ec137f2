"""The data behind grid and graph. The grid is fetched whole once, then only the runs that changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet

from orchestrator.core.order import listed
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import RUN_FINISHED
from runs_app.models import DagRun, Deadline, TaskInstance

from .columns import ABSENT, CODES, MANY, STATES, Column, Layout, columns, with_last_event


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
    return value.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z" if value else None


def run_json(run: DagRun, version: int | None = None) -> dict[str, Any]:
    return {
        "pk": run.pk,
        "run_id": run.run_id,
        "state": run.state,
        "type": run.run_type,
        "at": moment(run.logical_date or run.run_after),
        "queued": moment(run.queued_at),
        "start": moment(run.started_at),
        "end": moment(run.ended_at),
        "note": bool(run.note),
        "version": version,
    }


SHOWN = (
    *("run_id", "state", "run_type", "logical_date", "run_after", "queued_at", "started_at", "ended_at", "note"),
    "version__version_number",
)
"""The columns that a grid of hundreds of runs is made of; reading all of them took half of its time."""


def shown(runs: QuerySet[DagRun]) -> QuerySet[Any]:
    """Runs with what the grid needs of them: version, last event, whether they have missed a deadline."""
    late = Deadline.objects.filter(run=OuterRef("pk"), missed=True)
    return with_last_event(runs.select_related("version").only(*SHOWN)).annotate(late=Exists(late))


def grid(spec: DagSpec, runs: Sequence[Any], version: object = None, since: int = 0) -> dict[str, Any]:
    """Return the grid of ``runs`` (see :func:`shown`; oldest first): its rows, and a column a run.

    A column is a run's states as one string, a character a task; ``*`` stands for a mapped task, whose counts by
    state are in ``many`` under the task's place. Tasks that only older versions had come last.

    ``version`` names the spec. With ``since``, the ``at`` of an earlier answer, only runs are told that are under way
    or changed since then, and ``order`` says which runs there are.
    """
    lines = rows(spec)
    tasks = [line["id"] for line in lines if line.get("kind") != "group"]
    mapped = frozenset(line["id"] for line in lines if line.get("mapped"))
    layout = Layout(version or tuple(tasks), tuple(tasks), mapped)
    told = [run for run in runs if not since or run.state not in RUN_FINISHED or _is_new(run, since)]
    found = columns(told, layout)
    former = sorted({task_id for column in found.values() for task_id in column.others})
    lines += [{"id": task_id, "label": task_id, "depth": 0, "group": None, "former": True} for task_id in former]
    answer = {
        "runs": [_column_json(run, found[run.pk], len(tasks), former) for run in told],
        "order": [run.pk for run in runs],
        "at": max((run.last_event or 0 for run in runs), default=0),
        "shape": str(version or ""),
    }
    return answer if since else answer | {"rows": lines, "codes": STATES}


MARGIN = 5000
"""Events that were begun before others may be committed after them; so many are looked at again."""


def _is_new(run: Any, since: int) -> bool:
    return (run.last_event or 0) > since - MARGIN


def _column_json(run: Any, column: Column, count: int, former: Sequence[str]) -> dict[str, Any]:
    """A run with its states; tasks that the layout lacks stand behind it, in the order of ``former``."""
    states, many = column.states, dict(column.many)
    for place, task_id in enumerate(former, count):
        counts = column.others.get(task_id)
        if counts and sum(counts.values()) > 1:
            many[place] = counts
            states += MANY
        else:
            states += CODES[next(iter(counts))] if counts else ABSENT
    late = {"late": True} if getattr(run, "late", False) else {}
    names = {"former": list(former)} if former else {}
    return run_json(run, run.version.version_number) | late | names | {"states": states, "many": many}


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
