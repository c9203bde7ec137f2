"""Rows as the JSON that Airflow's clients read: every required field present, nulls explicit, times in UTC.

Each function takes a mapping of column values and returns one object. What lists are made of is read by
:func:`orchestrator.written.read` with ``X_FIELDS`` and ``X_TIMES``, everything else by ``QuerySet.values(*X_FIELDS)``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.core import signing

from dags_app.bundles.links import url_of
from dags_app.secrets import hidden_there
from orchestrator.compat.class_names import class_ref
from orchestrator.core.durations import iso_duration
from orchestrator.core.ids import opaque_id
from orchestrator.core.reasons import Reason
from orchestrator.core.spec import DagSpec, TaskSpec
from orchestrator.core.states import TaskState, as_airflow
from orchestrator.logs.mask import MASK, mask_fields
from orchestrator.written import Row

Json = dict[str, Any]


def moment(value: datetime | None) -> str | None:
    """A time as Airflow writes it: UTC, microseconds only where there are some, ``Z``."""
    if value is None:
        return None
    if value.tzinfo is not UTC:  # as the database gives them they are; a list of runs has a thousand
        value = value.astimezone(UTC)
    return value.isoformat()[:-6] + "Z"


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None


def _seconds(start: str | None, end: str | None) -> float | None:
    """How long it is between two times that the database wrote."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() if start and end else None


VERSION_FIELDS = ("pk", "version_number", "dag_id", "bundle_name", "bundle_version", "dag__display_name")
VERSION_TIMES = ("created_at",)


def version(row: Row) -> Json:
    dag_id = row["dag_id"]
    return {
        "id": opaque_id(row["pk"]),
        "version_number": row["version_number"],
        "dag_id": dag_id,
        "bundle_name": row["bundle_name"],
        "bundle_version": row["bundle_version"],
        "created_at": row["created_at_text"],
        "dag_display_name": row["dag__display_name"] or dag_id,
        "bundle_url": url_of(row["bundle_name"], row["bundle_version"]),
    }


Versions = Mapping[int, Json]
"""Versions as they are shown, by primary key: a list has hundreds of rows of few versions."""


DAG_FIELDS = (
    *("dag_id", "display_name", "is_paused", "is_stale", "last_parse_seconds", "fileloc"),
    *(
        "file__bundle_name",
        "version__bundle_version",
        "file__relative_path",
        "file__import_error__id",
        "description",
        "timetable_summary",
    ),
    *("timetable_description", "timetable_periodic", "is_backfillable", "has_task_concurrency_limits", "owners"),
    *("max_active_tasks", "max_active_runs", "max_consecutive_failed_dag_runs", "is_partitioned"),
)
DAG_TIMES = ("last_parsed_at", "next_run_after", "next_logical_date", "next_interval_start", "next_interval_end")


def dag(row: Row, tags: list[str]) -> Json:
    name = row["display_name"] or row["dag_id"]
    return {
        "dag_id": row["dag_id"],
        "dag_display_name": name,
        "is_paused": row["is_paused"],
        "is_stale": row["is_stale"],
        "last_parsed_time": row["last_parsed_at_text"],
        "last_parse_duration": row["last_parse_seconds"],
        "last_expired": None,
        "bundle_name": row["file__bundle_name"],
        "bundle_version": row["version__bundle_version"],
        "relative_fileloc": row["file__relative_path"],
        "fileloc": row["fileloc"],
        "description": row["description"],
        "timetable_summary": None if row["timetable_summary"] == "None" else row["timetable_summary"],
        "timetable_description": row["timetable_description"],
        "timetable_partitioned": row["is_partitioned"],
        "timetable_periodic": row["timetable_periodic"],
        "tags": [{"name": each, "dag_id": row["dag_id"], "dag_display_name": name} for each in tags],
        "max_active_tasks": row["max_active_tasks"],
        "max_active_runs": row["max_active_runs"],
        "max_consecutive_failed_dag_runs": row["max_consecutive_failed_dag_runs"],
        "has_task_concurrency_limits": row["has_task_concurrency_limits"],
        "has_import_errors": row["file__import_error__id"] is not None,
        # Runs of partitions have a key instead of a date.
        "next_dagrun_logical_date": None if row["is_partitioned"] else row["next_logical_date_text"],
        "next_dagrun_data_interval_start": None if row["is_partitioned"] else row["next_interval_start_text"],
        "next_dagrun_data_interval_end": None if row["is_partitioned"] else row["next_interval_end_text"],
        "next_dagrun_run_after": row["next_run_after_text"],
        "allowed_run_types": None,
        "owners": row["owners"],
        "is_backfillable": row["is_backfillable"],
        "file_token": file_token(row["file__bundle_name"], row["file__relative_path"]),
    }


