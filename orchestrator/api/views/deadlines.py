"""Deadlines of runs and their tasks, and the alerts of a DAG that they come from."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_OID, uuid5

from rest_framework.request import Request
from rest_framework.response import Response

from dags_app.versions import load_spec
from orchestrator import access
from orchestrator.api import shapes
from orchestrator.api.base import ApiView
from orchestrator.api.errors import BadRequest
from orchestrator.api.query import Listing, flag, order_of, whole, window
from orchestrator.api.scope import dag_for, run_for
from orchestrator.core.deadlines import alerts_of
from orchestrator.core.ids import opaque_id
from runs_app.models import Deadline

LISTING = Listing(
    order=order_of(
        *("deadline_time", "created_at", "missed"),
        id="pk",
        last_updated_at="updated_at",
        dag_id="run__dag_id",
        dag_run_id="run__run_id",
        alert_name="name",
        task_id="task_id",
    ),
    default_order=("deadline_time",),
    times={"deadline_time": "deadline_time", "last_updated_at": "updated_at"},
)


def alert_id(dag_id: str, key: str) -> str:
    """Name an alert for good, in every version that defines it."""
    return str(uuid5(NAMESPACE_OID, f"deadline alert {key} of {dag_id}"))


class DeadlinesView(ApiView):
    """GET .../dagRuns/{dag_run_id}/deadlines; ``~`` for any DAG or run."""

    def get(self, request: Request, dag_id: str, run_id: str) -> Response:
        if dag_id == "~" and run_id != "~":
            raise BadRequest("dag_id is required when dag_run_id is specified")
        rows = access.visible_deadlines(request.user)
        if dag_id != "~":
            rows = rows.filter(run__dag_id=dag_for(request.user, dag_id).dag_id)
        if run_id != "~":
            rows = rows.filter(run=run_for(request.user, dag_id, run_id))
        missed = flag(request.GET, "missed")
        if missed is not None:
            rows = rows.filter(missed=missed)
        page, total = LISTING.page(rows.select_related("run"), request.GET)
        return Response({"deadlines": [_deadline(each) for each in page], "total_entries": total})


def _deadline(row: Deadline) -> dict[str, Any]:
    return {
        "id": opaque_id(row.pk),
        "deadline_time": shapes.moment(row.deadline_time),
        "missed": row.missed,
        "created_at": shapes.moment(row.created_at),
        "dag_id": row.run.dag_id,
        "dag_run_id": row.run.run_id,
        "alert_id": alert_id(row.run.dag_id, row.key),
        "alert_name": row.name,
        "task_id": row.task_id or None,
        "map_index": row.map_index,
    }


class DeadlineAlertsView(ApiView):
    """GET /api/v2/dags/{dag_id}/deadlineAlerts: what the DAG's current version, or ``version_number``, defines."""

    def get(self, request: Request, dag_id: str) -> Response:
        dag = dag_for(request.user, dag_id)
        versions = dag.versions.all()
        number = whole(request.GET, "version_number", 0)
        wanted = {"version_number": number} if "version_number" in request.GET else {"pk": dag.version_id}
        version = versions.filter(**wanted).first()
        alerts = list(alerts_of(load_spec(version.pk)).values()) if version is not None else []
        limit, offset = window(request.GET)
        found = [
            {
                "id": alert_id(dag.dag_id, alert.key),
                "name": alert.name,
                "reference_type": alert.reference_type,
                "interval": None if isinstance(interval := alert.document["interval"], dict) else interval,
                "created_at": shapes.moment(version.created_at),
                "task_id": alert.task_id or None,
            }
            for alert in alerts
            if version is not None
        ]
        return Response({"deadline_alerts": found[offset : offset + limit], "total_entries": len(found)})
