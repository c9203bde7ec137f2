"""The only module that writes the ``state`` of task instances and runs.

Every change is a compare-and-set on the old state (and the token, where an attempt is concerned), is
checked against the table of legal moves, and writes its event in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from orchestrator.core.states import FINISHED, RUN_FINISHED, RUN_MOVES, RunState, TaskState, is_legal, may_return

from .exceptions import IllegalMove
from .locking import PARAMETERS, batches, change, fetch, placeholders, send, write
from .models import DagRun, StateEvent, TaskInstance

TI = TaskInstance._meta.db_table
RUN = DagRun._meta.db_table
EVENT = StateEvent._meta.db_table


@dataclass(frozen=True, slots=True)
class Step:
    """One move of one task instance row."""

    pk: int
    old: TaskState
    new: TaskState
    reason: str


def move_many(
    run_pk: int,
    steps: Collection[Step],
    *,
    actor: str,
    at: datetime,
    changed: bool = False,
    by_user: bool = False,
) -> set[int]:
    """Make many moves of one run; return the rows that were still in the old state and moved.

    ``changed`` leaves the mark that the run has yet to be advanced because of them.
    """
    _inside_transaction()
    groups: dict[tuple[TaskState, TaskState, str], list[int]] = {}
    for step in steps:
        if not is_legal(step.old, step.new, by_user=by_user):
            raise IllegalMove(f"task instance {step.pk}: {step.old} -> {step.new}")
        groups.setdefault((step.old, step.new, step.reason), []).append(step.pk)
    moved: set[int] = set()
    for (old, new, reason), pks in groups.items():
        assignments, values = _effects(old, new, at, changed)
        for batch in batches(pks):
            rows = change(
                f"UPDATE {TI} SET state = %s, {assignments} WHERE state = %s AND id IN ({placeholders(batch)})",
                [new, *values, old, *batch],
                EVENT_COLUMNS,
                _event(old, new, actor, reason, at),
            )
            moved.update(pk for pk, *_ in rows)
            if old == TaskState.DEFERRED:
                drop_triggers([pk for pk, *_ in rows])
    return moved


EVENT_COLUMNS = ("id", "run_id", "generation", "token")
"""What an event takes from the rows that changed."""


def _event(old: str, new: str, actor: str, reason: str, at: datetime) -> tuple[str, list[Any]]:
    """The statement that records a change, for :func:`change`."""
    return (
        f"INSERT INTO {EVENT} (run_id, task_instance_id, generation, old, new, token, actor, reason, at) "
        "SELECT run_id, id, generation, %s, %s, token, %s, %s, %s FROM changed",
        [old, new, actor, reason, at],
    )


def _effects(old: TaskState, new: TaskState, at: datetime, changed: bool) -> tuple[str, list[Any]]:
    """What a move changes besides the state."""
    sets = ["updated_at = %s", "changed = %s", "not_before = NULL"]
    values: list[Any] = [at, changed]
    if new in FINISHED:
        sets.append("ended_at = %s")
        values.append(at)
        if new == TaskState.SUCCESS:  # decided in the engine: it began and ended at once
            sets += [
                "started_at = COALESCE(started_at, %s)",
                "try_number = try_number + 1",
            ]
            values.append(at)
    else:
        sets.append("ended_at = NULL")
    if new == TaskState.SCHEDULED:
        sets.append("scheduled_at = %s")
        values.append(at)
        if old in BEGINS_A_TRY:
            sets.append("try_number = try_number + 1")
    return ", ".join(sets), values


BEGINS_A_TRY = frozenset({TaskState.NONE, TaskState.UP_FOR_RETRY})
"""From these on a new try is counted, as in Airflow when it is scheduled; from elsewhere the same one goes on."""


def start(
    choice: str, values: Sequence[Any], *, process_pk: int, hostname: str, pid: int, at: datetime
) -> dict[str, Any] | None:
    """Move the one row that the subquery ``choice`` picks from scheduled to running: a new token, a new attempt.

    Returns its columns, or None where the subquery found nothing.
    """
    _inside_transaction()
    attempt = (
        "INSERT INTO runs_app_attempt (task_instance_id, token, try_number, generation, process_id, version_id, hostname, "
        "pid, started_at, reason) SELECT id, token, try_number, generation, %s, version_id, %s, %s, %s, '' FROM changed",
        [process_pk, hostname, pid, at],
    )
    rows = change(
        f"UPDATE {TI} SET state = 'running', token = token + 1, hostname = %s, pid = %s, started_at = %s, ended_at = NULL, "
        "updated_at = %s, first_started_at = COALESCE(first_started_at, %s) "
        f"WHERE id = ({choice}) AND state = 'scheduled'",
        [hostname, pid, at, at, at, *values],
        (*STARTED, f"(SELECT d.max_active_tasks FROM dags_app_dag d WHERE d.dag_id = {TI}.dag_id) AS max_active_tasks"),
        attempt,
        _event("scheduled", "running", "worker", f"claimed by {hostname}:{pid}", at),
    )
    return dict(zip((*STARTED, "max_active_tasks"), rows[0], strict=True)) if rows else None


def give_back(row: Mapping[str, Any]) -> None:
    """Undo :func:`start` in its own transaction: a limit turned out to be reached."""
    _inside_transaction()
    own = [row["id"], row["token"]]
    send("DELETE FROM runs_app_attempt WHERE task_instance_id = %s AND token = %s", own)
    send(f"DELETE FROM {EVENT} WHERE task_instance_id = %s AND token = %s AND new = 'running'", own)
    send(
        f"UPDATE {TI} SET state = 'scheduled', started_at = NULL, "
        f"first_started_at = CASE WHEN %s THEN NULL ELSE first_started_at END WHERE id = %s",
        [row["try_started"], row["id"]],
    )


STARTED = (
    *("id", "run_id", "dag_id", "task_id", "map_index", "token", "generation", "try_number", "max_tries", "losses"),
    *("version_id", "queue", "pool", "priority_weight", "next_method", "next_kwargs", "reschedule_count"),
    *("first_started_at", "started_at", "limited", "pool_slots"),
)


def mark(pk: int) -> None:
    """Leave the mark that the run has yet to be advanced because of this task instance."""
    _inside_transaction()
    send(f"UPDATE {TI} SET changed = %s WHERE id = %s", [True, pk])


def end(
    row: Mapping[str, Any],
    new: TaskState,
    *,
    actor: str,
    reason: str,
    at: datetime,
    fields: Mapping[str, Any],
    also: Sequence[tuple[str, Sequence[Any]]] = (),
) -> bool:
    """Take a running task instance out of ``running``; False if this attempt no longer holds it.

    ``row`` is what :func:`start` returned; ``also`` are statements as :func:`runs_app.locking.change` takes them.
    A result under an old token changes nothing.
    """
    _inside_transaction()
    if not is_legal(TaskState.RUNNING, new):
        raise IllegalMove(f"task instance {row['id']}: running -> {new}")
    sets = {"state": new, "updated_at": at, "changed": False, "ended_at": at if new in FINISHED else None, **fields}
    if new == TaskState.SCHEDULED:
        sets["scheduled_at"] = at
    names = ", ".join(f"{name} = %s" for name in sets)
    rows = change(
        f"UPDATE {TI} SET {names} WHERE id = %s AND state = 'running' AND token = %s",
        [*sets.values(), row["id"], row["token"]],
        EVENT_COLUMNS,
        _event("running", new, actor, reason, at),
        *also,
    )
    return bool(rows)


def undefer(
    instance_pk: int,
    token: int,
    new: TaskState,
    *,
    actor: str,
    reason: str,
    at: datetime,
    changed: bool = False,
    fields: Mapping[str, Any] | None = None,
    old: TaskState = TaskState.DEFERRED,
) -> bool:
    """Take a task instance out of ``deferred``, its trigger with it; False if it no longer waits under this token.

    ``old``: the state in which it waits, where that is another.

    So an event that comes late, or a second time, changes nothing.
    """
    _inside_transaction()
    if not is_legal(old, new):
        raise IllegalMove(f"task instance {instance_pk}: {old} -> {new}")
    sets = {"state": new, "updated_at": at, "changed": changed, "not_before": None, **(fields or {})}
    sets["ended_at"] = at if new in FINISHED else None
    if new == TaskState.SCHEDULED:
        sets["scheduled_at"] = at
    names = ", ".join(f"{name} = %s" for name in sets)
    rows = fetch(
        f"UPDATE {TI} SET {names} WHERE id = %s AND state = %s AND token = %s RETURNING run_id, generation",
        [*sets.values(), instance_pk, old, token],
    )
    if not rows:
        return False
    run_pk, generation = rows[0]
    if old == TaskState.DEFERRED:
        drop_triggers([instance_pk])
    record([(run_pk, instance_pk, generation, old, new, token, actor, reason, at)])
    return True


def drop_triggers(instance_pks: Sequence[int]) -> None:
    """Delete the triggers of task instances that wait for nothing any more; who runs one notices and cancels it."""
    for batch in batches(instance_pks):
        write(f"DELETE FROM runs_app_trigger WHERE task_instance_id IN ({placeholders(batch)})", batch)


def reset(
    rows: Iterable[TaskInstance],
    *,
    actor: str,
    reason: str,
    at: datetime,
    max_tries: Mapping[int, int],
    version_pk: int | None,
) -> None:
    """Open task instances again for a person who cleared them: a new generation, state none."""
    _inside_transaction()
    events = []
    for row in _held(rows):
        sets: dict[str, Any] = {
            "state": TaskState.NONE,
            "generation": row.generation + 1,
            "token": row.token + 1,  # whatever still runs under the old one is a stranger from here on
            "losses": 0,
            "max_tries": max_tries[row.pk],
            "changed": False,
            "updated_at": at,
            **dict.fromkeys(_CLEARED, None),
            "reschedule_count": 0,
        }
        if version_pk is not None:
            sets["version_id"] = version_pk
        TaskInstance.objects.filter(pk=row.pk).update(**sets)
        events.append(
            (row.run_id, row.pk, row.generation + 1, row.state, TaskState.NONE, row.token + 1, actor, reason, at)
        )
    cleared = [event[1] for event in events]
    drop_triggers(cleared)
    _close_attempts(cleared, reason, at)
    record(events)


_CLEARED = (
    *("not_before", "started_at", "ended_at", "scheduled_at", "first_started_at", "next_method", "next_kwargs"),
    *("skip_note", "pid", "rendered_map_index"),
)


def set_by_user(
    rows: Iterable[TaskInstance], new: TaskState, *, actor: str, reason: str, at: datetime, changed: bool = True
) -> list[int]:
    """Set task instances to a finished state because a person, or the run's timeout, says so.

    Returns the rows that changed; what ran under them is a stranger from here on.
    """
    _inside_transaction()
    events, moved = [], []
    for row in _held(rows):
        if row.state == new or not is_legal(TaskState(row.state), new, by_user=True):
            continue
        ended_at = row.ended_at if row.state in FINISHED else at
        TaskInstance.objects.filter(pk=row.pk).update(
            state=new, token=row.token + 1, ended_at=ended_at, changed=changed, not_before=None, updated_at=at
        )
        events.append((row.run_id, row.pk, row.generation, row.state, new, row.token + 1, actor, reason, at))
        moved.append(row.pk)
    drop_triggers(moved)
    _close_attempts(moved, reason, at)
    record(events)
    return moved


def put_back(pk: int, token: int, before: Mapping[str, Any], *, actor: str, reason: str, at: datetime) -> bool:
    """Put a task instance back to what it was before somebody's action; False where its token is another by now.

    ``before`` has all columns that an action may change. The token rises once more: it never goes back.
    """
    _inside_transaction()
    row = TaskInstance.objects.filter(pk=pk, token=token).first()
    if row is None:
        return False
    old, new = TaskState(row.state), TaskState(before["state"])
    if not may_return(old, new):
        raise IllegalMove(f"task instance {pk}: back from {old} to {new}")
    sets = {**before, "token": token + 1, "changed": False, "updated_at": at}
    if not TaskInstance.objects.filter(pk=pk, token=token, state=old).update(**sets):
        return False
    record([(row.run_id, pk, before["generation"], old, new, token + 1, actor, reason, at)])
    return True


def put_run_back(run_pk: int, before: Mapping[str, Any], *, actor: str, reason: str, at: datetime) -> None:
    """Put a run, whose lock the caller holds, back to what it was before somebody's action."""
    _inside_transaction()
    old = DagRun.objects.values_list("state", flat=True).get(pk=run_pk)
    DagRun.objects.filter(pk=run_pk).update(**before, updated_at=at)
    if old != before["state"]:
        record([(run_pk, None, before["generation"], old, before["state"], 0, actor, reason, at)])