def details(found: Json, spec: DagSpec, latest: Json, active_runs: int, asset_expression: Json | None = None) -> Json:
    """A DAG with all that its version says; ``found`` is what :func:`dag` gave."""
    return {
        **found,
        "catchup": spec.catchup,
        "dag_run_timeout": None if spec.dagrun_timeout is None else iso_duration(spec.dagrun_timeout),
        "asset_expression": asset_expression,
        "doc_md": spec.doc_md,
        "start_date": moment(spec.start_date),
        "end_date": moment(spec.end_date),
        "is_paused_upon_creation": spec.is_paused_upon_creation,
        "params": _params(spec.params, "dag"),
        "render_template_as_native_obj": spec.render_template_as_native_obj,
        "template_search_path": None,  # as Airflow answers, which does not store it: folders of another machine
        "timezone": spec.timezone,
        "last_parsed": found["last_parsed_time"],
        "default_args": mask_fields(dict(spec.default_args)),
        "concurrency": found["max_active_tasks"],
        "latest_dag_version": latest,
        "owner_links": dict(spec.owner_links),
        "active_runs_count": active_runs,
        "allowed_run_types": list(spec.allowed_run_types) or None,
        "rerun_with_latest_version": spec.rerun_with_latest_version,
    }


def span(seconds: float | None) -> Json | None:
    """A time span as Airflow shows it on tasks."""
    if seconds is None:
        return None
    days, rest = divmod(seconds, 86400)
    whole_seconds = int(rest)
    micro = round((rest - whole_seconds) * 1_000_000)
    return {"__type": "TimeDelta", "days": int(days), "seconds": whole_seconds, "microseconds": micro}


def _params(params: Mapping[str, Any], source: str) -> Json:
    return {name: {"value": None, **each, "source": source} for name, each in params.items()}


def task(spec: DagSpec, each: TaskSpec) -> Json:
    """One task of a DAG."""
    display = each.display
    return {
        "task_id": each.task_id,
        "task_display_name": display.get("display_name") or each.task_id,
        "owner": display.get("owner") or "airflow",
        "start_date": moment(each.start_date or spec.start_date),
        "end_date": moment(each.end_date or spec.end_date),
        "trigger_rule": each.trigger_rule,
        "depends_on_past": each.depends_on_past,
        "wait_for_downstream": each.wait_for_downstream,
        "retries": each.retries,
        "queue": each.queue,
        "pool": each.pool,
        "pool_slots": each.pool_slots,
        "execution_timeout": span(each.execution_timeout),
        "retry_delay": span(each.retry_delay),
        "retry_exponential_backoff": each.retry_backoff,
        "priority_weight": each.priority_weight,
        "weight_rule": each.weight_rule,
        "ui_color": display.get("ui_color") or "#fff",
        "ui_fgcolor": display.get("ui_fgcolor") or "#000",
        "template_fields": list(display.get("template_fields") or []),
        "downstream_task_ids": list(spec.downstream[each.task_id]),
        "doc_md": display.get("doc_md"),
        "operator_name": each.operator_name,
        "params": _params(display.get("params") or {}, "task"),
        "class_ref": class_ref(**(display.get("class_ref") or {"class_name": each.operator})),
        "is_mapped": each.is_mapped,
        "extra_links": [str(name) for name in display.get("extra_links") or []],
    }


@lru_cache(maxsize=4096)
def file_token(bundle_name: str | None, relative_path: str | None) -> str:
    """Opaque, signed name of a DAG file."""
    return signing.dumps([bundle_name, relative_path], salt="dag file")


RUN_FIELDS = (
    *("pk", "run_id", "dag_id", "dag__display_name", "run_type", "state", "triggered_by", "triggering_user_name"),
    *("conf", "note", "version_id", "partition_key"),
)
RUN_TIMES = (
    *("logical_date", "queued_at", "started_at", "ended_at", "data_interval_start", "data_interval_end", "run_after"),
    *("updated_at", "partition_date"),
)


