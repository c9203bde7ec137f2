"""Working out what follows from what ended, and writing it.

Whoever completes a task instance takes its run's lock if it is free and advances the run in the same
transaction. Who finds it taken leaves the mark ``changed``, commits, and then waits for the lock unless
another has seen the mark by then: one pass of one of them covers all marks. So no wake-up is lost, the
holder need not look again, and a wide fan-in does not queue with its results unwritten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from dags_app.versions import load_spec
from orchestrator import wake
from orchestrator.core.deadlines import alerts_of
from orchestrator.core.decide import Decision, callback_reason, decide
from orchestrator.core.group_retries import with_retries
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import FINISHED, RunState, TaskState

from . import group_retries, notify, stopping
from .deadlines import met
from .expanding import expand
from .failing import pause_if_failing
from .limits import live_slots
from .locking import fetch, is_postgresql, retrying, write
from .models import Callback, DagRun, TaskInstance
from .reach import OPEN, Open, decide_alone, decide_near, matters
from .transitions import Step, move_many, move_run
from .view import Loaded, load, row_of, run_row
from .xcoms import write_xcom

FEW = 50
"""So many ends at once are advanced by what they touch; more by looking at the whole run."""


@dataclass(slots=True)
class Advanced:
    """What one pass did: how many rows became ready, by queue, and whether the run ended."""

    ready: Counter[str] = field(default_factory=Counter)
    ended: bool = False


def settle(run: Mapping[str, Any], changed: Collection[tuple[str, int, TaskState]], now: datetime) -> Advanced:
    """Advance a run whose lock the caller holds, because these task instances ended in these states.

    Looks only at what they can affect, so a wide fan-in costs the same for each of its branches.
    """
    spec = load_spec(run["version_id"])
    if run["state"] != RunState.RUNNING:
        return Advanced()
    found = Advanced()
    others = Open(run["id"])
    near = [each for each in changed if matters(others, spec, *each)]
    if near:
        decided = decide_near(run, spec, near, others, now)
        if decided is None:
            return settle_whole(run, now)
        _apply(run, spec, *decided, now, found)
    _wake_later(run, spec, (task_id for task_id, _, state in changed if state in FINISHED))
    if with_retries(spec) and group_retries.may_be_over(run["id"], spec, changed):
        whole = settle_whole(run, now)
        whole.ready += found.ready
        return whole
    goes_on = found.ready or (not near and others.tasks) or _unfinished(run["id"])
    if not goes_on:
        _finish(run, spec, now, found)
    notify.run_changed(run["id"], run["dag_id"])
    return found


def settle_due(run: Mapping[str, Any], task_id: str, map_index: int, now: datetime) -> Advanced:
    """Advance a run whose lock the caller holds, because the time of one instance has come, such as its next try."""
    spec = load_spec(run["version_id"])
    if run["state"] != RunState.RUNNING:
        return Advanced()
    decided = decide_alone(run, spec, task_id, map_index, now)
    if decided is None:
        return settle_whole(run, now)
    found = Advanced()
    _apply(run, spec, *decided, now, found)
    if not found.ready and not _unfinished(run["id"]):
        _finish(run, spec, now, found)
    notify.run_changed(run["id"], run["dag_id"])
    return found


def settle_whole(run: Mapping[str, Any], now: datetime, rows: Sequence[tuple[Any, ...]] | None = None) -> Advanced:
    """Advance a run whose lock the caller holds, looking at all of it.

    ``rows``: its instances, where this transaction has made it, so that nobody can have marked or changed one.
    """
    if rows is None:
        # First the marks, then the states: a mark set after we looked must stay, or its end is never seen.
        write("UPDATE runs_app_taskinstance SET changed = %s WHERE run_id = %s AND changed", [False, run["id"]])
    spec = load_spec(run["version_id"])
    found = Advanced()
    if run["state"] != RunState.RUNNING:
        return found
    decision = _decide_whole(run, spec, now, found, rows)
    if decision.run_state is not None:
        _end_run(run, spec, decision, now, found)
    elif not found.ready and not _unfinished(run["id"]):
        _finish(run, spec, now, found)
    notify.run_changed(run["id"], run["dag_id"])
    return found


@retrying()
def advance(run_pk: int, now: datetime, *, wait: bool = False) -> Advanced | None:
    """Take the run's lock and advance all of it; None where somebody else holds it and will look again."""
    with transaction.atomic():
        run = run_row(run_pk, lock=True, wait=wait)
        return None if run is None else settle_whole(run, now)


