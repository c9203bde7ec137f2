"""What a path names, as far as the caller may see it: what she may not see does not exist for her."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.http import Http404
from rest_framework.exceptions import PermissionDenied

from dags_app.models import Dag, DagVersion
from dags_app.versions import load_spec
from orchestrator import access
from orchestrator.core.branches import depth_of, label
from runs_app.locking import fetch, moment
from runs_app.models import DagRun, TaskInstance


def dag_for(user: Any, dag_id: str) -> Dag:
    """Return a DAG the user may see.

    Raises:
        Http404: there is none, or none for her.
    """
    dag = access.visible_dags(user).filter(pk=dag_id).first()
    if dag is None:
        raise Http404(f"The Dag with ID: `{dag_id}` was not found")
    return dag


def dag_to_run(user: Any, dag_id: str) -> Dag:
    """Return a DAG as :func:`dag_for` does, with no more of it than making a run takes: most of its columns are long.

    For whom there is nothing to hide it is read past the ORM: that took a tenth of all that a trigger takes.
    """
    if access.can(user, "read"):
        rows = fetch(_READ_TO_RUN, [dag_id])
        dag = _dag_with_version(rows[0]) if rows else None
    else:
        names = (*_OF_DAG, *(f"version__{name}" for name in _OF_VERSION))
        dag = access.visible_dags(user).select_related("version").only(*names).filter(pk=dag_id).first()
    if dag is None:
        raise Http404(f"The Dag with ID: `{dag_id}` was not found")
    return dag


_OF_DAG = ("dag_id", "display_name", "version_id", "is_stale")
_OF_VERSION = ("id", "version_number", "bundle_name", "bundle_version", "created_at")
_READ_TO_RUN = (
    f"SELECT {', '.join(f'd.{name}' for name in _OF_DAG)}, {', '.join(f'v.{name}' for name in _OF_VERSION)} "
    "FROM dags_app_dag d LEFT JOIN dags_app_dagversion v ON v.id = d.version_id WHERE d.dag_id = %s"
)


def _dag_with_version(row: tuple[Any, ...]) -> Dag:
    dag = Dag.from_db(DEFAULT_DB_ALIAS, _OF_DAG, row[: len(_OF_DAG)])
    if dag.version_id is not None:
        *values, made_at = row[len(_OF_DAG) :]
        dag.version = DagVersion.from_db(DEFAULT_DB_ALIAS, _OF_VERSION, [*values, moment(made_at)])
    return dag


def see_dag(user: Any, dag_id: str) -> None:
    """Refuse like :func:`dag_for`, without reading the DAG."""
    if not access.visible_dags(user).filter(pk=dag_id).exists():
        raise Http404(f"The Dag with ID: `{dag_id}` was not found")


def run_key(user: Any, dag_id: str, run_id: str) -> int:
    """Return the primary key of a run the user may see, without reading the run."""
    runs = access.visible_runs(user).filter(dag_id=dag_id, run_id=run_id)
    found: int | None = runs.values_list("pk", flat=True).first()
    if found is None:
        see_dag(user, dag_id)  # what is missing may be the DAG
        raise Http404(f"The DagRun with dag_id: `{dag_id}` and run_id: `{run_id}` was not found")
    return found


def run_for(user: Any, dag_id: str, run_id: str) -> DagRun:
    run = access.visible_runs(user).filter(dag_id=dag_id, run_id=run_id).first()
    if run is None:
        raise Http404(f"The DagRun with dag_id: `{dag_id}` and run_id: `{run_id}` was not found")
    return run


def instance_for(user: Any, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> TaskInstance:
    found = access.visible_task_instances(user).filter(
        run__dag_id=dag_id, run__run_id=run_id, task_id=task_id, map_index=map_index
    )
    instance = found.first()
    if instance is None:
        raise Http404(
            f"The Task Instance with dag_id: `{dag_id}`, run_id: `{run_id}`, task_id: `{task_id}` and "
            f"map_index: `{map_index}` was not found"
        )
    return instance


def must(user: Any, verb: str, obj: Any = None) -> None:
    """Refuse with 403 unless the user may do this."""
    if not access.can(user, verb, obj):
        raise PermissionDenied("Forbidden")


def must_somewhere(user: Any, verb: str) -> None:
    """Refuse with 403 whom no row would be allowed; which rows she may is for the fetch to say."""
    if not access.can_somewhere(user, verb):
        raise PermissionDenied("Forbidden")


def task_display(version_pk: int | None, task_id: str) -> Mapping[str, Any]:
    """Return what the version's spec says for showing a task; empty for a task it no longer has."""
    task = load_spec(version_pk).tasks.get(task_id) if version_pk is not None else None
    return task.display if task else {}


def nested_place(version_pk: int | None, task_id: str, map_index: int) -> str | None:
    """Return where an instance stands in mapped groups inside of each other; None where its index says all."""
    depth = depth_of(load_spec(version_pk), task_id) if version_pk is not None else 0
    return label(map_index, depth) if depth > 1 else None