def run(row: Row, versions: Versions) -> Json:
    return {
        "dag_run_id": row["run_id"],
        "dag_id": row["dag_id"],
        "logical_date": row["logical_date_text"],
        "queued_at": row["queued_at_text"],
        "start_date": row["started_at_text"],
        "end_date": row["ended_at_text"],
        "duration": _seconds(row["started_at_text"], row["ended_at_text"]),
        "data_interval_start": row["data_interval_start_text"],
        "data_interval_end": row["data_interval_end_text"],
        "run_after": row["run_after_text"],
        "last_scheduling_decision": row["updated_at_text"],
        "run_type": row["run_type"],
        "state": as_airflow(row["state"]),
        "triggered_by": row["triggered_by"],
        "triggering_user_name": row["triggering_user_name"],
        "conf": row["conf"],
        "note": row["note"],
        "dag_versions": [versions[row["version_id"]]] if row["version_id"] in versions else [],
        "bundle_version": versions[row["version_id"]]["bundle_version"] if row["version_id"] in versions else None,
        "dag_display_name": row["dag__display_name"] or row["dag_id"],
        "partition_key": row["partition_key"],
        "partition_date": row["partition_date_text"],
    }


BACKFILL_FIELDS = (
    *("pk", "dag_id", "from_date", "to_date", "dag_run_conf", "is_paused", "reprocess_behavior", "max_active_runs"),
    *("created_at", "completed_at", "updated_at", "dag__display_name"),
)


def backfill(row: Row) -> Json:
    return {
        "id": row["pk"],
        "dag_id": row["dag_id"],
        "from_date": moment(row["from_date"]),
        "to_date": moment(row["to_date"]),
        "dag_run_conf": row["dag_run_conf"],
        "is_paused": row["is_paused"],
        "reprocess_behavior": row["reprocess_behavior"],
        "max_active_runs": row["max_active_runs"],
        "created_at": moment(row["created_at"]),
        "completed_at": moment(row["completed_at"]),
        "updated_at": moment(row["updated_at"]),
        "dag_display_name": row["dag__display_name"] or row["dag_id"],
    }


RUN_OF_INSTANCE_FIELDS = (
    *("pk", "run_id", "dag_id", "version_id", "dag__display_name", "version__version_number", "version__bundle_name"),
    "version__bundle_version",
)
RUN_OF_INSTANCE_TIMES = ("logical_date", "run_after", "version__created_at")
TRIGGER_FIELDS = ("task_instance_id", "id", "classpath", "kwargs", "process_id")
TRIGGER_TIMES = ("created_at",)
INSTANCE_FIELDS = (
    *("pk", "task_id", "dag_id", "run_id", "map_index", "state", "try_number", "max_tries", "hostname", "pool"),
    *("pool_slots", "queue", "priority_weight", "operator", "operator_name", "pid", "note", "rendered_map_index"),
    *("rendered__fields", "version_id"),
)
INSTANCE_TIMES = ("started_at", "ended_at", "scheduled_at")


def version_of_run(row: Row) -> Json:
    """The version that a run, read as of an instance, is pinned to."""
    names = {"pk": "version_id", "dag_id": "dag_id", "dag__display_name": "dag__display_name"}
    own = ("version_number", "bundle_name", "bundle_version", "created_at_text")
    return version({name: row[path] for name, path in {**names, **{name: f"version__{name}" for name in own}}.items()})


@dataclass(frozen=True, slots=True)
class Beside:
    """What task instances of a list have in common, by primary key: read once, where joining it to each row cost more."""

    runs: Mapping[int, Row]
    versions: Versions
    triggers: Mapping[int, Row]


