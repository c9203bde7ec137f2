"""Dag runs: list, read, trigger."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orchestrator import access
from orchestrator.api import shapes
from orchestrator.api.body import Part, limited_text, mapping, read_body, text, time
from orchestrator.api.query import Listing, order_of
from orchestrator.api.scope import dag_for, must, run_for
from orchestrator.core.states import RunState, RunType
from runs_app import actions
from runs_app.models import DagRun


def _one_of(kind: Any) -> Any:
    def read(value: str) -> str:
        if value not in set(kind):
            raise ValueError(f"Input should be {', '.join(repr(str(each)) for each in kind)}")
        return value

    return read


TIMES = {
    "run_after": "run_after",
    "logical_date": "logical_date",
    "start_date": "started_at",
    "end_date": "ended_at",
    "updated_at": "updated_at",
}
LISTING = Listing(
    order=order_of(
        *("state", "dag_id", "run_id", "logical_date", "run_after", "updated_at", "conf"),
        id="pk",
        dag_run_id="run_id",
        start_date="started_at",
        end_date="ended_at",
    ),
    default_order=("pk",),
    exact={"run_type": "run_type", "state": "state", "dag_version": "version__version_number"},
    convert={"state": _one_of(RunState), "run_type": _one_of(RunType), "dag_version": int},
    patterns={"run_id": "run_id", "triggering_user_name": "triggering_user_name", "dag_id": "dag_id"},
    times=TIMES,
)

TRIGGER = {
    "dag_run_id": Part(limited_text(250)),
    "data_interval_start": Part(time),
    "data_interval_end": Part(time),
    "logical_date": Part(time, required=True),
    "run_after": Part(time),
    "conf": Part(mapping),
    "note": Part(text),
    "partition_key": Part(text),
}


class RunsView(APIView):
    """GET and POST /api/v2/dags/{dag_id}/dagRuns; ``~`` as dag_id lists every DAG's."""

    def get(self, request: Request, dag_id: str) -> Response:
        rows = access.visible_runs(request.user)
        if dag_id != "~":
            dag_for(request.user, dag_id)
            rows = rows.filter(dag_id=dag_id)
        page, total = LISTING.page(rows, request.GET)
        runs = [shapes.run(row) for row in page.values(*shapes.RUN_FIELDS)]
        return Response({"dag_runs": runs, "total_entries": total})

    def post(self, request: Request, dag_id: str) -> Response:
        dag = dag_for(request.user, dag_id)
        must(request.user, "trigger", dag)
        values = read_body(request, TRIGGER)
        interval = (values["data_interval_start"], values["data_interval_end"])
        run = actions.trigger_dag(
            dag_id,
            conf=values["conf"],
            run_id=values["dag_run_id"],
            logical_date=values["logical_date"],
            run_after=values["run_after"],
            interval=interval if all(interval) else None,
            note=values["note"],
            triggered_by="rest_api",
            user=request.user,
        )
        return Response(one(run.pk))


class RunView(APIView):
    """GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}."""

    def get(self, request: Request, dag_id: str, run_id: str) -> Response:
        return Response(one(run_for(request.user, dag_id, run_id).pk))


def one(run_pk: int) -> dict[str, Any]:
    """Return one run as the API shows it."""
    row = DagRun.objects.filter(pk=run_pk).values(*shapes.RUN_FIELDS).first()
    if row is None:
        raise Http404("The DagRun was deleted")
    return shapes.run(row)
