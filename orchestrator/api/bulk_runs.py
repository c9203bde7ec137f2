"""Bulk requests about runs and task instances: each is looked for among those that the caller may see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator import access
from orchestrator.core.states import TaskState
from runs_app import actions, deleting
from runs_app.exceptions import InvalidState
from runs_app.models import DagRun, TaskInstance

from .body import Part, boolean, large_number, limited_text, one_of, reads, text
from .bulk import Action, Outcome, Refused

NOTE = Part(limited_text(1000, least=0))
RUN = {
    "dag_run_id": Part(text, required=True, nullable=False),
    "dag_id": Part(text),
    "state": Part(one_of("queued", "success", "failed")),
    "note": NOTE,
}


@reads({"type": "string", "enum": ["success", "failed", "skipped"]})
def new_state(name: str, value: Any) -> str:
    """Read a state in whatever case, as Airflow does."""
    return one_of("success", "failed", "skipped")(name, value.lower() if isinstance(value, str) else value)


TASK_PATCH = {
    "new_state": Part(new_state, nullable=False),
    "note": NOTE,
    **dict.fromkeys(
        ("include_upstream", "include_downstream", "include_future", "include_past"),
        Part(boolean, default=False, nullable=False),
    ),
}
TASK = {
    **TASK_PATCH,
    "task_id": Part(text, required=True, nullable=False),
    "map_index": Part(large_number),
    "dag_id": Part(text),
    "dag_run_id": Part(text),
}


def on_runs(user: Any, dag_id: str) -> Callable[[Action, Outcome], None]:
    """Return what does an action on runs, below the DAG of the path (``~``: each entity names its own)."""

    def do(action: Action, outcome: Outcome) -> None:
        if action.kind == "create":
            outcome.refuse("Dag Runs bulk create is not supported. Use the trigger Dag Run endpoint instead.", 405)
            return
        chosen: dict[tuple[str, str], dict[str, Any]] = {}
        for each in action.entities:
            entity = {"dag_run_id": each} if isinstance(each, str) else each
            key = (entity.get("dag_id") or dag_id, entity["dag_run_id"])
            if "~" in key:
                outcome.refuse(f"dag_id has to be named for dag_run_id: {key[1]}, since the path says `~`", 400)
            else:
                chosen[key] = entity
        found = _runs(user, chosen)
        if action.on_clash == "fail" and (missing := sorted(chosen.keys() - found.keys())):
            outcome.refuse(f"The DagRuns with these identifiers: {missing} were not found", 404)
            return
        verb = "delete" if action.kind == "delete" else "mark"
        for key, run in found.items():
            values = action.masked(chosen[key])
            outcome.attempt(".".join(key), lambda run=run, values=values: _change_run(user, verb, run, values))

    return do


def _runs(user: Any, keys: Any) -> dict[tuple[str, str], DagRun]:
    rows = access.visible_runs(user).filter(
        dag_id__in={dag_id for dag_id, _ in keys}, run_id__in={run_id for _, run_id in keys}
    )
    found = {(row.dag_id, row.run_id): row for row in rows}
    return {key: found[key] for key in keys if key in found}


def _change_run(user: Any, verb: str, run: DagRun, values: dict[str, Any]) -> None:
    if not access.can(user, verb, run):
        raise Refused(f"User is not authorized to {verb} runs of Dag '{run.dag_id}'", 403)
    if verb == "delete":
        actions.delete_run(run.pk, user=user)
        return
    if values.get("state"):
        actions.set_run_state(run.pk, values["state"], user=user)
    if values.get("note") is not None:
        actions.set_note(run.pk, values["note"], user=user)


TaskKey = tuple[str, str, str, int | None]


def on_tasks(user: Any, dag_id: str, run_id: str) -> Callable[[Action, Outcome], None]:
    """Return what does an action on task instances, below the DAG and the run of the path."""

    def do(action: Action, outcome: Outcome) -> None:
        if action.kind == "create":
            outcome.refuse("Task instances bulk create is not supported", 405)
            return
        chosen: dict[TaskKey, dict[str, Any]] = {}
        for each in action.entities:
            entity = {"task_id": each} if isinstance(each, str) else each
            place = (entity.get("dag_id") or dag_id, entity.get("dag_run_id") or run_id)
            if "~" in place:
                message = f"dag_id and dag_run_id have to be named for task_id: {entity['task_id']}"
                outcome.refuse(f"{message}, since the path says `~`", 400)
            else:
                chosen[(*place, entity["task_id"], entity.get("map_index"))] = entity
        runs = _runs(user, {key[:2] for key in chosen})
        found = {key: _instances(runs, key) for key in chosen}
        if action.on_clash == "fail" and (missing := [key for key, rows in found.items() if not rows]):
            outcome.refuse(f"The task instances with these identifiers: {missing} were not found", 404)
            return
        for key, rows in found.items():
            run, values = runs.get(key[:2]), action.masked(chosen[key])
            for row in rows:
                name = f"{key[0]}.{key[1]}.{key[2]}[{row.map_index}]"
                outcome.attempt(
                    name,
                    lambda run=run, row=row, values=values: _change_task(user, action.kind, run, row, values),
                )

    return do


def _instances(runs: dict[tuple[str, str], DagRun], key: TaskKey) -> list[TaskInstance]:
    run = runs.get(key[:2])
    rows = TaskInstance.objects.filter(run=run, task_id=key[2]) if run is not None else TaskInstance.objects.none()
    return list(rows.order_by("map_index") if key[3] is None else rows.filter(map_index=key[3]))


def _change_task(user: Any, kind: str, run: DagRun, row: TaskInstance, values: dict[str, Any]) -> None:
    verb = "delete" if kind == "delete" else "mark"
    if not access.can(user, verb, run):
        raise Refused(f"User is not authorized to {kind} task instances for DAG '{run.dag_id}'", 403)
    if kind == "delete":
        deleting.delete_instance(row.pk, user=user)
        return
    if values.get("note") is not None:
        actions.set_task_note([row.pk], values["note"], user=user)
    if values.get("new_state"):
        mark_one(user, run, row.task_id, values, map_index=row.map_index)


def mark_one(
    user: Any, run: DagRun, task_id: str, values: dict[str, Any], *, map_index: int | None, dry_run: bool = False
) -> list[int]:
    """Mark a task (or one of its instances) with what was asked to be reached from it; return what changed.

    Raises:
        InvalidState: it has that state already.
    """
    reach = {name: bool(values.get(f"include_{name}")) for name in ("upstream", "downstream", "past", "future")}
    runs = access.runs_around(user, run, past=reach["past"], future=reach["future"])
    around = {"upstream": reach["upstream"], "downstream": reach["downstream"]}
    if not values.get("new_state"):
        return []
    state = TaskState(values["new_state"])
    if dry_run:
        return actions.would_mark(run, runs, [task_id], state, map_index=map_index, **around)
    changed = actions.mark(run, runs, [task_id], state, map_index=map_index, user=user, **around)
    if not changed:
        raise InvalidState(f"Task id {task_id} is already in {state} state")
    return changed
