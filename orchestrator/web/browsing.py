"""What the lists over all DAGs can be filtered and sorted by."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy

from dags_app.models import Pool
from dags_app.versions import load_spec
from orchestrator import access
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import RunState, RunType, TaskState

from .filters import Filter, Filters

RUN_DATE = Coalesce("logical_date", "run_after")
"""The date of a run for people: its logical date, or for one without when it was to run."""
RUNS = (
    Filter("dag_id", "DAG", "dag__dag_id", first=True),
    Filter("state", gettext_lazy("State"), "state", "choice", tuple(RunState), first=True),
    Filter("run_type", gettext_lazy("Type"), "run_type", "choice", tuple(RunType), first=True),
    Filter("run_id", gettext_lazy("Run id"), "run_id"),
    Filter("triggering_user_name", gettext_lazy("Triggered by"), "triggering_user_name"),
    Filter("partition_key", gettext_lazy("Partition key"), "partition_key"),
    Filter("dag_version", gettext_lazy("Version"), "version__version_number", "number"),
    Filter("run_after", gettext_lazy("Run after"), "run_after", "time"),
    Filter("logical_date", gettext_lazy("Logical date"), "logical_date", "time"),
    Filter("date", gettext_lazy("Logical date or run after"), "date", "time"),
    Filter("start_date", gettext_lazy("Started"), "started_at", "time"),
    Filter("end_date", gettext_lazy("Ended"), "ended_at", "time"),
    Filter("duration", gettext_lazy("Seconds"), "took", "seconds"),
)
RUN_SORTS = {
    **{"run_after": "run_after", "dag_id": "dag_id", "state": "state", "run_type": "run_type", "run_id": "run_id"},
    **{"start_date": "started_at", "end_date": "ended_at", "duration": "took", "logical_date": "logical_date"},
    "id": "pk",
}


def instance_filters(pools: tuple[str, ...]) -> tuple[Filter, ...]:
    return (
        Filter("dag_id", "DAG", "dag_id", first=True),
        Filter("task_id", gettext_lazy("Task"), "task_id", first=True),
        Filter("state", gettext_lazy("State"), "state", "choice", tuple(TaskState), first=True),
        Filter("pool", gettext_lazy("Pool"), "pool", "choice", pools),
        Filter("run_id", gettext_lazy("Run id"), "run__run_id"),
        Filter("queue", gettext_lazy("Queue"), "queue"),
        Filter("operator", gettext_lazy("Operator"), "operator_name"),
        Filter("hostname", gettext_lazy("Host"), "hostname"),
        Filter("map_index", gettext_lazy("Map index"), "map_index", "number"),
        Filter("rendered_map_index", gettext_lazy("Label"), "rendered_map_index"),
        Filter("try_number", gettext_lazy("Try"), "try_number", "number"),
        Filter("run_after", gettext_lazy("Run after"), "run__run_after", "time"),
        Filter("logical_date", gettext_lazy("Logical date"), "run__logical_date", "time"),
        Filter("start_date", gettext_lazy("Started"), "started_at", "time"),
        Filter("end_date", gettext_lazy("Ended"), "ended_at", "time"),
        Filter("duration", gettext_lazy("Seconds"), "took", "seconds"),
    )


INSTANCE_SORTS = {
    **{"id": "pk", "dag_id": "dag_id", "task_id": "task_id", "state": "state", "try_number": "try_number"},
    **{"start_date": "started_at", "end_date": "ended_at", "duration": "took", "pool": "pool", "queue": "queue"},
    "operator": "operator",
}
XCOMS = (
    Filter("dag_id", "DAG", "dag_id", first=True),
    Filter("task_id", gettext_lazy("Task"), "task_id", first=True),
    Filter("key", gettext_lazy("Key"), "key", first=True),
    Filter("run_id", gettext_lazy("Run id"), "run__run_id"),
    Filter("map_index", gettext_lazy("Map index"), "map_index", "number"),
    Filter("logical_date", gettext_lazy("Logical date"), "run__logical_date", "time"),
    Filter("run_after", gettext_lazy("Run after"), "run__run_after", "time"),
    Filter("timestamp", gettext_lazy("Written"), "timestamp", "time"),
)
XCOM_SORTS = {"timestamp": "timestamp", "dag_id": "dag_id", "task_id": "task_id", "key": "key", "id": "pk"}
DEADLINES = (
    Filter("dag_id", "DAG", "run__dag__dag_id", first=True),
    Filter("name", gettext_lazy("Name"), "name", first=True),
    Filter("task_id", gettext_lazy("Task id"), "task_id"),
    Filter("run_id", gettext_lazy("Run id"), "run__run_id"),
    Filter("deadline_time", gettext_lazy("Needed by"), "deadline_time", "time"),
)
DEADLINE_SORTS = {"deadline_time": "deadline_time", "dag_id": "run__dag_id", "name": "name", "missed": "missed"}


def runs_of(request: HttpRequest, query: QueryDict | None = None) -> tuple[QuerySet[Any], Filters]:
    """The runs that the address, or another query, asks for."""
    filters = Filters(request, RUNS, query)
    return filters.narrow(access.visible_runs(request.user).alias(date=RUN_DATE)), filters


def instances_of(request: HttpRequest, query: QueryDict | None = None) -> tuple[QuerySet[Any], Filters]:
    """The task instances that the address asks for; a group stands for its tasks in the run's version."""
    filters = Filters(request, instance_filters(tuple(Pool.objects.values_list("name", flat=True))), query)
    rows = filters.narrow(access.visible_task_instances(request.user))
    group, dag_id = filters.query.get("task_group_id", ""), filters.query.get("dag_id", "")
    if group and dag_id:
        rows = rows.filter(task_id__in=_tasks_of(request, dag_id, filters.query.get("run_id", ""), group))
        filters.also(gettext_lazy("Group"), group, "task_group_id")
    return rows, filters


def _tasks_of(request: HttpRequest, dag_id: str, run_id: str, group: str) -> list[str]:
    run = access.visible_runs(request.user).filter(dag_id=dag_id, run_id=run_id).first()
    dag = access.visible_dags(request.user).filter(pk=dag_id).first()
    version = run.version_id if run is not None else dag.version_id if dag is not None else None
    if version is None:
        return []
    return tasks_inside(load_spec(version), group)


def tasks_inside(spec: DagSpec, group: str) -> list[str]:
    """The tasks of a group and of the groups in it."""
    return [task_id for task_id, task in spec.tasks.items() if _inside(spec, task.group_id, group)]


def _inside(spec: DagSpec, group_id: str | None, wanted: str) -> bool:
    while group_id:
        if group_id == wanted:
            return True
        above = spec.groups.get(group_id)
        group_id = above.parent_id if above is not None else None
    return False


COLUMNS = {
    "runs": {
        "run_type": gettext_lazy("Type"),
        "run_after": gettext_lazy("Run after"),
        "start_date": gettext_lazy("Started"),
        "duration": gettext_lazy("Duration"),
        "version": gettext_lazy("Version"),
    },
    "instances": {
        "try_number": gettext_lazy("Try"),
        "operator": gettext_lazy("Operator"),
        "pool": gettext_lazy("Pool"),
        "queue": gettext_lazy("Queue"),
        "start_date": gettext_lazy("Started"),
        "duration": gettext_lazy("Duration"),
        "hostname": gettext_lazy("Host"),
    },
}
"""Columns of a list that one may switch off: name -> label."""
