"""Dag runs: list, read, trigger, change, clear, delete."""

from __future__ import annotations

from typing import Any

from django.db.models import DurationField, ExpressionWrapper, F, Q, QuerySet
from django.http import Http404, QueryDict
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from dags_app.models import Dag
from dags_app.versions import reruns_with_latest
from orchestrator import access
from orchestrator.api import bulk, bulk_runs, cursors, results, triggering
from orchestrator.api.base import ApiView
from orchestrator.api.body import (
    Part,
    boolean,
    limited_text,
    listing,
    mapping,
    masked,
    maybe,
    number,
    one_of,
    read_body,
    text,
    time,
    whole_number,
)
from orchestrator.api.errors import Invalid, problem
from orchestrator.api.instances import shaped, shaped_new, shaped_runs
from orchestrator.api.query import ENDS, Listing, as_query, order_of, small_int
from orchestrator.api.scope import dag_for, dag_to_run, must, run_for, see_dag
from orchestrator.core.states import RunState, RunType, from_airflow
from runs_app import actions, cancel, new_tasks
from runs_app.exceptions import DagRunAlreadyExists, InvalidState
from runs_app.models import DagRun, TaskInstance


def _one_of(kind: Any) -> Any:
    def read(value: str) -> str:
        if value not in set(kind):
            raise ValueError(f"Input should be {', '.join(repr(str(each)) for each in kind)}")
        return value

    return read


def read_state(value: str) -> tuple[str, ...]:
    """Read a state filter in Airflow's words; ours, ``cancelled``, may be asked for by itself."""
    return from_airflow(_one_of(RunState)(value))


TOOK = ExpressionWrapper(F("ended_at") - F("started_at"), output_field=DurationField())
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
        duration="took",
        partition_date="partition_date",
        id="pk",
        dag_run_id="run_id",
        start_date="started_at",
        end_date="ended_at",
    ),
    default_order=("pk",),
    exact={
        "run_type": "run_type",
        "state": "state",
        "dag_version": "version__version_number",
        "bundle_version": "version__bundle_version",
    },
    convert={"state": read_state, "run_type": _one_of(RunType), "dag_version": small_int},
    patterns={
        "run_id": "run_id",
        "triggering_user_name": "triggering_user_name",
        "dag_id": "dag__dag_id",
        "partition_key": "partition_key",
    },
    times={**TIMES, "partition_date": "partition_date"},
    numbers={"duration": "took"},
    took=TOOK,
)
TRIGGER = {
    "dag_run_id": Part(limited_text(250, least=0)),  # empty: one is made; which others may not be, the action says
    "data_interval_start": Part(time),
    "data_interval_end": Part(time),
    "logical_date": Part(time, required=True),
    "run_after": Part(time),
    "conf": Part(mapping),
    "note": Part(limited_text(1000, least=0)),
    "partition_key": Part(limited_text(250, r"(?s).*\S.*")),
}
PATCH = {"state": Part(one_of("queued", "success", "failed")), "note": Part(limited_text(1000, least=0))}
CANCEL = {"reason": Part(limited_text(1000, least=0))}
CLEAR = {
    "dry_run": Part(boolean, default=True, nullable=False),
    "only_failed": Part(boolean, default=False, nullable=False),
    "only_new": Part(boolean, default=False, nullable=False),
    "run_on_latest_version": Part(boolean),
    "note": Part(limited_text(1000, least=0)),
}
RANGES = [f"{name}_{end}" for name in ("run_after", "logical_date", "start_date", "end_date") for end in ENDS]
BATCH = {
    "order_by": Part(text),
    "page_offset": Part(whole_number, default=0, nullable=False),
    "page_limit": Part(whole_number, default=100, nullable=False),
    "dag_ids": Part(listing(text, 1000)),
    "states": Part(listing(maybe(one_of(*RunState)), 100)),
    **dict.fromkeys(RANGES, Part(time)),
    **{f"duration_{end}": Part(number) for end in ENDS},
    "conf_contains": Part(text),
}