@retrying(attempts=20)
def stopped(run_pk: int, instance_pk: int, token: int, now: datetime) -> Counter[str]:
    """Note that an attempt which somebody ended has stopped, and start what waited for that; return what became ready."""
    with transaction.atomic():
        run = run_row(run_pk, lock=True, wait=True)
        if run is None or not stopping.over(instance_pk, token) or run["state"] != RunState.RUNNING:
            return Counter()
        if not any(task.is_teardown for task in load_spec(run["version_id"]).tasks.values()):
            return Counter()
        return settle_whole(run, now).ready


def advance_marked(run_pk: int, now: datetime) -> Counter[str]:
    """Advance a run until it has no marks; return what became ready, by queue.

    Waits for the lock's holder, who may have looked before the mark was there and will not look again.
    """
    ready: Counter[str] = Counter()
    while marked(run_pk):
        found = _advance_marks(run_pk, now)
        if found is None:  # the run was deleted
            break
        ready += found.ready
    return ready


@retrying()
def _advance_marks(run_pk: int, now: datetime) -> Advanced | None:
    with transaction.atomic():
        run = run_row(run_pk, lock=True, wait=True)
        if run is None:
            return None
        rows = fetch(
            "UPDATE runs_app_taskinstance SET changed = %s WHERE run_id = %s AND changed "
            "RETURNING task_id, map_index, state",
            [False, run_pk],
        )
        if not rows:  # another pass covered them while we waited
            return Advanced()
        changed = [(task_id, map_index, TaskState(state)) for task_id, map_index, state in rows]
        if len(changed) > FEW or any(state not in FINISHED for _, _, state in changed):
            return settle_whole(run, now)
        return settle(run, changed, now)


def marked(run_pk: int) -> bool:
    return bool(fetch("SELECT 1 FROM runs_app_taskinstance WHERE run_id = %s AND changed LIMIT 1", [run_pk]))


def start_queued(dag_id: str, now: datetime) -> Counter[str]:
    """Start the oldest queued runs of a DAG while it is not paused and max_active_runs leaves room."""
    ready: Counter[str] = Counter()
    for _ in range(FEW):
        started, more = _start_oldest(dag_id, now)
        ready += started.ready
        if not more:
            break
    return ready


@retrying()
def _start_oldest(dag_id: str, now: datetime) -> tuple[Advanced, bool]:
    with transaction.atomic():
        return start_oldest(dag_id, now)


def start_oldest(dag_id: str, now: datetime, made: DagRun | None = None) -> tuple[Advanced, bool]:
    """Start one run if one may start, in the caller's transaction; the second value says that another might.

    ``made`` is a run that this transaction has made: if it is its turn, nothing of it needs to be read again.

    Runs of backfills have limits of their own and begin after all others that may.
    """
    lock = " FOR NO KEY UPDATE" if is_postgresql() else ""
    # Counted under the DAG's lock, so that two starts at once never exceed the limit. It leaves inserts of runs alone.
    dags = fetch(
        f"SELECT is_paused, max_active_runs, has_held_tasks FROM dags_app_dag WHERE dag_id = %s{lock}", [dag_id]
    )
    if not dags or dags[0][0]:
        return Advanced(), False
    due = fetch(_ORDINARY, [dag_id, dag_id, now, dag_id, dags[0][1]])
    if due:
        return start_run(due[0][0], now, held=dags[0][2], made=made), len(due) > 1 or bool(due[0][1])
    due = fetch(_OF_BACKFILLS, [dag_id, now])
    return (start_run(due[0][0], now, held=dags[0][2]), len(due) > 1) if due else (Advanced(), False)