def instance(row: Row, task_display: Mapping[str, Any], beside: Beside) -> Json:
    """One task instance; ``task_display`` is the ``display`` of its task's spec."""
    state, run, config = row["state"], beside.runs[row["run_id"]], task_display.get("executor_config")
    return {
        "id": opaque_id(row["pk"]),
        "task_id": row["task_id"],
        "dag_id": row["dag_id"],
        "dag_run_id": run["run_id"],
        "map_index": row["map_index"],
        "logical_date": run["logical_date_text"],
        "run_after": run["run_after_text"],
        "start_date": row["started_at_text"],
        "end_date": row["ended_at_text"],
        "duration": _seconds(row["started_at_text"], row["ended_at_text"]),
        "state": None if state == TaskState.NONE else as_airflow(state),
        "try_number": row["try_number"],
        "max_tries": row["max_tries"],
        "task_display_name": task_display.get("display_name") or row["task_id"],
        "dag_display_name": run["dag__display_name"] or row["dag_id"],
        "hostname": row["hostname"] or None,
        "unixname": None,
        "pool": row["pool"],
        "pool_slots": row["pool_slots"],
        "queue": row["queue"],
        "priority_weight": row["priority_weight"],
        "operator": row["operator"] or None,
        "operator_name": row["operator_name"] or row["operator"] or None,
        "queued_when": row["scheduled_at_text"],
        "scheduled_when": row["scheduled_at_text"],
        "pid": row["pid"],
        "executor": None,
        "executor_config": json.dumps(config) if config else "{}",
        "note": row["note"],
        "rendered_map_index": row["rendered_map_index"],
        "rendered_fields": row["rendered__fields"] or {},
        "trigger": _trigger(beside.triggers.get(row["pk"])),
        "triggerer_job": None,
        "dag_version": beside.versions.get(row["version_id"]),
    }


def _trigger(row: Row | None) -> Json | None:
    if row is None:
        return None
    return {
        "id": row["id"],
        "classpath": row["classpath"],
        "kwargs": json.dumps(mask_fields(row["kwargs"])),
        "created_date": row["created_at_text"],
        "queue": None,
        "triggerer_id": row["process_id"],
    }


ATTEMPT_FIELDS = (
    *("try_number", "token", "started_at", "ended_at", "outcome", "hostname", "pid", "version_id"),
    *("cpu_seconds", "peak_bytes", "hung_since", "stack"),
)


def past_try(now: Json, attempts: list[Row], is_last: bool) -> Json:
    """One try of a task instance: ``now`` is the instance itself, ``attempts`` those of the try, oldest first."""
    first, last = attempts[0], attempts[-1]
    state = now["state"] if is_last else OUTCOMES.get(last["outcome"] or "", "failed")
    kept = {name: now[name] for name in TRY_FIELDS}
    return {
        **kept,
        "start_date": moment(first["started_at"]),
        "end_date": moment(last["ended_at"]),
        "duration": seconds_between(first["started_at"], last["ended_at"]),
        "state": state,
        "try_number": first["try_number"],
        "hostname": last["hostname"] or None,
        "pid": last["pid"],
        **_used(attempts),
    }


def _used(attempts: list[Row]) -> Json:
    """What a try took, over its attempts; more than Airflow tells."""
    seconds = [each["cpu_seconds"] for each in attempts if each.get("cpu_seconds") is not None]
    peaks = [each["peak_bytes"] for each in attempts if each.get("peak_bytes") is not None]
    return {
        "cpu_seconds": sum(seconds) if seconds else None,
        "peak_memory_bytes": max(peaks, default=None),
        "looks_hung_since": moment(attempts[-1].get("hung_since")),
        "stack": attempts[-1].get("stack"),
    }


OUTCOMES = {
    name: name
    for name in ("success", "failed", "skipped", "up_for_retry", "up_for_reschedule", "deferred", "awaiting_input")
}
TRY_FIELDS = (
    *("task_id", "dag_id", "dag_run_id", "map_index", "max_tries", "task_display_name", "dag_display_name"),
    *("unixname", "pool", "pool_slots", "queue", "priority_weight", "operator", "operator_name", "queued_when"),
    *("scheduled_when", "executor", "executor_config", "dag_version"),
)


def hitl_detail(detail: Any) -> Json:
    """What a task asks people, and what they answered; without the task instance."""
    params = {
        name: {"value": each.get("value"), "description": each.get("description"), "schema": each.get("schema") or {}}
        for name, each in detail.params.items()
    }
    return {
        **{name: getattr(detail, name) for name in ("options", "subject", "body", "defaults", "multiple")},
        "params": params,
        "assigned_users": detail.assigned_users,
        "created_at": moment(detail.created_at),
        "responded_by_user": _responded_by(detail),
        "responded_at": moment(detail.responded_at),
        "chosen_options": detail.chosen_options,
        "params_input": detail.params_input,
        "response_received": detail.responded_at is not None,
    }


