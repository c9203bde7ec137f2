"""Task instances as lists: what can be asked of them, and how a path narrows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import DurationField, ExpressionWrapper, F, QuerySet
from rest_framework.request import Request

from dags_app.models import Dag, DagVersion
from orchestrator import access
from orchestrator.core.states import UNFINISHED, TaskState, from_airflow
from orchestrator.written import Row, read
from runs_app.models import DagRun, Trigger

from . import shapes
from .query import Listing, large_int, order_of, small_int
from .scope import nested_place, run_key, see_dag, task_display

STATES = sorted({*TaskState, "queued", "restarting", "no_status", "null"})
"""What a filter may ask for: Airflow's states and ours, and words for "nothing decided yet"."""


def read_state(value: str) -> tuple[str, ...]:
    """Read a state filter; ``none`` and ``no_status`` both mean "nothing decided yet"."""
    if value in {"none", "no_status", "null"}:
        return (TaskState.NONE,)
    if value not in set(TaskState) | {"queued", "restarting"}:
        raise ValueError(f"Input should be one of {', '.join(sorted(TaskState))}")
    return from_airflow(value)


LISTING = Listing(
    order=order_of(
        *(
            "state",
            "map_index",
            "task_id",
            "try_number",
            "operator",
            "pool",
            "queue",
            "updated_at",
            "rendered_map_index",
        ),
        id="pk",
        duration="took",
        start_date="started_at",
        end_date="ended_at",
        logical_date="run__logical_date",
        run_after="run__run_after",
        data_interval_start="run__data_interval_start",
        data_interval_end="run__data_interval_end",
    ),
    default_order=("map_index",),
    exact={
        "task_id": "task_id",
        "state": "state",
        "pool": "pool",
        "queue": "queue",
        "operator": "operator",
        "try_number": "try_number",
        "map_index": "map_index",
        "version_number": "version__version_number",
    },
    convert={"state": read_state, "try_number": small_int, "map_index": large_int, "version_number": small_int},
    patterns={
        "task_display_name": "task_id",
        "dag_id": "dag_id",
        "run_id": "run__run_id",
        "pool_name": "pool",
        "queue_name": "queue",
        "operator_name": "operator_name",
        "rendered_map_index": "rendered_map_index",
    },
    times={
        "run_after": "run__run_after",
        "logical_date": "run__logical_date",
        "start_date": "started_at",
        "end_date": "ended_at",
        "updated_at": "updated_at",
    },
    numbers={"duration": "took"},
    took=ExpressionWrapper(F("ended_at") - F("started_at"), output_field=DurationField()),
    unknown=("executor",),
)


def shaped(rows: QuerySet[Any]) -> list[dict[str, Any]]:
    """Shape task instances; the specs they are shown by are cached per version."""
    found = read(rows, shapes.INSTANCE_FIELDS, shapes.INSTANCE_TIMES)
    beside = _beside(found)
    # Without its run it was deleted since it was read.
    return [_shaped(dict(row), beside) for row in found if row["run_id"] in beside.runs]


def _beside(rows: list[Row]) -> shapes.Beside:
    runs = DagRun.objects.filter(pk__in={row["run_id"] for row in rows}) if rows else DagRun.objects.none()
    waiting = [row["pk"] for row in rows if row["state"] in UNFINISHED]
    triggers = Trigger.objects.filter(task_instance__in=waiting) if waiting else Trigger.objects.none()
    known = read(runs, shapes.RUN_OF_INSTANCE_FIELDS, shapes.RUN_OF_INSTANCE_TIMES)
    behind = read(triggers, shapes.TRIGGER_FIELDS, shapes.TRIGGER_TIMES)
    of_runs = {row["version_id"]: shapes.version_of_run(row) for row in known}
    others = versions({row["version_id"] for row in rows} - of_runs.keys())  # of what was run again with another
    return shapes.Beside(
        {row["pk"]: row for row in known}, {**of_runs, **others}, {row["task_instance_id"]: row for row in behind}
    )


def _shaped(row: dict[str, Any], beside: shapes.Beside) -> dict[str, Any]:
    version_pk = row["version_id"] or beside.runs[row["run_id"]]["version_id"]
    if row["rendered_map_index"] is None:
        index = row["map_index"]
        row["rendered_map_index"] = nested_place(version_pk, row["task_id"], index) or (
            str(index) if index >= 0 else None
        )
    return shapes.instance(row, task_display(version_pk, row["task_id"]), beside)


def shaped_runs(rows: QuerySet[Any]) -> list[dict[str, Any]]:
    """Shape dag runs."""
    found = read(rows, shapes.RUN_FIELDS, shapes.RUN_TIMES)
    known = versions(row["version_id"] for row in found)
    return [shapes.run(row, known) for row in found]


def shaped_new(run: DagRun, dag: Dag) -> dict[str, Any]:
    """Shape a run as it was made, without reading it again: whoever triggers a run gets it ``queued``, as in Airflow."""
    row: dict[str, Any] = {name: getattr(run, name, None) for name in shapes.RUN_FIELDS}
    row |= {f"{name}_text": shapes.moment(getattr(run, name)) for name in shapes.RUN_TIMES}
    row |= {"dag__display_name": dag.display_name, "updated_at_text": None}  # nobody has looked at it yet
    return shapes.run(row, {run.version_id: _version_of(dag)})


def _version_of(dag: Dag) -> dict[str, Any]:
    """Shape the version that a DAG was read with."""
    version = dag.version
    names = ("version_number", "bundle_name", "bundle_version", "created_at")
    about = {"pk": version.pk, "dag_id": dag.dag_id, "dag__display_name": dag.display_name}
    row = {name: getattr(version, name) for name in names}
    return shapes.version({**row, **about, "created_at_text": shapes.moment(version.created_at)})


def versions(pks: Iterable[int | None]) -> shapes.Versions:
    """Return versions as they are shown, by primary key."""
    known = {*pks} - {None}
    found = read(DagVersion.objects.filter(pk__in=known), shapes.VERSION_FIELDS, shapes.VERSION_TIMES) if known else []
    return {row["pk"]: shapes.version(row) for row in found}


def in_path(request: Request, dag_id: str, run_id: str) -> QuerySet[Any]:
    """Return the visible task instances below a path whose ids may be ``~``."""
    rows = access.visible_task_instances(request.user)
    if dag_id == "~":
        return rows if run_id == "~" else rows.filter(run__run_id=run_id)
    if run_id == "~":
        see_dag(request.user, dag_id)
        return rows.filter(dag_id=dag_id)
    # By the run alone: by DAG and name of the run, SQLite read all instances that the DAG ever had.
    return rows.filter(run=run_key(request.user, dag_id, run_id))
