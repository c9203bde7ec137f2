"""Task instances: list, read, change, and their tries and XComs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, JsonResponse
from rest_framework.request import Request
from rest_framework.response import Response

from dags_app.versions import load_spec, reruns_with_latest
from orchestrator import access
from orchestrator.api import bulk, bulk_runs, cursors, shapes
from orchestrator.api.base import ApiView, null
from orchestrator.api.body import (
    Part,
    boolean,
    large_number,
    limited_text,
    listing,
    masked,
    maybe,
    number,
    one_of,
    read_body,
    reads,
    text,
    time,
    whole_number,
)
from orchestrator.api.bulk_runs import TASK_PATCH as PATCH
from orchestrator.api.bulk_runs import mark_one
from orchestrator.api.errors import BadRequest, Invalid, problem
from orchestrator.api.instances import LISTING, STATES, in_path, shaped
from orchestrator.api.query import ENDS, as_query
from orchestrator.api.query import map_index as map_index_of
from orchestrator.api.scope import dag_for, instance_for, must, run_for
from orchestrator.core.graph import tasks_inside
from orchestrator.core.states import FAILED_STATES, TaskState
from runs_app import actions, choice, deleting
from runs_app.exceptions import InvalidState
from runs_app.models import Attempt, DagRun, TaskInstance


@reads(
    {
        "anyOf": [
            {"type": "string"},
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "minItems": 2, "maxItems": 2},
        ]
    }
)
def task_choice(name: str, value: Any) -> str | tuple[str, int]:
    """Read one of ``task_ids``: an id, or [id, map index]."""
    if isinstance(value, list) and len(value) == 2:
        return text(name, value[0]), large_number(name, value[1])
    return text(name, value)


class TaskInstancesView(ApiView):
    """GET and PATCH /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances."""

    def get(self, request: Request, dag_id: str, run_id: str) -> Response:
        rows = in_path(request, dag_id, run_id)
        if group_id := request.GET.get("task_group_id"):
            rows = rows.filter(task_id__in=self._in_group(request, dag_id, run_id, group_id))
        page, told = cursors.page(LISTING, rows, request.GET)
        return Response({"task_instances": shaped(page), **told})

    def _in_group(self, request: Request, dag_id: str, run_id: str, group_id: str) -> list[str]:
        """The tasks of a group in the version of the run, or of all runs in that of now."""
        if dag_id == "~":
            raise BadRequest(
                "task_group_id needs a dag_id in the path: groups of different Dags have nothing in common"
            )
        dag = dag_for(request.user, dag_id)
        version = dag.version_id if run_id == "~" else run_for(request.user, dag_id, run_id).version_id
        task_ids = tasks_inside(load_spec(version), group_id) if version is not None else None
        if not task_ids:
            raise Http404(f"Task group {group_id} not found")
        return list(task_ids)

    def patch(self, request: Request, dag_id: str, run_id: str) -> Response:
        """Change or delete many; ``~`` where each of them names its DAG and its run."""
        if dag_id != "~":
            dag = dag_for(request.user, dag_id)
            must(request.user, "mark", run_for(request.user, dag_id, run_id) if run_id != "~" else dag)
        acts = bulk.read(request, bulk_runs.TASK)
        return Response(bulk.answer(acts, bulk_runs.on_tasks(request.user, dag_id, run_id)))


BATCH = {
    "task_ids": Part(listing(text, 1000)),
    "dag_ids": Part(listing(text, 1000)),
    "dag_run_ids": Part(listing(text, 1000)),
    "state": Part(listing(maybe(one_of(*STATES)), 100)),
    "pool": Part(listing(text, 100)),
    "queue": Part(listing(text, 100)),
    "executor": Part(listing(text, 100)),
    "order_by": Part(text),
    "page_offset": Part(whole_number, default=0, nullable=False),
    "page_limit": Part(whole_number, default=100, nullable=False),
    **{f"{name}_{end}": Part(time) for name in ("run_after", "logical_date", "start_date", "end_date") for end in ENDS},
    **{f"duration_{end}": Part(number) for end in ENDS},
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
        return listed(shaped(page), total)


def listed(rows: list[dict[str, Any]], total: int | None = None) -> Response:
    """Answer with task instances that are no page by cursor."""
    return Response(
        {"task_instances": rows, "total_entries": len(rows) if total is None else total, **cursors.BY_OFFSET}
    )


class MarkView(ApiView):
    """PATCH .../taskInstances/{task_id}, and .../{map_index} for one of a mapped task."""

    dry_run = False

    def patch(self, request: Request, dag_id: str, run_id: str, task_id: str, map_index: int | None = None) -> Response:
        """Set the state or the note; without a map index, of all the task's instances."""
        if map_index is None and "map_index" in request.GET:
            map_index = map_index_of(request.GET)
        run = run_for(request.user, dag_id, run_id)
        named = TaskInstance.objects.filter(run=run, task_id=task_id).order_by("map_index")
        if map_index is not None:
            named = named.filter(map_index=map_index)
        if not named.exists():
            instance_for(request.user, dag_id, run_id, task_id, -1 if map_index is None else map_index)
        must(request.user, "mark", run)
        values = masked(request, read_body(request, PATCH, partial=True))
        if self.dry_run:
            return would_change(mark_one(request.user, run, task_id, values, map_index=map_index, dry_run=True))
        if values.get("new_state"):
            mark_one(request.user, run, task_id, values, map_index=map_index)
        if "note" in values:
            actions.set_task_note([row.pk for row in named], values["note"], user=request.user)
        return listed(shaped(named))