def narrow(rows: QuerySet[DagRun], query: QueryDict) -> QuerySet[DagRun]:
    """The filters of the list of runs that are no plain columns."""
    if asset := query.get("consuming_asset_pattern"):
        named = Q(asset_events__asset__name__icontains=asset) | Q(asset_events__asset__uri__icontains=asset)
        rows = rows.filter(pk__in=DagRun.objects.filter(named).values("pk"))
    if part := query.get("conf_contains"):
        rows = rows.filter(conf__icontains=part)
    return rows


class RunsView(ApiView):
    """GET, POST and PATCH /api/v2/dags/{dag_id}/dagRuns; ``~`` as dag_id lists every DAG's."""

    def get(self, request: Request, dag_id: str) -> Response:
        rows = access.visible_runs(request.user)
        if dag_id != "~":
            see_dag(request.user, dag_id)
            rows = rows.filter(dag_id=dag_id)
        page, told = cursors.page(LISTING, narrow(rows, request.GET), request.GET)
        return Response({"dag_runs": shaped_runs(page), **told})

    def post(self, request: Request, dag_id: str) -> Any:
        dag = dag_to_run(request.user, dag_id)
        must(request.user, "trigger", dag)
        values = run_values(read_body(request, TRIGGER))
        seconds = triggering.seconds_to_wait(request.GET)
        run, replayed = self._run(request, dag, values)
        if seconds is None:
            answer: Any = Response(one(run.pk) if replayed else shaped_new(run, dag))
        else:
            names = results.wanted(request.GET, run.version_id)
            answer = triggering.when_over(request, run.pk, seconds, shape=lambda pk: _with_results(request, pk, names))
        if replayed:
            answer["Idempotency-Replayed"] = "true"
        return answer

    def _run(self, request: Request, dag: Dag, values: dict[str, Any]) -> tuple[DagRun, bool]:
        """Make the run, or find the one that the same request made before."""
        dag_id = dag.dag_id
        key_id = triggering.run_id_of_key(request, dag_id, values)
        before = key_id and triggering.made_before(dag_id, key_id, values)
        if before:
            return before, True
        # Airflow's API lets a run begin at once, whatever its date; its interval only is the date's.
        asked = {**values, "run_id": key_id or values["run_id"], "run_after": values["run_after"] or timezone.now()}
        try:
            return actions.make_run(dag, dag_id, triggered_by="rest_api", user=request.user, **asked), False
        except OverflowError as error:
            message = "The schedule has no interval there: the calendar ends"
            raise Invalid(problem("body", "logical_date", message)) from error
        except DagRunAlreadyExists:
            # At the same moment, the same request may have been first.
            before = key_id and triggering.made_before(dag_id, key_id, values)
            if not before:
                raise
            return before, True

    def patch(self, request: Request, dag_id: str) -> Response:
        """Change or delete many; ``~`` where each of them names its DAG."""
        if dag_id != "~":
            must(request.user, "mark", dag_for(request.user, dag_id))
        acts = bulk.read(request, bulk_runs.RUN)
        return Response(bulk.answer(acts, bulk_runs.on_runs(request.user, dag_id)))


class RunsListView(ApiView):
    """POST /api/v2/dags/~/dagRuns/list: the list of GET with its filters in the body."""

    def post(self, request: Request, dag_id: str) -> Response:
        values = read_body(request, BATCH)
        if dag_id != "~":
            dag_for(request.user, dag_id)
        query = as_query(values)
        rows = access.visible_runs(request.user)
        if dag_id != "~" or values["dag_ids"]:
            rows = rows.filter(dag_id__in=[dag_id] if dag_id != "~" else values["dag_ids"])
        page, total = LISTING.page(narrow(rows, query), query)
        return Response({"dag_runs": shaped_runs(page), "total_entries": total, **cursors.BY_OFFSET})


