"""Backfills: list, read, create, try out, pause, cancel."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator import access
from orchestrator.api import shapes
from orchestrator.api.base import ApiView
from orchestrator.api.body import Part, boolean, mapping, one_of, read_body, reads, text, time, whole_number
from orchestrator.api.errors import Invalid, problem
from orchestrator.api.query import Listing, order_of
from orchestrator.api.scope import must
from orchestrator.core.backfill import Action, Reprocess
from runs_app import backfills
from runs_app.models import Backfill

LISTING = Listing(order=order_of(id="pk"))


@reads({"type": "integer", "minimum": 1})
def _at_least_one(name: str, value: Any) -> int:
    found = whole_number(name, value)
    if found < 1:
        raise Invalid(problem("body", name, "Input should be greater than 0", value, "greater_than"))
    return found


BODY = {
    "dag_id": Part(text, required=True, nullable=False),
    "from_date": Part(time, required=True, nullable=False),
    "to_date": Part(time, required=True, nullable=False),
    "run_backwards": Part(boolean, default=False, nullable=False),
    "dag_run_conf": Part(mapping),
    "reprocess_behavior": Part(one_of(*Reprocess), default=Reprocess.NONE, nullable=False),
    "max_active_runs": Part(_at_least_one, default=10, nullable=False),
    "run_on_latest_version": Part(boolean),
}


def _asked(request: Request) -> backfills.Request:
    """Read the body of a backfill; its DAG has to be one that the user may see and run."""
    values = read_body(request, BODY)
    dag = access.visible_dags(request.user).filter(pk=values["dag_id"]).first()
    if dag is None:
        raise Http404(f"Could not find dag {values['dag_id']}")
    must(request.user, "trigger", dag)
    return backfills.Request(
        dag_id=values["dag_id"],
        from_date=values["from_date"],
        to_date=values["to_date"],
        backwards=values["run_backwards"],
        reprocess=Reprocess(values["reprocess_behavior"]),
        max_active_runs=values["max_active_runs"],
        conf=values["dag_run_conf"],
        run_on_latest_version=values["run_on_latest_version"],
    )


class BackfillsView(ApiView):
    """GET (of the DAG that ``dag_id`` names) and POST /api/v2/backfills."""

    def get(self, request: Request) -> Response:
        dag_id = request.GET.get("dag_id")
        if dag_id is None:
            raise Invalid(problem("query", "dag_id", "Field required", None, "missing"))
        page, total = LISTING.page(access.visible_backfills(request.user).filter(dag_id=dag_id), request.GET)
        return Response(
            {
                "backfills": [shapes.backfill(row) for row in page.values(*shapes.BACKFILL_FIELDS)],
                "total_entries": total,
            }
        )

    def post(self, request: Request) -> Response:
        made = backfills.create(_asked(request), user=request.user)
        return Response(_one(made.pk))


class DryRunBackfillView(ApiView):
    """POST /api/v2/backfills/dry_run: the dates that would get a run; nothing is changed."""

    def post(self, request: Request) -> Response:
        found = [each.run for each in backfills.plan(_asked(request)) if each.verdict.action != Action.SKIP]
        rows = [
            {
                "logical_date": None if each.partition_key else shapes.moment(each.logical_date),
                "partition_key": each.partition_key,
                "partition_date": shapes.moment(each.partition_date),
            }
            for each in found
        ]
        return Response({"backfills": rows, "total_entries": len(rows)})


class BackfillView(ApiView):
    """GET /api/v2/backfills/{backfill_id}."""

    def get(self, request: Request, backfill_id: int) -> Response:
        return Response(_one(_visible(request, backfill_id, "Backfill not found").pk))


class PauseBackfillView(ApiView):
    """PUT /api/v2/backfills/{backfill_id}/pause."""

    paused = True

    def put(self, request: Request, backfill_id: int) -> Response:
        backfills.set_paused(_may_act(request, backfill_id).pk, self.paused, user=request.user)
        return Response(_one(backfill_id))


class UnpauseBackfillView(PauseBackfillView):
    """PUT /api/v2/backfills/{backfill_id}/unpause."""

    paused = False


class CancelBackfillView(ApiView):
    """PUT /api/v2/backfills/{backfill_id}/cancel: what has not begun is cancelled, what runs goes on."""

    def put(self, request: Request, backfill_id: int) -> Response:
        backfills.cancel(_may_act(request, backfill_id).pk, user=request.user)
        return Response(_one(backfill_id))


def _may_act(request: Request, backfill_id: int) -> Backfill:
    found = _visible(request, backfill_id, f"Could not find backfill with id {backfill_id}")
    must(request.user, "trigger", found.dag)
    return found


def _visible(request: Request, backfill_id: int, missing: str) -> Backfill:
    fits = backfill_id < 2**63
    found = access.visible_backfills(request.user).filter(pk=backfill_id).first() if fits else None
    if found is None:
        raise Http404(missing)
    return found


def _one(backfill_pk: int) -> dict[str, Any]:
    row = Backfill.objects.filter(pk=backfill_pk).values(*shapes.BACKFILL_FIELDS).first()
    if row is None:
        raise Http404("Backfill not found")
    return shapes.backfill(row)
