"""Task instances: list, read, change, and their tries and XComs."""

from __future__ import annotations

import json
from typing import Any

from django.http import Http404, QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator import access
from orchestrator.api import shapes
from orchestrator.api.base import ApiView
from orchestrator.api.body import (
    Part,
    any_json,
    boolean,
    limited_text,
    listing,
    masked,
    one_of,
    read_body,
    text,
    time,
    whole_number,
)
from orchestrator.api.errors import BadRequest, Invalid, problem
from orchestrator.api.instances import LISTING, in_path, shaped
from orchestrator.api.query import ENDS, Listing, as_query, flag, order_of, small_int, whole
from orchestrator.api.scope import dag_for, instance_for, must, run_for, runs_around, task_display
from orchestrator.core.states import TaskState
from runs_app import actions
from runs_app.exceptions import InvalidState
from runs_app.models import Attempt, DagRun, TaskInstance, XCom


def task_choice(name: str, value: Any) -> tuple[str, int | None]:
    """Read one of ``task_ids``: an id, or [id, map index]."""
    if isinstance(value, list) and len(value) == 2:
        return text(name, value[0]), whole_number(name, value[1])
    return text(name, value), None


class TaskInstancesView(ApiView):
    """GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances."""

    def get(self, request: Request, dag_id: str, run_id: str) -> Response:
        page, total = LISTING.page(in_path(request, dag_id, run_id), request.GET)
        return Response({"task_instances": shaped(page), "total_entries": total})


PATCH = {
    "new_state": Part(one_of("success", "failed", "skipped")),
    "note": Part(limited_text(1000, least=0)),
    **dict.fromkeys(
        ("include_upstream", "include_downstream", "include_future", "include_past"),
        Part(boolean, default=False, nullable=False),
    ),
}
BATCH = {
    "task_ids": Part(listing(text, 1000)),
    "dag_ids": Part(listing(text, 1000)),
    "dag_run_ids": Part(listing(text, 1000)),
    "state": Part(listing(any_json, 100)),
    "pool": Part(listing(text, 100)),
    "queue": Part(listing(text, 100)),
    "executor": Part(listing(text, 100)),
    "order_by": Part(text),
    "page_offset": Part(whole_number, default=0, nullable=False),
    "page_limit": Part(whole_number, default=100, nullable=False),
    **{f"{name}_{end}": Part(time) for name in ("run_after", "logical_date", "start_date", "end_date") for end in ENDS},
    **{f"duration_{end}": Part(any_json) for end in ENDS},
}


class TaskInstancesListView(ApiView):
    """POST .../taskInstances/list: the list of GET with its filters in the body."""

    def post(self, request: Request, dag_id: str, run_id: str) -> Response:
        values = read_body(request, BATCH)
        rows = in_path(request, dag_id, run_id)
        for name, path in (("dag_ids", "dag_id"), ("dag_run_ids", "run__run_id"), ("task_ids", "task_id")):
            if values[name]:
                rows = rows.filter(**{f"{path}__in": values[name]})
        page, total = LISTING.page(rows, as_query(values))
        return Response({"task_instances": shaped(page), "total_entries": total})


