"""Clearing many runs in one request: those that are named, or those of a partition."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator import access
from orchestrator.api.base import ApiView
from orchestrator.api.body import Part, any_json, listing, read_body, read_fields, text, time, within
from orchestrator.api.bulk_runs import RUN
from orchestrator.api.errors import BadRequest, Invalid, problem
from orchestrator.api.instances import shaped_runs
from orchestrator.api.scope import dag_for, must, run_for
from orchestrator.api.views.runs import CLEAR, clear
from runs_app.models import DagRun

BODY = {
    **CLEAR,
    "dag_runs": Part(listing(any_json, 1000), default=[], nullable=False),
    "partition_key": Part(text),
    "partition_date_start": Part(time),
    "partition_date_end": Part(time),
}
SELECTORS = ("partition_key", "partition_date_start", "partition_date_end")


class ClearRunsView(ApiView):
    """POST /api/v2/dags/{dag_id}/clearDagRuns; unless ``dry_run`` is false it only says what it would."""

    def post(self, request: Request, dag_id: str) -> Response:
        if dag_id != "~":
            must(request.user, "clear", dag_for(request.user, dag_id))
        values = read_body(request, BODY)
        runs = self._runs(request.user, dag_id, values)
        for run in runs:
            must(request.user, "clear", run)
        found = [each for run in runs for each in clear(request.user, run, values)]
        if values["dry_run"]:
            return Response({"task_instances": found, "total_entries": len(found)})
        rows = DagRun.objects.filter(pk__in=[run.pk for run in runs]).order_by("pk")
        return Response({"dag_runs": shaped_runs(rows), "total_entries": len(runs)})

    def _runs(self, user: Any, dag_id: str, values: dict[str, Any]) -> list[DagRun]:
        """The runs that are meant: all of them are looked for before any is cleared."""
        named = []
        for place, sent in enumerate(values["dag_runs"]):
            with within("dag_runs", place):
                named.append(read_fields(sent, RUN))
        selected = any(values[name] is not None for name in SELECTORS)
        if bool(named) == selected:
            message = "Exactly one of dag_runs, partition_key and a window of partition dates must be provided"
            raise Invalid(problem("body", "dag_runs", message))
        if not named:
            return self._of_partition(user, dag_id, values)
        found: dict[int, DagRun] = {}
        for each in named:
            own = each["dag_id"] or dag_id
            if own == "~":
                raise BadRequest(f"dag_id has to be named for dag_run_id {each['dag_run_id']!r}: the path says `~`")
            if dag_id not in ("~", own):
                raise BadRequest(f"Entry dag_id {own!r} does not match the URL dag_id {dag_id!r}.")
            run = run_for(user, own, each["dag_run_id"])
            found[run.pk] = run
        return list(found.values())

    def _of_partition(self, user: Any, dag_id: str, values: dict[str, Any]) -> list[DagRun]:
        if dag_id == "~":
            raise BadRequest("Partition selectors require a concrete dag_id; '~' is not supported.")
        key, start, end = (values[name] for name in SELECTORS)
        if key is not None and (start or end):
            message = "partition_key and a window of partition dates are mutually exclusive"
            raise Invalid(problem("body", "partition_key", message))
        rows = access.visible_runs(user).filter(dag_id=dag_id)
        rows = rows.filter(partition_key=key) if key is not None else rows.filter(partition_date__isnull=False)
        rows = rows.filter(partition_date__gte=start) if start else rows
        rows = rows.filter(partition_date__lte=end) if end else rows
        return list(rows.order_by("partition_date", "run_id"))