class RunView(ApiView):
    """GET, PATCH and DELETE /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}."""

    def get(self, request: Request, dag_id: str, run_id: str) -> Response:
        return Response(one(run_for(request.user, dag_id, run_id).pk))

    def patch(self, request: Request, dag_id: str, run_id: str) -> Response:
        """Set the state (success, failed, queued) or the note."""
        run = run_for(request.user, dag_id, run_id)
        must(request.user, "mark", run)
        values = masked(request, read_body(request, PATCH, partial=True))
        if values.get("state"):
            actions.set_run_state(run.pk, values["state"], user=request.user)
        if "note" in values:
            actions.set_note(run.pk, values["note"] or "", user=request.user)
        return Response(one(run.pk))

    def delete(self, request: Request, dag_id: str, run_id: str) -> Response:
        run = run_for(request.user, dag_id, run_id)
        must(request.user, "delete", run)
        if run.state == RunState.RUNNING:
            raise InvalidState(
                f"The DagRun with dag_id: `{dag_id}` and run_id: `{run_id}` cannot be deleted in running state"
            )
        actions.delete_run(run.pk, user=request.user)
        return Response(status=204)


class CancelRunView(ApiView):
    """POST /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/cancel: stop the run; Airflow has no such endpoint.

    What runs is stopped, teardowns whose setup succeeded still run; the run reads ``failed`` in Airflow's enum.
    """

    def post(self, request: Request, dag_id: str, run_id: str) -> Response:
        run = run_for(request.user, dag_id, run_id)
        must(request.user, "mark", run)
        values = read_body(request, CANCEL, optional=True)
        cancel.cancel_run(run.pk, reason=values["reason"] or "", user=request.user)
        return Response(one(run.pk))


class ClearRunView(ApiView):
    """POST /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/clear; unless ``dry_run`` is false it only says what it would."""

    def post(self, request: Request, dag_id: str, run_id: str) -> Response:
        run = run_for(request.user, dag_id, run_id)
        must(request.user, "clear", run)
        values = read_body(request, CLEAR)
        found = clear(request.user, run, values)
        if values["dry_run"]:
            return Response({"task_instances": found, "total_entries": len(found)})
        return Response(one(run.pk))


def clear(user: Any, run: DagRun, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Clear a run as the body of a clear says; return what is (or would be) run again."""
    dry_run = values["dry_run"]
    if values["only_new"] and values["only_failed"]:
        raise Invalid(problem("body", "only_new", "only_new and only_failed are mutually exclusive"))
    if values["only_new"]:
        # What the DAG's latest version has on top; what the run has stays as it is.
        names = new_tasks.queue(run.pk, dry_run=dry_run, user=user)
        found = [{"task_id": name, "task_display_name": name} for name in names]
    else:
        latest = reruns_with_latest(run.dag, values["run_on_latest_version"])
        rows = actions.clear(run.pk, only_failed=values["only_failed"], latest=latest, dry_run=dry_run, user=user)
        wanted = TaskInstance.objects.filter(pk__in=[each.pk for each in rows]).order_by("pk")
        found = shaped(wanted) if dry_run else []
    if not dry_run and values["note"] is not None:
        actions.set_note(run.pk, values["note"], user=user)
    return found


def _with_results(request: Request, run_pk: int, task_ids: list[str]) -> dict[str, Any]:
    shown = one(run_pk)
    found = results.of_run(request.user, run_pk, task_ids) if shown["state"] in ("success", "failed") else {}
    return {**shown, **({"results": found} if found else {})}


def run_values(values: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a trigger as :func:`runs_app.actions.trigger_dag` takes it."""
    interval = (values["data_interval_start"], values["data_interval_end"])
    if any(interval) and not all(interval):
        message = "Either both data_interval_start and data_interval_end must be provided or both must be None"
        raise Invalid(problem("body", "data_interval_start", message))
    if values["dag_run_id"] == "~":
        raise Invalid(problem("body", "dag_run_id", "`~` stands for all runs and cannot be the id of one", "~"))
    found = {name: values[name] for name in ("conf", "logical_date", "run_after", "note", "partition_key")}
    if values["logical_date"] is None:
        interval = (None, None)  # as in Airflow: it is the interval of a date
    return {**found, "run_id": values["dag_run_id"] or None, "interval": interval if all(interval) else None}


def one(run_pk: int) -> dict[str, Any]:
    """Return one run as the API shows it."""
    found = shaped_runs(DagRun.objects.filter(pk=run_pk))
    if not found:
        raise Http404("The DagRun was deleted")
    return found[0]
