"""The data behind grid and graph. The grid is fetched whole once, then only the runs that changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from orchestrator.core.order import listed
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import RUN_FINISHED
from orchestrator.written import Written
from runs_app.models import DagRun, Deadline, TaskInstance

from .columns import ABSENT, CODES, MANY, STATES, Column, Layout, columns, with_last_event


def rows(spec: DagSpec) -> list[dict[str, Any]]:
    """Return tasks and groups in the order of the grid, each group's members together under it."""
    return [dict(row) for row in _kept_rows(spec)]


def _kept_rows(spec: DagSpec) -> list[dict[str, Any]]:
    """Worked out once for each version, as what a spec says never changes."""
    kept: list[dict[str, Any]] | None = spec.__dict__.get("_grid_rows")
    if kept is None:
        kept = spec.__dict__["_grid_rows"] = [
            _group_row(spec, name, depth) if kind == "group" else _task_row(spec, name, depth)
            for depth, (kind, name) in listed(spec)
        ]
    return kept


def _task_row(spec: DagSpec, task_id: str, depth: int) -> dict[str, Any]:
    task = spec.tasks[task_id]
    label = task.display.get("display_name") or task.display.get("label") or task_id
    row = {"id": task_id, "label": label, "depth": depth, "group": task.group_id, "operator": task.operator_name}
    if task.is_mapped or spec.mapped_group_of[task_id] is not None:
        row["mapped"] = True
    if task.is_setup or task.is_teardown:
        row["role"] = "setup" if task.is_setup else "teardown"
    return row


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


def run_json(run: DagRun) -> dict[str, Any]:
    """A run beside its graph or timeline, in the words of the grid's columns."""
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
    }


def shown(runs: QuerySet[DagRun]) -> QuerySet[Any]:
    """Runs as rows of what the grid needs: version, last event, whether they have missed a deadline, times as text.

    Not as objects: with hundreds of runs, making those and their times took more than all the rest.
    """
    late = Deadline.objects.filter(run=OuterRef("pk"), missed=True)
    told = with_last_event(runs).annotate(
        late=Exists(late),
        noted=Q(note__isnull=False) & ~Q(note=""),
        at=Written(Coalesce("logical_date", "run_after")),
        queued=Written("queued_at"),
        started=Written("started_at"),
        ended=Written("ended_at"),
    )
    return told.values_list(*COLUMNS, named=True)


COLUMNS = (
    *("pk", "run_id", "state", "run_type", "version__version_number", "last_event", "late", "noted"),
    *("at", "queued", "started", "ended"),
)


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
    states, many = column.states, column.many
    if former:
        many = dict(many)
    for place, task_id in enumerate(former, count):
        counts = column.others.get(task_id)
        if counts and sum(counts.values()) > 1:
            many[place] = counts
            states += MANY
        else:
            states += CODES[next(iter(counts))] if counts else ABSENT
    found = {
        "pk": run.pk,
        "run_id": run.run_id,
        "state": run.state,
        "type": run.run_type,
        "at": run.at,
        "queued": run.queued,
        "start": run.started,
        "end": run.ended,
        "note": run.noted,
        "version": run.version__version_number,
        "states": states,
        "many": many,
    }
    if run.late:
        found["late"] = True
    if former:
        found["former"] = list(former)
    return found


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