class TaskInstanceView(ApiView):
    """GET and PATCH .../taskInstances/{task_id}, and .../{map_index} for one of a mapped task."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Response:
        found = instance_for(request.user, dag_id, run_id, task_id, map_index)
        return Response(shaped(TaskInstance.objects.filter(pk=found.pk))[0])

    def patch(self, request: Request, dag_id: str, run_id: str, task_id: str, map_index: int | None = None) -> Response:
        """Set the state or the note; without a map index, of all the task's instances."""
        if map_index is None and request.GET.get("map_index"):
            map_index = whole(request.GET, "map_index", -1, least=-1)
        run = run_for(request.user, dag_id, run_id)
        named = TaskInstance.objects.filter(run=run, task_id=task_id)
        if not (named if map_index is None else named.filter(map_index=map_index)).exists():
            instance_for(request.user, dag_id, run_id, task_id, -1 if map_index is None else map_index)
        must(request.user, "mark", run)
        values = masked(request, read_body(request, PATCH, partial=True))
        reach = {name: bool(values.get(f"include_{name}")) for name in ("upstream", "downstream", "past", "future")}
        rows: list[TaskInstance] = []
        for each in runs_around(request.user, run, past=reach["past"], future=reach["future"]):
            rows += actions.affected(
                each,
                task_ids=[task_id],
                map_index=map_index,
                upstream=reach["upstream"],
                downstream=reach["downstream"],
            )
        if state := values.get("new_state"):
            if all(row.state == state for row in rows):
                raise InvalidState(f"Task id {task_id} is already in {state} state")
            actions.set_task_state([row.pk for row in rows], state, user=request.user)
        if "note" in values:
            actions.set_task_note([row.pk for row in rows], values["note"], user=request.user)
        changed = shaped(TaskInstance.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk"))
        return Response({"task_instances": changed, "total_entries": len(changed)})


class TriesView(ApiView):
    """GET .../tries, and .../tries/{try_number}: the tries of one task instance, the current one last."""

    def get(
        self,
        request: Request,
        dag_id: str,
        run_id: str,
        task_id: str,
        map_index: int | None = None,
        try_number: int | None = None,
    ) -> Response:
        if map_index is None:
            map_index = whole(request.GET, "map_index", -1, least=-1)
        tries = tries_of(instance_for(request.user, dag_id, run_id, task_id, map_index))
        if try_number is None:
            return Response({"task_instances": tries, "total_entries": len(tries)})
        for each in tries:
            if each["try_number"] == try_number:
                return Response(each)
        raise Http404(
            f"The Task Instance with dag_id: `{dag_id}`, run_id: `{run_id}`, task_id: `{task_id}`, try_number: "
            f"`{try_number}` and map_index: `{map_index}` was not found"
        )


def tries_of(instance: TaskInstance) -> list[dict[str, Any]]:
    """Return the tries of a task instance, the current one last."""
    now = shaped(TaskInstance.objects.filter(pk=instance.pk))[0]
    by_try: dict[int, list[Any]] = {}
    for row in Attempt.objects.filter(task_instance=instance).order_by("token").values(*shapes.ATTEMPT_FIELDS):
        by_try.setdefault(row["try_number"], []).append(row)
    tries = [shapes.past_try(now, rows, number == instance.try_number) for number, rows in sorted(by_try.items())]
    if not tries and instance.started_at is not None:
        # Decided in the engine, with no attempt at all.
        row = {"try_number": instance.try_number, "hostname": "", "pid": None, "outcome": None}
        times = {"started_at": instance.started_at, "ended_at": instance.ended_at}
        tries = [shapes.past_try(now, [{**row, **times}], True)]
    return tries


CLEAR = {
    "dry_run": Part(boolean, default=True, nullable=False),
    "start_date": Part(time),
    "end_date": Part(time),
    "only_failed": Part(boolean, default=True, nullable=False),
    "only_running": Part(boolean, default=False, nullable=False),
    "reset_dag_runs": Part(boolean, default=True, nullable=False),
    "task_ids": Part(listing(task_choice)),
    "dag_run_id": Part(text),
    **dict.fromkeys(
        ("include_upstream", "include_downstream", "include_future", "include_past"),
        Part(boolean, default=False, nullable=False),
    ),
    "run_on_latest_version": Part(boolean),
    "prevent_running_task": Part(boolean, default=False, nullable=False),
    "note": Part(limited_text(1000, least=0)),
}


class ClearView(ApiView):
    """POST /api/v2/dags/{dag_id}/clearTaskInstances; unless ``dry_run`` is false it only says what it would clear.

    A run whose task instances are cleared is opened again whatever ``reset_dag_runs`` says: one that is
    finished cannot run them.
    """

    def post(self, request: Request, dag_id: str) -> Response:
        dag = dag_for(request.user, dag_id)
        must(request.user, "clear", dag)
        values = read_body(request, CLEAR)
        if values["run_on_latest_version"]:
            raise BadRequest("A cleared run goes on with the version it is pinned to")
        runs = self._runs(request, dag_id, values)
        found = [(run, self._rows(run, values)) for run in runs]
        pks = [row.pk for _, rows in found for row in rows]
        if not values["dry_run"]:
            running = [row for _, rows in found for row in rows if row.state == TaskState.RUNNING]
            if values["prevent_running_task"] and running:
                raise InvalidState(f"Task instance {running[0].task_id} of run {running[0].run.run_id} is running")
            for run, rows in found:
                actions.clear(run.pk, chosen=rows, user=request.user)
            if values["note"] is not None:
                actions.set_task_note(pks, values["note"], user=request.user)
        cleared = shaped(TaskInstance.objects.filter(pk__in=pks).order_by("pk"))
        return Response({"task_instances": cleared, "total_entries": len(cleared)})

    def _runs(self, request: Request, dag_id: str, values: dict[str, Any]) -> list[DagRun]:
        past, future = values["include_past"], values["include_future"]
        if values["dag_run_id"] is not None:
            run = run_for(request.user, dag_id, values["dag_run_id"])
            return runs_around(request.user, run, past=past, future=future)
        if past or future:
            message = "dag_run_id is required when include_past or include_future is enabled"
            raise Invalid(problem("body", "dag_run_id", message))
        rows = access.visible_runs(request.user).filter(dag_id=dag_id)
        start, end = values["start_date"], values["end_date"]
        if start and end and end < start:
            raise Invalid(problem("body", "end_date", "end_date must not be before start_date"))
        rows = rows.filter(logical_date__gte=start) if start else rows
        rows = rows.filter(logical_date__lte=end) if end else rows
        return list(rows.order_by("pk"))

    def _rows(self, run: DagRun, values: dict[str, Any]) -> list[TaskInstance]:
        choices = values["task_ids"]
        rows: dict[int, TaskInstance] = {}
        # Tasks named with an index are asked for index by index; None = the whole task.
        indexes = [None] if choices is None else list(dict.fromkeys(index for _, index in choices))
        for index in indexes:
            ids = None if choices is None else [task_id for task_id, each in choices if each == index]
            for row in actions.affected(
                run,
                task_ids=ids,
                map_index=index,
                upstream=values["include_upstream"],
                downstream=values["include_downstream"],
                only_failed=values["only_failed"],
            ):
                rows[row.pk] = row
        wanted = [row for row in rows.values() if not values["only_running"] or row.state == TaskState.RUNNING]
        return sorted(wanted, key=lambda row: row.pk)


class MappedView(ApiView):
    """GET .../taskInstances/{task_id}/listMapped."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str) -> Response:
        rows = in_path(request, dag_id, run_id).filter(task_id=task_id, map_index__gte=0)
        page, total = LISTING.page(rows, request.GET)
        if not total and not in_path(request, dag_id, run_id).filter(task_id=task_id).exists():
            raise Http404(f"Task id {task_id} not found in run {run_id} of dag {dag_id}")
        return Response({"task_instances": shaped(page), "total_entries": total})


XCOMS = Listing(
    order=order_of(
        "key",
        "timestamp",
        "map_index",
        "task_id",
        "dag_id",
        logical_date="run__logical_date",
        run_after="run__run_after",
    ),
    default_order=("task_instance__run", "task_id", "map_index", "key"),
    exact={"xcom_key": "key", "map_index_filter": "map_index"},
    convert={"map_index_filter": small_int},
    patterns={"xcom_key": "key", "run_id": "run__run_id", "task_id": "task_id", "dag_display_name": "dag_id"},
    times={"logical_date": "run__logical_date", "run_after": "run__run_after"},
)


class XComsView(ApiView):
    """GET .../taskInstances/{task_id}/xcomEntries; never with values."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str) -> Response:
        instances = in_path(request, dag_id, run_id)
        if task_id != "~":
            instances = instances.filter(task_id=task_id)
        rows = XCom.objects.filter(task_instance__in=instances)
        if request.GET.get("map_index") not in (None, ""):
            rows = rows.filter(map_index=whole(request.GET, "map_index", -1, least=-1))
        page, total = XCOMS.page(rows, request.GET)
        entries = [
            shapes.xcom(row, task_display(row["run__version_id"], row["task_id"]))
            for row in page.values(*shapes.XCOM_FIELDS)
        ]
        return Response({"xcom_entries": entries, "total_entries": total})


class XComView(ApiView):
    """GET .../xcomEntries/{xcom_key}: one value, as JSON or (``stringify``) as text."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str, key: str) -> Response:
        run_for(request.user, dag_id, run_id)
        map_index = whole(request.GET, "map_index", -1, least=-1)
        rows = XCom.objects.filter(
            run__dag_id=dag_id, run__run_id=run_id, task_id=task_id, map_index=map_index, key=key
        )
        row = rows.values(*shapes.XCOM_FIELDS, "value").first()
        if row is None:
            raise Http404(f"XCom entry with key: `{key}` not found")
        return Response(
            {**shapes.xcom(row, task_display(row["run__version_id"], task_id)), "value": _value(row, request.GET)}
        )


def _value(row: dict[str, Any], query: QueryDict) -> Any:
    value = row["value"]
    if flag(query, "stringify"):
        return value if isinstance(value, str) else json.dumps(value)
    return value
