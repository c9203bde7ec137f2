"""What a child process is told of the task it runs: all it needs to begin without asking."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from dags_app import environments
from dags_app.versions import load_spec, place_of
from orchestrator.core.branches import depth_of, path_of
from orchestrator.core.mapping import measured_of
from orchestrator.core.states import TaskState

from . import deadlines
from .answers import Scope, run_json
from .models import Callback, DagRun, TaskInstance

KEEP = 64
FRESH_SECONDS = 5.0

_runs: OrderedDict[int, tuple[float, dict[str, Any]]] = OrderedDict()


def run_of(run_pk: int) -> dict[str, Any]:
    """Return a run as task code sees it. What can change about it (a note) may be a few seconds old."""
    kept = _runs.get(run_pk)
    if kept is not None and time.monotonic() - kept[0] < FRESH_SECONDS:
        return kept[1]
    found = run_json(run_pk)
    _runs[run_pk] = (time.monotonic(), found)
    _runs.move_to_end(run_pk)
    while len(_runs) > KEEP:
        _runs.popitem(last=False)
    return found


def for_task(row: Mapping[str, Any], hostname: str) -> dict[str, Any]:
    """Return the assignment of a claimed task instance (a row of :func:`runs_app.claim.claim`)."""
    root, file = place_of(row["version_id"])
    return _branch(row) | {
        "kind": "task",
        "root": root,
        "file": file,
        "python": environments.python_of(root),
        "instance_id": row["id"],
        "dag_id": row["dag_id"],
        "task_id": row["task_id"],
        "map_index": row["map_index"],
        "try_number": row["try_number"],
        "max_tries": row["max_tries"],
        "token": row["token"],
        "pool": row["pool"],
        "queue": row["queue"],
        "priority_weight": row["priority_weight"],
        "hostname": hostname,
        "run": run_of(row["run_id"]),
        "started_at": text(row["started_at"]),
        "first_started_at": text(row["first_started_at"]),
        "reschedule_count": row["reschedule_count"],
        "next_method": row["next_method"],
        "next_kwargs": row["next_kwargs"],
        "max_map_length": settings.ORCH.max_map_length,
        "xcom_max_bytes": settings.ORCH.xcom_max_bytes,
        "smtp_url": settings.ORCH.smtp_url,
    }


def _branch(row: Mapping[str, Any]) -> dict[str, Any]:
    """Where mappings stand in each other: the path behind the map index, and which lengths inside the result are asked for."""
    spec, task_id = load_spec(row["version_id"]), row["task_id"]
    depth, measure = depth_of(spec, task_id), measured_of(spec, task_id)
    found: dict[str, Any] = {"map_path": list(path_of(row["map_index"], depth))} if depth > 1 else {}
    return found | ({"measure": sorted(measure)} if measure else {})


def for_callback(callback: Callback, hostname: str) -> dict[str, Any]:
    """Return the assignment of a callback whose end no attempt saw."""
    instance = callback.task_instance
    run = DagRun.objects.get(pk=callback.run_id)
    version_pk = (instance.version_id if instance is not None else None) or run.version_id
    root, file = place_of(version_pk)
    found = {
        "kind": "callback",
        "root": root,
        "file": file,
        "python": environments.python_of(root),
        "dag_id": run.dag_id,
        "task_id": None,
        "hostname": hostname,
        "run": run_json(callback.run_id),
        "started_at": text(callback.created_at),
        "callback": {"kind": callback.kind, "reason": callback.reason},
        "xcom_max_bytes": settings.ORCH.xcom_max_bytes,
        "smtp_url": settings.ORCH.smtp_url,
    }
    if callback.deadline_id is not None:
        found["callback"] |= deadlines.order_of(callback, found["run"])
    elif instance is None:
        found["about"] = _about(run.pk, callback.kind.removeprefix("told_"))
    else:
        found |= {
            "instance_id": instance.pk,
            "task_id": instance.task_id,
            "map_index": instance.map_index,
            **_branch({"version_id": version_pk, "task_id": instance.task_id, "map_index": instance.map_index}),
            "try_number": instance.try_number,
            "max_tries": instance.max_tries,
            "token": instance.token,
            "pool": instance.pool,
            "queue": instance.queue,
            "started_at": text(instance.started_at or callback.created_at),
        }
    return found


def _about(run_pk: int, kind: str) -> dict[str, Any] | None:
    """The task instance that the end of a run is about: the last that failed, or succeeded; None where there is none."""
    states = [TaskState.SUCCESS] if kind == "success" else [TaskState.FAILED, TaskState.UPSTREAM_FAILED]
    rows = TaskInstance.objects.filter(run_id=run_pk, state__in=states)
    # "failed" comes before "upstream_failed": what failed itself says more than what only waited for it.
    last = rows.order_by("state", "-ended_at", "-pk").first()
    if last is None:
        return None
    names = ("task_id", "map_index", "try_number", "max_tries", "token", "pool", "queue", "hostname", "state")
    return {name: getattr(last, name) for name in names} | {"started_at": text(last.started_at or last.ended_at)}


def scope_of(assignment: Mapping[str, Any], run_pk: int) -> Scope:
    """Return who asks when the child of this assignment asks."""
    run = assignment["run"]
    return Scope(
        dag_id=assignment["dag_id"],
        run_pk=run_pk,
        run_id=run["run_id"],
        task_id=assignment["task_id"],
        map_index=assignment.get("map_index", -1),
        logical_date=datetime.fromisoformat(date) if (date := run.get("key_date") or run["logical_date"]) else None,
        run_after=datetime.fromisoformat(run["run_after"]),
        token=assignment.get("token") or 0,
        manual_counts=run.get("manual_counts", True),
    )


def text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
