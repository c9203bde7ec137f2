"""Taking back what somebody did: all of it in one transaction, or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from dags_app.models import Connection, Dag, Pool, Variable
from orchestrator import wake
from runs_app import actions, advance, notify, registry
from runs_app.exceptions import CannotUndo
from runs_app.locking import retrying
from runs_app.models import Callback, DagRun, StateEvent, TaskInstance, Undo
from runs_app.view import run_row

from . import columns, run_back
from .keeping import look_at, nothing_kept, open_to

THINGS: dict[str, Any] = {"variable": Variable, "connection": Connection, "pool": Pool}


@dataclass(frozen=True, slots=True)
class Act:
    """Who takes back, when, and the runs of all that is taken back."""

    user: Any
    now: datetime
    runs: frozenset[int]

    @property
    def actor(self) -> str:
        return f"user:{actions.actor_of(self.user)}"


def newest(user: Any) -> Undo | None:
    """The last thing that somebody did and may take back."""
    found: Undo | None = open_to(user).order_by("-pk").first()
    return found


def take_back(undo_pk: int, *, user: Any) -> Undo:
    """Put back what was there before; return what was taken back.

    Raises:
        CannotUndo: something has come of it since, or it was taken back already; nothing was changed.
    """
    with nothing_kept():
        undo, ready, switched = _take_back(undo_pk, user=user)
        advance.tell(ready)
        for dag_id in switched:
            advance.tell(advance.start_queued(dag_id, timezone.now()))
    if switched:
        wake.control()
    return undo


@retrying()
def _take_back(undo_pk: int, *, user: Any) -> tuple[Undo, Counter[str], list[str]]:
    ready: Counter[str] = Counter()
    with transaction.atomic():
        # Whoever asks twice finds the row gone the second time.
        undo = open_to(user).select_for_update().filter(pk=undo_pk).first()
        if undo is None:
            raise CannotUndo("It was undone already, or it is too late: what can be undone is kept for two minutes")
        undo.delete()
        _lock(undo.parts)
        runs = frozenset(each["run"] for each in undo.parts if each["kind"] in ("run", "made"))
        act = Act(user, timezone.now(), runs)
        for part in reversed(undo.parts):
            ready += BACK[part["kind"]](part, act)
    switched = [each["dag_id"] for each in undo.parts if each["kind"] == "switch" and not each["before"]["is_paused"]]
    return undo, ready, switched


def _lock(parts: list[Mapping[str, Any]]) -> None:
    """Take the locks in the order of everybody: DAGs, then runs, then their task instances."""
    dag_ids = {each["dag_id"] for each in parts if "dag_id" in each}
    list(Dag.objects.select_for_update(no_key=True).filter(pk__in=dag_ids).order_by("pk").values_list("pk"))
    for run_pk in sorted({each["run"] for each in parts if "run" in each}):
        run_row(run_pk, lock=True, wait=True)


def _run(part: Mapping[str, Any], act: Act) -> Counter[str]:
    ready = run_back.put_back(part, actor=act.actor, now=act.now)
    if part["event"] != "patch_dag":  # that one has its own entry
        run = DagRun.objects.get(pk=part["run"])
        actions.audit(act.user, "undo", run=run, undone=part["event"], task_ids=part["tasks"])
    return ready


def _made(part: Mapping[str, Any], act: Act) -> Counter[str]:
    """Delete a run that was triggered, if nothing of it has begun."""
    run = DagRun.objects.filter(pk=part["run"]).first()
    if run is None:
        raise CannotUndo(f"Run {part['run_id']} is gone already")
    rows = list(TaskInstance.objects.select_for_update(no_key=True).filter(run=run).order_by("pk"))
    begun = next((row for row in rows if row.token), None)
    if begun is not None:
        raise CannotUndo(f"{begun.task_name} of {run.run_id} has begun")
    if StateEvent.objects.filter(run=run, actor__startswith="user:").exists():
        raise CannotUndo(f"Run {run.run_id} was changed since")
    waiting = Callback.objects.filter(run=run, claimed_at__isnull=True, done_at__isnull=True, process__isnull=True)
    waiting.delete()
    if Callback.objects.filter(run=run).exists():
        raise CannotUndo(f"A callback of {run.run_id} was called")
    actions.remove_run(run, user=act.user, undone="trigger_dag_run")
    return Counter()


def _switch(part: Mapping[str, Any], act: Act) -> Counter[str]:
    """Pause a DAG again, or switch it on again, with the next run that it had."""
    dag = Dag.objects.filter(pk=part["dag_id"]).first()
    if dag is None or columns.packed(dag, columns.DAG) != part["after"]:
        raise CannotUndo(f"{part['dag_id']} was changed since, or has made a run")
    if not part["after"]["is_paused"]:
        _nothing_started(part, act)
    before = columns.unpacked(Dag, part["before"])
    Dag.objects.filter(pk=dag.pk).update(**before)
    frozen = {"is_frozen": True} if before["is_frozen"] else {}
    actions.audit(act.user, "patch_dag", dag_id=dag.pk, is_paused=before["is_paused"], undone="patch_dag", **frozen)
    notify.dag_changed(dag.pk)
    return Counter()


def _nothing_started(part: Mapping[str, Any], act: Act) -> None:
    """No run was made, and none started but those that can be put back."""
    runs = DagRun.objects.filter(dag_id=part["dag_id"]).exclude(pk__in=act.runs)
    new = runs.filter(pk__gt=part["newest"]).first()
    new = new or runs.filter(started_at__gte=datetime.fromisoformat(part["at"])).first()
    if new is not None:
        raise CannotUndo(f"Run {new.run_id} has started since: pause the DAG, and end the run if it must not go on")


def _thing(part: Mapping[str, Any], act: Act) -> Counter[str]:
    model, key = THINGS[part["model"]], part["key"]
    list(model.objects.select_for_update().filter(pk=key))
    if look_at(model, key) != part["after"]:
        raise CannotUndo(f"{part['model'].capitalize()} {key} was changed since")
    before = None if part["before"] is None else columns.unpacked(model, part["before"])
    registry.put_back(model, key, before, user=act.user)
    return Counter()


def _note(part: Mapping[str, Any], act: Act) -> Counter[str]:
    pk = part["instance"]
    rows: Any = DagRun.objects.filter(pk=part["run"]) if pk is None else TaskInstance.objects.filter(pk=pk)
    if not rows.filter(note=part["after"]).update(note=part["before"], updated_at=act.now):
        raise CannotUndo("The note was changed since")
    run = DagRun.objects.get(pk=part["run"])
    actions.audit(act.user, "undo", run=run, undone="note", note=part["before"])
    notify.run_changed(run.pk, run.dag_id)
    return Counter()


BACK: dict[str, Callable[[Mapping[str, Any], Act], Counter[str]]] = {
    "run": _run,
    "made": _made,
    "switch": _switch,
    "thing": _thing,
    "note": _note,
}