_ORDINARY = (
    "SELECT id, EXISTS (SELECT 1 FROM runs_app_backfill WHERE dag_id = %s AND completed_at IS NULL) FROM runs_app_dagrun "
    "WHERE dag_id = %s AND state = 'queued' AND run_after <= %s AND backfill_id IS NULL AND (SELECT count(*) "
    "FROM runs_app_dagrun WHERE dag_id = %s AND state = 'running' AND backfill_id IS NULL) < %s "
    "ORDER BY run_after, id LIMIT 2"
)
BACKFILL_GOES_ON = (
    "(NOT b.is_paused OR b.completed_at IS NOT NULL) AND (SELECT count(*) FROM runs_app_dagrun o "
    "WHERE o.backfill_id = b.id AND o.state = 'running') < b.max_active_runs"
)
"""Whether a run of backfill ``b`` may start. One of a backfill that is over was cleared by somebody since."""
_OF_BACKFILLS = (
    "SELECT r.id FROM runs_app_backfill b JOIN runs_app_dagrun r ON r.backfill_id = b.id AND r.state = 'queued' "
    "JOIN runs_app_backfilldagrun e ON e.backfill_id = b.id AND e.dag_run_id = r.id "
    f"WHERE b.dag_id = %s AND r.run_after <= %s AND {BACKFILL_GOES_ON} ORDER BY b.id, e.ordinal LIMIT 2"
)


def start_run(run_pk: int, now: datetime, *, held: bool = False, made: DagRun | None = None) -> Advanced:
    """Move one queued run to running and advance it, in the caller's transaction; ``held``: the DAG has held tasks."""
    new = made if made is not None and made.pk == run_pk else None
    run = row_of(new) if new is not None else run_row(run_pk, lock=True, wait=True)
    if run is None:
        return Advanced()
    spec = load_spec(run["version_id"])
    timeout = spec.dagrun_timeout
    timeout_at = now + timedelta(seconds=timeout) if timeout else None
    if not move_run(
        run_pk, RunState.RUNNING, actor="engine", reason="started", at=now, timeout_at=timeout_at, known=run
    ):
        return Advanced()
    if "running" in spec.listens:
        Callback.objects.create(run_id=run_pk, kind="running", reason="started")
    if held:
        write(_HOLD, [True, run_pk, run["dag_id"]])
    rows = new.fresh if new is not None and not held else None
    return settle_whole({**run, "state": RunState.RUNNING}, now, rows)


_HOLD = (
    "UPDATE runs_app_taskinstance SET held = %s WHERE run_id = %s AND task_id IN "
    "(SELECT task_id FROM runs_app_hold WHERE dag_id = %s AND run_id IS NULL)"
)


def _unfinished(run_pk: int) -> bool:
    return bool(fetch(f"SELECT 1 FROM runs_app_taskinstance WHERE run_id = %s AND {OPEN} LIMIT 1", [run_pk]))


def _apply(
    run: Mapping[str, Any], spec: DagSpec, loaded: Loaded, decision: Decision, now: datetime, found: Advanced
) -> None:
    """Write the expansions, then the moves, of one decision."""
    for expansion in decision.expansions:
        expand(run, spec, loaded, expansion, now)
    steps = []
    for move in decision.moves:
        pk = loaded.pks[move.task_id, move.map_index]
        steps.append(Step(pk, move.old, move.new, move.reason))
        if move.new == TaskState.SCHEDULED:
            found.ready[spec.tasks[move.task_id].queue] += 1
    move_many(run["id"], steps, actor="engine", at=now)
    _wake_later(run, spec, (move.task_id for move in decision.moves if move.new in FINISHED))
    for move in decision.moves:
        if move.new == TaskState.SUCCESS and spec.tasks[move.task_id].inline == "latest_only":
            _keep_latest_only(run, spec, loaded, decision, (move.task_id, move.map_index), now)


def _keep_latest_only(
    run: Mapping[str, Any], spec: DagSpec, loaded: Loaded, decision: Decision, key: tuple[str, int], now: datetime
) -> None:
    """What a latest-only task leaves: the note that all below is skipped, or as its result what it follows."""
    pk, (task_id, map_index) = loaded.pks[key], key
    if key in decision.notes:
        TaskInstance.objects.filter(pk=pk).update(skip_note=decision.notes[key])
        return
    place = {"id": pk, "run_id": run["id"], "dag_id": run["dag_id"], "task_id": task_id, "map_index": map_index}
    followed = list(spec.downstream[task_id])
    write_xcom(place, "return_value", followed, len(followed), now)


