"""What a clear or a mark finds in one run: the run, the task instances it touches, and all that depends on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Max
from django.utils import timezone

from dags_app.models import Dag
from dags_app.versions import load_spec
from orchestrator.core.deadlines import alerts_of
from orchestrator.core.graph import descendants
from orchestrator.core.group_retries import with_retries
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import HELD_BY_AN_ATTEMPT, RunState
from runs_app.models import Callback, DagRun, Deadline, GroupRetry, StateEvent, TaskInstance
from runs_app.view import run_row

from . import columns
from .columns import Json
from .keeping import MOST_ROWS, Kept, current

MOST_WAITING = 50
"""Queued runs that are looked at when a DAG is switched on: no more are started at once."""


@dataclass
class RunPart:
    """One run as it was, and the tokens that its task instances had when the action was done."""

    run: DagRun
    verb: str
    event: str  # as the audit log calls the action
    at: datetime
    before: Json
    was_paused: bool
    deadlines: list[Json]
    groups: list[Json]
    last_callback: int
    rows: dict[int, Json] = field(default_factory=dict)
    tasks: set[str] = field(default_factory=set)
    after: dict[int, int] = field(default_factory=dict)
    groups_after: list[Json] = field(default_factory=list)
    last_event: int = 0
    done: bool = False
    kind = "run"

    def to_json(self) -> Json | None:
        if not self.done:  # it was refused
            return None
        return {
            "kind": self.kind,
            "run": self.run.pk,
            "dag_id": self.run.dag_id,
            "event": self.event,
            "at": self.at.isoformat(),
            "before": self.before,
            "version": self.run.version_id,
            "tasks": sorted(self.tasks),
            "rows": [[pk, self.after[pk], self.rows[pk]] for pk in sorted(self.rows)],
            "deadlines": self.deadlines,
            "groups": self.groups,
            "groups_after": self.groups_after,
            "last_callback": self.last_callback,
            "last_event": self.last_event,
        }


@contextmanager
def of_run(
    run: DagRun, rows: Iterable[TaskInstance] | None, *, verb: str, event: str, latest: bool = False
) -> Iterator[None]:
    """Note what an action on a run's task instances (None: on the whole run) finds, within its transaction."""
    kept = current()
    if kept is None or any(each.run_pk == run.pk for each in kept.of("made")):
        yield
        return
    if latest and Dag.objects.values_list("version_id", flat=True).get(pk=run.dag_id) != run.version_id:
        kept.spoil("the run moved to another version")
        yield
        return
    part = _begin(kept, run, rows, verb, event)
    yield
    if part is not None:
        _end(kept, part)


def waiting_runs(kept: Kept, dag: Dag, now: datetime) -> None:
    """Note the runs that start as soon as their DAG is switched on, whose lock the caller holds."""
    if not dag.is_paused:
        return
    queued = DagRun.objects.filter(dag=dag, state=RunState.QUEUED, run_after__lte=now).order_by("run_after", "pk")
    for run in queued[:MOST_WAITING]:
        with of_run(run, None, verb="pause", event="patch_dag"):
            pass


def _begin(kept: Kept, run: DagRun, rows: Iterable[TaskInstance] | None, verb: str, event: str) -> RunPart | None:
    run_row(run.pk, lock=True, wait=True)
    spec = load_spec(run.version_id)
    part = next((each for each in kept.of("run") if each.run.pk == run.pk), None)
    if part is None:
        part = _first_look(kept, run, spec, verb, event)
        if part is None:
            return None
    kept.needs(verb, run.dag_id)
    names = spec.tasks.keys() if rows is None else {row.task_id for row in rows}
    return part if _look_at_rows(kept, part, names | descendants(spec, names)) else None


def _first_look(kept: Kept, run: DagRun, spec: DagSpec, verb: str, event: str) -> RunPart | None:
    if any(each.is_own for each in alerts_of(spec).values()):
        kept.spoil("a deadline of the author's own is asked for anew")
        return None
    fresh = DagRun.objects.get(pk=run.pk)
    part = RunPart(
        run=fresh,
        verb=verb,
        event=event,
        at=timezone.now(),
        before=columns.packed(fresh, columns.RUN),
        was_paused=Dag.objects.values_list("is_paused", flat=True).get(pk=run.dag_id),
        deadlines=deadlines_of(run.pk),
        groups=groups_of(run.pk, spec),
        last_callback=Callback.objects.filter(run=run).aggregate(last=Max("pk"))["last"] or 0,
    )
    kept.parts.append(part)
    return part


def _look_at_rows(kept: Kept, part: RunPart, names: Collection[str]) -> bool:
    """Note task instances under their locks: what a slot claims between our look and the act would be lost else."""
    looked_at = set(part.tasks)
    part.tasks |= set(names)
    found = TaskInstance.objects.select_for_update(no_key=True).filter(run=part.run).order_by("pk")
    locked = list(found[: MOST_ROWS + 1])
    for row in [each for each in locked if each.task_id in names]:
        if row.pk in part.rows:
            if part.after.get(row.pk, row.token) != row.token:
                kept.spoil(f"{row.task_id} changed meanwhile")
            continue
        if row.task_id in looked_at:
            kept.spoil("a mapped task was expanded between two actions")
        part.rows[row.pk] = columns.packed(row, columns.INSTANCE)
        part.after[row.pk] = row.token
    if len(locked) > MOST_ROWS:
        kept.spoil("more than can be put back at once")
    return not kept.spoiled


def _end(kept: Kept, part: RunPart) -> None:
    """Note how the run looks when the action is done; some actions are past taking back at once."""
    seen = dict(TaskInstance.objects.filter(run=part.run).values_list("pk", "token"))
    if any(row["state"] in HELD_BY_AN_ATTEMPT and seen[pk] != part.after[pk] for pk, row in part.rows.items()):
        kept.spoil("what ran was stopped")
        return
    if Dag.objects.values_list("is_paused", flat=True).get(pk=part.run.dag_id) != part.was_paused:
        kept.spoil("the DAG was paused because of it")
        return
    part.after = {pk: seen[pk] for pk in part.rows}
    part.groups_after = groups_of(part.run.pk, load_spec(part.run.version_id))
    part.last_event = StateEvent.objects.aggregate(last=Max("pk"))["last"] or 0
    part.done = True


def deadlines_of(run_pk: int) -> list[Json]:
    rows = Deadline.objects.filter(run_id=run_pk).order_by("pk")
    return [columns.packed(row, columns.DEADLINE) for row in rows]


def groups_of(run_pk: int, spec: DagSpec) -> list[Json]:
    """How often the run's groups were run again; no query where none has retries."""
    if not with_retries(spec):
        return []
    rows: Any = GroupRetry.objects.filter(run_id=run_pk).order_by("group_id", "map_index")
    return [columns.packed(row, columns.GROUP_RETRY) for row in rows]
