"""Partitions of runs: taking their keys off."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator.api.base import ApiView
from orchestrator.api.body import Part, boolean, read_body, text, time
from orchestrator.api.errors import Invalid, problem
from orchestrator.api.scope import dag_for, must
from runs_app import partition_actions


def _moment(name: str, value: Any) -> datetime:
    """A time; one without a zone is in that of the DAG's timetable."""
    plain = parse_datetime(value) if isinstance(value, str) else None
    return plain if plain is not None and plain.tzinfo is None else time(name, value)


BODY = {
    "run_id": Part(text),
    "partition_key": Part(text),
    "partition_date_start": Part(_moment),
    "partition_date_end": Part(_moment),
    "clear_task_instances": Part(boolean, default=False, nullable=False),
    "dry_run": Part(boolean, default=True, nullable=False),
}


class ClearPartitionsView(ApiView):
    """POST /api/v2/dags/{dag_id}/clearPartitions; unless ``dry_run`` is false it only counts."""

    def post(self, request: Request, dag_id: str) -> Response:
        dag = dag_for(request.user, dag_id)
        must(request.user, "clear", dag)
        values = read_body(request, BODY)
        since, until = (values[f"partition_date_{end}"] for end in ("start", "end"))
        given = [values["run_id"] is not None, values["partition_key"] is not None, bool(since or until)]
        if sum(given) != 1:
            message = (
                "Exactly one of run_id, partition_key, or a partition date window (partition_date_start / "
                "partition_date_end) must be provided."
            )
            raise Invalid(problem("body", "run_id", message))
        zone = partition_actions.zone_of(dag)
        since, until = (each and (each if each.tzinfo else each.replace(tzinfo=zone)) for each in (since, until))
        if since and until and since > until:
            message = "partition_date_start must be on or before partition_date_end."
            raise Invalid(problem("body", "partition_date_start", message))
        found = partition_actions.clear(
            dag_id,
            run_id=values["run_id"],
            key=values["partition_key"],
            since=since,
            until=until,
            tasks=values["clear_task_instances"],
            dry_run=values["dry_run"],
            user=request.user,
        )
        return Response(
            {
                "dag_runs_cleared": len(found.runs),
                "task_instances_cleared": found.task_instances,
                "dry_run": values["dry_run"],
            }
        )