def _held(rows: Iterable[TaskInstance]) -> Iterator[TaskInstance]:
    """Read rows again under their locks: a claim needs no lock on the run, so what was read before may be old."""
    for batch in batches(sorted(row.pk for row in rows)):
        yield from TaskInstance.objects.select_for_update(no_key=True).filter(pk__in=batch).order_by("pk")


def _close_attempts(instance_pks: Sequence[int], reason: str, at: datetime) -> None:
    """End the open attempts of task instances that were taken from them; else the next claim could not open its own.

    Their processes have yet to hear of it: until then they count as being stopped (:mod:`runs_app.stopping`).
    """
    for batch in batches(instance_pks, PARAMETERS - 4):
        write(
            "UPDATE runs_app_attempt SET ended_at = %s, outcome = 'stopped', stopping = %s, reason = %s "
            f"WHERE outcome IS NULL AND task_instance_id IN ({placeholders(batch)})",
            [at, True, reason, *batch],
        )


def move_run(
    run_pk: int,
    new: RunState,
    *,
    actor: str,
    reason: str,
    at: datetime,
    reopen: bool = False,
    timeout_at: datetime | None = None,
    known: Mapping[str, Any] | None = None,
) -> bool:
    """Move a run; False if it was no longer in a state that may go there.

    ``known`` is its row, where the caller has read it under its lock. ``reopen`` is a person's wish: it also leaves finished states. A run opened again starts a new generation.
    """
    _inside_transaction()
    allowed = [old for old in RunState if new in RUN_MOVES[old] or (reopen and old != new)]
    if known is not None:
        found = [(known["state"], known["generation"])]
    else:
        found = fetch(f"SELECT state, generation FROM {RUN} WHERE id = %s", [run_pk])
    if not found or found[0][0] not in allowed:
        return False
    old_state, generation = found[0]
    sets: dict[str, Any] = {"state": new, "updated_at": at, "ended_at": at if new in RUN_FINISHED else None}
    if new == RunState.RUNNING:
        sets |= {"started_at": at, "timeout_at": timeout_at}
    elif new == RunState.QUEUED:
        sets |= {"started_at": None, "queued_at": at, "timeout_at": None}
    else:
        sets["timeout_at"] = None
    sets["cancelled_at"] = at if new == RunState.CANCELLED else None
    if old_state in RUN_FINISHED and new not in RUN_FINISHED:
        generation += 1
    sets["generation"] = generation
    names = ", ".join(f"{name} = %s" for name in sets)
    event = (
        f"INSERT INTO {EVENT} (run_id, task_instance_id, generation, old, new, token, actor, reason, at) "
        "SELECT id, NULL, generation, %s, %s, 0, %s, %s, %s FROM changed"
    )
    update = f"UPDATE {RUN} SET {names} WHERE id = %s AND state = %s"
    values = [*sets.values(), run_pk, old_state]
    return bool(change(update, values, ["id", "generation"], (event, [old_state, new, actor, reason, at])))


def ask_to_cancel(run_pk: int, at: datetime | None) -> None:
    """Say that a run under way is to end cancelled, once its teardowns are done; ``None`` takes that back."""
    _inside_transaction()
    DagRun.objects.filter(pk=run_pk, state=RunState.RUNNING).update(cancelled_at=at)


def record(events: Sequence[tuple[Any, ...]]) -> None:
    """Write event rows: (run, task instance, generation, old, new, token, actor, reason, at) each."""
    for batch in batches(events, 90):
        marks = ", ".join(["(%s, %s, %s, %s, %s, %s, %s, %s, %s)"] * len(batch))
        send(
            f"INSERT INTO {EVENT} (run_id, task_instance_id, generation, old, new, token, actor, reason, at) VALUES {marks}",
            [value for event in batch for value in event],
        )


def _inside_transaction() -> None:
    if not connection.in_atomic_block:
        raise IllegalMove("a state was to be written outside a transaction")