def hitl_response(detail: Any) -> Json:
    """An answer that was just given."""
    return {
        "responded_by": _responded_by(detail),
        "responded_at": moment(detail.responded_at),
        "chosen_options": detail.chosen_options,
        "params_input": detail.params_input,
    }


def _responded_by(detail: Any) -> Json | None:
    if detail.responded_by_user_id is None:
        return None
    return {"id": detail.responded_by_user_id, "name": detail.responded_by_user_name}


XCOM_FIELDS = (
    *("key", "timestamp", "run__logical_date", "map_index", "task_id", "dag_id", "run__run_id"),
    *("run__dag__display_name", "run__run_after", "run__version_id"),
)


def xcom(row: Row, task_display: Mapping[str, Any]) -> Json:
    return {
        "key": row["key"],
        "timestamp": moment(row["timestamp"]),
        "logical_date": moment(row["run__logical_date"]),
        "map_index": row["map_index"],
        "task_id": row["task_id"],
        "dag_id": row["dag_id"],
        "run_id": row["run__run_id"],
        "dag_display_name": row["run__dag__display_name"] or row["dag_id"],
        "task_display_name": task_display.get("display_name") or row["task_id"],
        "run_after": moment(row["run__run_after"]),
    }


def reason(found: Reason) -> Json:
    """Why something does not run; ``held_by`` names runs, or task instances where there is a ``task_id``."""
    held_by = [
        {
            "dag_id": each.dag_id,
            "dag_run_id": each.run_id,
            "task_id": each.task_id or None,
            "map_index": each.map_index if each.task_id else None,
        }
        for each in found.held_by
    ]
    return {
        "kind": found.kind,
        "text": found.text,
        "remedy": found.remedy or None,
        "until": moment(found.until),
        "held_by": held_by,
    }


def import_error(row: Row) -> Json:
    return {
        "import_error_id": row["pk"],
        "timestamp": moment(row["timestamp"]),
        "filename": row["file__relative_path"],
        "bundle_name": row["file__bundle_name"],
        "stack_trace": row["stack_trace"],
    }


def pool(row: Row, used: Mapping[str, int]) -> Json:
    """One pool; ``used`` counts its slots by state."""
    running, scheduled, deferred = (used.get(state, 0) for state in ("running", "scheduled", "deferred"))
    occupied = running + (deferred if row["include_deferred"] else 0)
    return {
        "name": row["name"],
        "slots": row["slots"],
        "description": row["description"] or None,
        "include_deferred": row["include_deferred"],
        "occupied_slots": occupied,
        "running_slots": running,
        "queued_slots": 0,
        "scheduled_slots": scheduled,
        "open_slots": -1 if row["slots"] < 0 else row["slots"] - occupied,
        "deferred_slots": deferred,
        "rate_per_minute": row["rate_per_minute"],
        "team_name": None,
    }


def variable(row: Row) -> Json:
    """One variable; its value can be written but not read."""
    return {
        "key": row["key"],
        "value": MASK,
        "description": row["description"],
        "is_encrypted": True,
        "team_name": None,
    }


def connection(row: Row) -> Json:
    """One connection; password and extra can be written but not read."""
    hidden = hidden_there(row)
    return {
        "connection_id": row["conn_id"],
        "conn_type": row["conn_type"],
        "description": row["description"],
        "host": row["host"],
        "login": row["login"],
        "schema": row["schema"],
        "port": row["port"],
        "password": MASK if "password" in hidden else None,
        "extra": MASK if "extra" in hidden else None,
        "team_name": None,
    }


def event_log(row: Row) -> Json:
    return {
        "event_log_id": row["pk"],
        "when": moment(row["at"]),
        "dag_id": row["dag_id"],
        "task_id": row["task_id"],
        "run_id": row["run_id"],
        "map_index": row["map_index"],
        "try_number": None,
        "event": row["event"],
        "logical_date": None,
        "owner": row["actor"],
        "extra": json.dumps(row["extra"]),
        "dag_display_name": row["dag_display_name"],
        "task_display_name": row["task_id"],
    }