class TaskInstanceView(MarkView):
    """GET and PATCH .../taskInstances/{task_id}/{map_index}."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Response:
        found = instance_for(request.user, dag_id, run_id, task_id, map_index)
        return Response(shaped(TaskInstance.objects.filter(pk=found.pk))[0])


class WholeTaskView(TaskInstanceView):
    """GET, PATCH and DELETE .../taskInstances/{task_id}; DELETE takes the map index from the query string."""

    def delete(self, request: Request, dag_id: str, run_id: str, task_id: str) -> JsonResponse:
        instance = instance_for(request.user, dag_id, run_id, task_id, map_index_of(request.GET))
        must(request.user, "delete", instance.run)
        deleting.delete_instance(instance.pk, user=request.user)
        return null()


class DryRunView(MarkView):
    """PATCH .../taskInstances/{task_id}/dry_run, and .../{map_index}/dry_run: what a state would change."""

    dry_run = True


def would_change(pks: list[int]) -> Response:
    return listed(shaped(TaskInstance.objects.filter(pk__in=pks).order_by("pk")))


class TaskGroupView(ApiView):
    """PATCH .../taskGroupInstances/{group_id}: set the state or the note of all task instances of a task group."""

    dry_run = False

    def patch(self, request: Request, dag_id: str, run_id: str, group_id: str) -> Response:
        run = run_for(request.user, dag_id, run_id)
        must(request.user, "mark", run)
        task_ids = tasks_inside(load_spec(run.version_id), group_id)
        if not task_ids:
            raise Http404(f"Task group '{group_id}' not found in Dag '{dag_id}'")
        values = masked(request, read_body(request, PATCH, partial=True))
        runs = access.runs_around(
            request.user, run, past=bool(values.get("include_past")), future=bool(values.get("include_future"))
        )
        around = {name: bool(values.get(f"include_{name}")) for name in ("upstream", "downstream")}
        if self.dry_run:
            state = values.get("new_state")
            return would_change(actions.would_mark(run, runs, task_ids, state, **around) if state else [])
        changed = list(TaskInstance.objects.filter(run=run, task_id__in=task_ids).values_list("pk", flat=True))
        if "note" in values:
            actions.set_task_note(changed, values["note"], user=request.user)
        if state := values.get("new_state"):
            changed = actions.mark(run, runs, task_ids, state, user=request.user, **around)
            if not changed:
                raise InvalidState(f"All task instances of group {group_id} are already in {state} state")
        return listed(shaped(TaskInstance.objects.filter(pk__in=changed).order_by("pk")))


class TaskGroupDryRunView(TaskGroupView):
    """PATCH .../taskGroupInstances/{group_id}/dry_run: what a state would change."""

    dry_run = True


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
            map_index = map_index_of(request.GET)
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
    "task_group_id": Part(text),
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
    """POST /api/v2/dags/{dag_id}/clearTaskInstances; unless ``dry_run`` is false it only says what it would clear."""

    def post(self, request: Request, dag_id: str) -> Response:
        dag = dag_for(request.user, dag_id)
        must(request.user, "clear", dag)
        values = read_body(request, CLEAR)
        _check_choice(values, request.data)
        run, runs = self._runs(request, dag_id, values)
        latest = reruns_with_latest(dag, values["run_on_latest_version"])
        version = run.version_id if run is not None and not latest else dag.version_id
        named = values["task_ids"]
        if values["task_group_id"] is not None:
            named = tasks_inside(load_spec(version), values["task_group_id"])
            if not named:
                raise Http404(f"Task group '{values['task_group_id']}' not found in Dag '{dag_id}'")
        found = choice.to_clear(
            run,
            load_spec(version),
            named,
            upstream=values["include_upstream"],
            downstream=values["include_downstream"],
        )
        rows = list(self._in_state(found.of(runs), values))
        if not values["dry_run"]:
            self._clear(request, rows, latest, values)
        cleared = shaped(TaskInstance.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk"))
        return listed(cleared)

    def _clear(self, request: Request, rows: list[TaskInstance], latest: bool, values: dict[str, Any]) -> None:
        running = next((row for row in rows if row.state == TaskState.RUNNING), None)
        if values["prevent_running_task"] and running is not None:
            raise InvalidState(
                f"Task {running.task_id} is running: end it first, or clear it with prevent_running_task false"
            )
        for run_pk in dict.fromkeys(row.run_id for row in rows):
            chosen = [row for row in rows if row.run_id == run_pk]
            actions.clear(run_pk, chosen=chosen, reopen=values["reset_dag_runs"], latest=latest, user=request.user)
        if values["note"] is not None:
            actions.set_task_note([row.pk for row in rows], values["note"], user=request.user)

    def _runs(self, request: Request, dag_id: str, values: dict[str, Any]) -> tuple[DagRun | None, list[DagRun]]:
        """The run that was named, and all that it is about."""
        past, future = values["include_past"], values["include_future"]
        if values["dag_run_id"] is not None:
            run = run_for(request.user, dag_id, values["dag_run_id"])
            if (past or future) and run.logical_date is None:
                raise BadRequest("Cannot use include_past or include_future with a run that has no logical date")
            return run, access.runs_around(request.user, run, past=past, future=future)
        if past or future:
            message = "dag_run_id is required when include_past or include_future is enabled"
            raise Invalid(problem("body", "dag_run_id", message))
        rows = access.visible_runs(request.user).filter(dag_id=dag_id)
        start, end = values["start_date"], values["end_date"]
        rows = rows.filter(logical_date__gte=start) if start else rows
        rows = rows.filter(logical_date__lte=end) if end else rows
        return None, list(rows.order_by("pk"))

    def _in_state(self, rows: QuerySet[TaskInstance], values: dict[str, Any]) -> QuerySet[TaskInstance]:
        wanted = set(FAILED_STATES) if values["only_failed"] else set()
        if values["only_running"]:
            wanted.add(TaskState.RUNNING)
        return rows.filter(state__in=wanted) if wanted else rows


def _check_choice(values: dict[str, Any], sent: Mapping[str, Any]) -> None:
    """What Airflow says of the body as a whole; ``sent`` is it without defaults.

    Raises:
        Invalid: parts of it contradict each other.
    """
    start, end, run_id = values["start_date"], values["end_date"], values["dag_run_id"]
    message = None
    if sent.get("only_failed") and sent.get("only_running"):
        message = "only_failed and only_running both are set to True"
    elif start and end and end < start:
        message = "end_date is sooner than start_date"
    elif run_id is not None and (start or end):
        message = f"Exactly one of dag_run_id or {'start_date' if start else 'end_date'} must be provided"
    elif values["task_ids"] is not None and not values["task_ids"]:
        message = "task_ids list should have at least 1 element."
    elif values["task_ids"] is not None and values["task_group_id"] is not None:
        message = "Exactly one of task_ids or task_group_id must be provided"
    if message is not None:
        raise Invalid({"type": "value_error", "loc": ["body"], "msg": f"Value error, {message}", "input": None})


class MappedView(ApiView):
    """GET .../taskInstances/{task_id}/listMapped."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str) -> Response:
        rows = in_path(request, dag_id, run_id).filter(task_id=task_id, map_index__gte=0)
        page, total = LISTING.page(rows, request.GET)
        if not total:
            self._check_mapped(in_path(request, dag_id, run_id).filter(task_id=task_id), task_id)
        return listed(shaped(page), total)

    def _check_mapped(self, rows: QuerySet[Any], task_id: str) -> None:
        """Refuse where nothing was found because nothing can be; a filter may also have left nothing."""
        one = rows.values("run__version_id", "version_id").first()
        if one is None:
            raise Http404(f"Task id {task_id} not found")
        task = load_spec(one["version_id"] or one["run__version_id"]).tasks.get(task_id)
        if task is not None and not task.is_mapped and not rows.filter(map_index__gte=0).exists():
            raise Http404(f"Task id {task_id} is not mapped")