def _wake_later(run: Mapping[str, Any], spec: DagSpec, ended: Iterable[str]) -> None:
    """After the commit: advance the next run, where a task of it may have waited for one that ended here."""
    if run["logical_date"] is None or not (watched := _watched_by_later_runs(spec)):
        return
    if any(task_id in watched for task_id in ended):
        transaction.on_commit(partial(_advance_later, run["dag_id"], run["logical_date"]), robust=True)


def _watched_by_later_runs(spec: DagSpec) -> set[str]:
    """The tasks whose end the same DAG's next run may wait for; worked out once for each version."""
    known: set[str] | None = spec.__dict__.get("_watched_by_later_runs")
    if known is not None:
        return known
    found: set[str] = set()
    for task in spec.tasks.values():
        if task.depends_on_past or task.wait_for_downstream:
            found.add(task.task_id)
        if task.wait_for_downstream:
            found.update(spec.downstream[task.task_id])
    spec.__dict__["_watched_by_later_runs"] = found
    return found


def _advance_later(dag_id: str, logical_date: datetime) -> None:
    """A hint only: the sweep advances runs that wait for others, too."""
    later = DagRun.objects.filter(dag_id=dag_id, logical_date__gt=logical_date, state=RunState.RUNNING)
    run_pk = later.order_by("logical_date").values_list("pk", flat=True).first()
    if run_pk is None:
        return
    found = advance(run_pk, timezone.now(), wait=True)
    if found is not None:
        tell(found.ready)


def tell(ready: Counter[str]) -> None:
    """Invite slots to what became ready; more invitations than slots would only be answered in vain."""
    for queue, count in ready.items():
        if count > 0:
            wake.invite(queue, min(count, max(1, live_slots())))


def ended(dag_id: str, now: datetime) -> None:
    """After the commit: have the run started, or made, that waited for the place of one which ended here."""
    if _others_wait(dag_id, now):
        transaction.on_commit(wake.control)


def _others_wait(dag_id: str, now: datetime) -> bool:
    """Whether a run of the DAG waits for a place that one which just ended may have freed."""
    return bool(
        fetch(
            "SELECT 1 FROM runs_app_dagrun WHERE dag_id = %s AND state = 'queued' AND run_after <= %s "
            "UNION ALL SELECT 1 FROM dags_app_dag WHERE dag_id = %s AND next_run_after <= %s AND NOT is_paused "
            "UNION ALL SELECT 1 FROM runs_app_queuedevent WHERE dag_id = %s LIMIT 1",
            [dag_id, now, dag_id, now, dag_id],
        )
    )


def _finish(run: Mapping[str, Any], spec: DagSpec, now: datetime, found: Advanced) -> None:
    """Nothing is left to do: look at the whole run for its verdict."""
    decision = _decide_whole(run, spec, now, found)
    if decision.run_state is not None:
        _end_run(run, spec, decision, now, found)


def _decide_whole(
    run: Mapping[str, Any],
    spec: DagSpec,
    now: datetime,
    found: Advanced,
    rows: Sequence[tuple[Any, ...]] | None = None,
) -> Decision:
    """Decide on the whole run and apply it; again for as long as a failed group is opened to be run again."""
    while True:
        loaded = load(dict(run), spec, None, now, rows=rows)
        rows = None  # the next time they are others
        decision = decide(loaded.view)
        _apply(run, spec, loaded, decision, now, found)
        groups = loaded.view.groups
        if not (decision.retries or groups):
            return decision
        if not group_retries.carry_out(run, spec, loaded.pks, groups, decision.retries, now):
            return decision


def _end_run(run: Mapping[str, Any], spec: DagSpec, decision: Decision, now: datetime, found: Advanced) -> None:
    state, reason = decision.run_state, decision.run_reason
    assert state is not None
    if run["cancelled_at"] is not None:
        state, reason = RunState.CANCELLED, "cancelled, and its teardowns are done"
    if not move_run(run["id"], state, actor="engine", reason=reason, at=now, known=run):
        return
    found.ended = True
    if alerts_of(spec) and state == RunState.SUCCESS:
        met(run["id"], now)
    ended(run["dag_id"], now)
    if state == RunState.CANCELLED:
        return
    if state == RunState.FAILED:
        pause_if_failing(run["dag_id"], spec)
    kind = "success" if state == RunState.SUCCESS else "failure"
    if kind in spec.callbacks or kind in spec.listens:
        Callback.objects.create(run_id=run["id"], kind=kind, reason=callback_reason(state, reason))
