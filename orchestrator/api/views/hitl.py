"""What tasks ask people (human in the loop): list, read, answer."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator.api import shapes
from orchestrator.api.base import ApiView
from orchestrator.api.body import Part, limited_text, listing, mapping, read_body
from orchestrator.api.errors import Invalid, problem
from orchestrator.api.instances import in_path, read_state, shaped
from orchestrator.api.query import Listing, flag, large_int, order_of
from orchestrator.api.scope import instance_for, must
from orchestrator.api.views.task_instances import tries_of
from orchestrator.core.ids import opaque_id
from runs_app import answering
from runs_app.models import HITLDetail, TaskInstance

TI = "task_instance__"
LISTING = Listing(
    order=order_of(
        *("subject", "responded_at", "created_at", "responded_by_user_id", "responded_by_user_name"),
        ti_id="task_instance_id",
        dag_id=TI + "dag_id",
        run_id=TI + "run__run_id",
        task_display_name=TI + "task_id",
        run_after=TI + "run__run_after",
        rendered_map_index=TI + "rendered_map_index",
        task_instance_operator=TI + "operator",
        task_instance_state=TI + "state",
    ),
    default_order=("task_instance_id",),
    exact={
        "task_id": TI + "task_id",
        "map_index": TI + "map_index",
        "state": TI + "state",
        "responded_by_user_id": "responded_by_user_id",
        "responded_by_user_name": "responded_by_user_name",
    },
    convert={"map_index": large_int, "state": read_state},
    patterns={"dag_id": TI + "dag_id", "task_id": TI + "task_id"},
    times={"created_at": "created_at"},
)


def newest(rows: QuerySet[HITLDetail]) -> QuerySet[HITLDetail]:
    """Leave of each task instance the question of its last try that asked."""
    later = HITLDetail.objects.filter(task_instance=OuterRef("task_instance"), try_number__gt=OuterRef("try_number"))
    return rows.filter(~Exists(later))


class HITLDetailsView(ApiView):
    """GET .../dagRuns/{dag_run_id}/hitlDetails: what is, or was, asked; ``~`` for any DAG or run."""

    def get(self, request: Request, dag_id: str, run_id: str) -> Response:
        rows = newest(HITLDetail.objects.filter(task_instance__in=in_path(request, dag_id, run_id)))
        received = flag(request.GET, "response_received")
        if received is not None:
            rows = rows.filter(responded_at__isnull=not received)
        for name in ("subject", "body"):
            if text := request.GET.get(f"{name}_search"):
                rows = rows.filter(**{f"{name}__ilike": f"%{text[:1000]}%"})
        page, total = LISTING.page(rows, request.GET)
        details = list(page)
        # In one query, and then in the order of the page.
        instances = shaped(TaskInstance.objects.filter(pk__in=[each.task_instance_id for each in details]))
        by_id = {each["id"]: each for each in instances}
        found = [
            {"task_instance": by_id[opaque_id(each.task_instance_id)], **shapes.hitl_detail(each)} for each in details
        ]
        return Response({"hitl_details": found, "total_entries": total})


PATCH = {
    "chosen_options": Part(listing(limited_text(10_000), 1000), required=True, nullable=False),
    "params_input": Part(mapping, default={}, nullable=False),
}


class HITLDetailView(ApiView):
    """GET and PATCH .../taskInstances/{task_id}/{map_index}/hitlDetails: read and answer a question."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str, map_index: int) -> Response:
        detail = _detail(instance_for(request.user, dag_id, run_id, task_id, map_index))
        instance = shaped(TaskInstance.objects.filter(pk=detail.task_instance_id))[0]
        return Response({"task_instance": instance, **shapes.hitl_detail(detail)})

    def patch(self, request: Request, dag_id: str, run_id: str, task_id: str, map_index: int) -> Response:
        instance = instance_for(request.user, dag_id, run_id, task_id, map_index)
        must(request.user, "answer", instance)
        detail = _detail(instance)
        values = read_body(request, PATCH)
        if not values["chosen_options"]:
            message = "List should have at least 1 item after validation, not 0"
            raise Invalid(problem("body", "chosen_options", message, [], "too_short"))
        found = answering.answer(
            detail.pk, options=values["chosen_options"], params=values["params_input"], user=request.user
        )
        return Response(shapes.hitl_response(found))


class HITLDetailTryView(ApiView):
    """GET .../hitlDetails/tries/{try_number}: what one try asked."""

    def get(
        self, request: Request, dag_id: str, run_id: str, task_id: str, map_index: int, try_number: int
    ) -> Response:
        instance = instance_for(request.user, dag_id, run_id, task_id, map_index)
        detail = _detail(instance, try_number)
        history = next((each for each in tries_of(instance) if each["try_number"] == try_number), None)
        return Response({"task_instance": history, **shapes.hitl_detail(detail)})


def _detail(instance: TaskInstance, try_number: int | None = None) -> HITLDetail:
    rows = instance.hitl_details.order_by("-try_number")
    detail = (rows if try_number is None else rows.filter(try_number=try_number)).first()
    if detail is None:
        raise Http404(f"Human-in-the-loop detail does not exist for Task Instance with id {opaque_id(instance.pk)}")
    return detail
