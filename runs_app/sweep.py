"""Recovery: what dead processes held goes back, lost invitations are sent again, forgotten marks are advanced.

Any process may make a pass; the shared row of :class:`ControlState` lets one through a time. Nothing here is
needed while all goes well.
"""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import DatabaseError, InterfaceError
from django.db.models import Exists, OuterRef

from orchestrator import wake
from orchestrator.core.states import TaskState

from . import advance, reach, stopping, store, transitions
from .callbacks import callback_done
from .finish import Outcome, finish
from .locking import close_broken, fetch, is_postgresql, moment, placeholders, retrying, write
from .models import Attempt, Callback, ControlState, Process, Trigger, WatchTrigger
from .processes import is_gone
from .undo.keeping import forget as forget_undos

log = logging.getLogger(__name__)

BATCH = 500
MARK_SECONDS = 2.0
"""A mark older than this was left by somebody who died before acting on it."""
INVITE_SECONDS = 0.5
"""Ready rows younger than this have their first invitation still under way."""
BLOCKED_EVERY = 5
"""Runs that wait for nothing of their own are looked at in every so many passes."""
FORGET_EVERY = 600
FORGET_AFTER = timedelta(days=1)
CALLBACK_TRIES = 3

_passes = itertools.count(1)
_saw_errors = False


@dataclass(slots=True)
class Swept:
    """What one pass did."""

    processes: int = 0  # found dead
    lost: int = 0  # attempts that were taken from them
    advanced: int = 0  # runs
    invited: int = 0  # invitations sent again
    ready: Counter[str] = field(default_factory=Counter)


def sweep(now: datetime) -> Swept | None:
    """Make a recovery pass; None where another process made one a moment ago."""
    global _saw_errors
    found = Swept()
    try:
        turn = take_turn(suspect=_saw_errors)
    except (DatabaseError, InterfaceError):
        _saw_errors = True
        raise
    if turn is None:
        return None
    _saw_errors = False
    number = next(_passes)
    for part in _parts(number):
        try:
            part(found, turn, now)
        except (DatabaseError, InterfaceError) as error:
            _saw_errors = True
            log.warning("sweep_interrupted part=%s error=%s", part.__name__, error)
            close_broken()
        except Exception:  # one row that cannot be mended must not keep the others from it
            log.exception("sweep_failed part=%s", part.__name__)
    advance.tell(found.ready)
    return found


def _parts(number: int) -> list[Callable[[Swept, Turn, datetime], None]]:
    parts = [_end_dead_processes, _requeue_lost, _end_stopped, _release, _advance_marked, _settle_stuck, _invite_again]
    if number % BLOCKED_EVERY == 0:
        parts.insert(6, _advance_blocked)
    if number % FORGET_EVERY == 0:
        parts += [_forget_processes, _clean_stores, _forget_sessions]
    return parts


# ---- whose turn it is


@dataclass(frozen=True, slots=True)
class Turn:
    """``now`` by the database's clock, and whether leases may be judged by it."""

    now: datetime
    may_expire: bool


@retrying(attempts=2)
def take_turn(*, suspect: bool = False) -> Turn | None:
    """Take the next pass, unless one was made within half the usual time.

    Leases do not expire for one lease's length after a gap in the passes (everything stood still: a database that
    was down, a suspended machine), after the database started, and after we saw errors of it: their
    holders could not renew them. A gap too short to let a lease run out changes nothing.
    """
    lease = timedelta(seconds=settings.ORCH.lease_seconds)
    now, database_up = _clock()
    gap = lease - timedelta(seconds=settings.ORCH.heartbeat_seconds + 2)
    gap = max(gap, timedelta(seconds=settings.ORCH.sweep_seconds + 2))
    rows = fetch(
        "UPDATE runs_app_controlstate SET expire_from = CASE WHEN swept_at < %s AND expire_from < %s THEN %s "
        "ELSE expire_from END, swept_at = %s WHERE id = 1 AND swept_at <= %s RETURNING expire_from",
        [
            now if suspect else now - gap,
            now + lease,
            now + lease,
            now,
            now - timedelta(seconds=settings.ORCH.sweep_seconds / 2),
        ],
    )
    if rows:
        start = moment(rows[0][0])
        if database_up is not None:
            start = max(start, database_up + lease)  # type: ignore[type-var]
        return Turn(now, now >= start)  # type: ignore[operator]
    # The first pass of all: whoever is dead by then may be dead for long.
    fresh = write(
        "INSERT INTO runs_app_controlstate (id, swept_at, expire_from) VALUES (1, %s, %s) ON CONFLICT (id) DO NOTHING",
        [now, now],
    )
    return Turn(now, database_up is None or now >= database_up + lease) if fresh else None


def _clock() -> tuple[datetime, datetime | None]:
    """The database's time, and since when it is up (None where it cannot be down by itself)."""
    from .locking import db_now

    if not is_postgresql():
        return db_now(), None
    return fetch("SELECT clock_timestamp(), pg_postmaster_start_time()")[0]  # type: ignore[return-value]


def seconds_since_last() -> float:
    """How long ago the last pass was, in seconds; infinite where there was none."""
    now, _ = _clock()
    last = ControlState.objects.filter(pk=1).values_list("swept_at", flat=True).first()
    return (now - last).total_seconds() if last else float("inf")


# ---- dead processes


def _end_dead_processes(found: Swept, turn: Turn, now: datetime) -> None:
    """End processes whose lease ran out, or of which this machine knows that they are gone."""
    limit = turn.now - timedelta(seconds=settings.ORCH.lease_seconds)
    for process in Process.objects.filter(ended_at__isnull=True):
        alive = Process.objects.filter(pk=process.pk, ended_at__isnull=True)
        if is_gone(process):
            reason = "its process is gone"
        elif turn.may_expire and process.beat_at < limit:
            reason = f"silent since {process.beat_at:%H:%M:%S}"
            alive = alive.filter(beat_at__lt=limit)
        else:
            continue
        if alive.update(ended_at=turn.now, end_reason=reason):
            found.processes += 1
            log.warning("process_dead process=%s kind=%s reason=%s", process.pk, process.kind, reason)


def _requeue_lost(found: Swept, turn: Turn, now: datetime) -> None:
    """End the attempts of dead processes as lost, so that their task instances are claimed again."""
    columns = ", ".join(f"t.{name}" for name in transitions.STARTED)
    rows = fetch(
        f"SELECT p.end_reason, p.hostname, p.pid, {columns} FROM runs_app_attempt a "
        "JOIN runs_app_taskinstance t ON t.id = a.task_instance_id AND t.token = a.token AND t.state = 'running' "
        "LEFT JOIN runs_app_process p ON p.id = a.process_id "
        f"WHERE a.outcome IS NULL AND (p.id IS NULL OR p.ended_at IS NOT NULL) ORDER BY a.id LIMIT {BATCH}"
    )
    for why, hostname, pid, *values in rows:
        row = dict(zip(transitions.STARTED, values, strict=True))
        reason = f"worker {hostname}:{pid} ended: {why}" if hostname else "its worker is not known any more"
        ended = finish(row, Outcome("lost", reason, child_ran=False), now)
        found.lost += ended.accepted
        found.ready += ended.ready


def _end_stopped(found: Swept, turn: Turn, now: datetime) -> None:
    """What was being stopped on a worker that died has stopped."""
    for attempt in stopping.of_the_dead(BATCH):
        found.ready += advance.stopped(*attempt, now)


def _release(found: Swept, turn: Turn, now: datetime) -> None:
    """Leave the triggers and callbacks of dead processes to others; give up callbacks that end who runs them."""
    dead = Process.objects.filter(pk=OuterRef("process_id"), ended_at__isnull=False)
    held = {"process__isnull": False}
    Trigger.objects.filter(Exists(dead), **held).update(process=None)
    WatchTrigger.objects.filter(Exists(dead), **held).update(process=None)
    Callback.objects.filter(Exists(dead), done_at__isnull=True, **held).update(process=None)
    given_up = Callback.objects.filter(done_at__isnull=True, process__isnull=True, tries__gte=CALLBACK_TRIES)
    for callback in given_up.select_related("run")[:BATCH]:
        log.error("callback_given_up callback=%s tries=%d", callback, callback.tries)
        callback_done(callback, "gave up", now)


# ---- runs


def _advance_marked(found: Swept, turn: Turn, now: datetime) -> None:
    """Advance runs whose marks nobody acted on."""
    before = now - timedelta(seconds=MARK_SECONDS)
    rows = fetch(
        "SELECT DISTINCT run_id FROM runs_app_taskinstance WHERE changed AND updated_at < %s LIMIT 200", [before]
    )
    for (run_pk,) in rows:
        found.advanced += 1
        found.ready += advance.advance_marked(run_pk, now)


def _settle_stuck(found: Swept, turn: Turn, now: datetime) -> None:
    """Settle runs that have nothing left to do and were not ended."""
    before = now - timedelta(seconds=MARK_SECONDS)
    rows = fetch(
        "SELECT r.id FROM runs_app_dagrun r WHERE r.state = 'running' AND r.updated_at < %s AND NOT EXISTS "
        f"(SELECT 1 FROM runs_app_taskinstance t WHERE t.run_id = r.id AND t.{reach.OPEN}) "
        "AND NOT EXISTS (SELECT 1 FROM runs_app_groupretry g WHERE g.run_id = r.id AND g.not_before > %s) LIMIT 200",
        [before, now],
    )
    _advance_all(found, rows, now)


ACTIVE = sorted(
    {
        TaskState.SCHEDULED,
        TaskState.RUNNING,
        TaskState.DEFERRED,
        TaskState.AWAITING_INPUT,
        TaskState.UP_FOR_RETRY,
        TaskState.UP_FOR_RESCHEDULE,
    }
)


def _advance_blocked(found: Swept, turn: Turn, now: datetime) -> None:
    """Advance runs in which nothing moves: they wait for an earlier run, whose end may have been missed."""
    rows = fetch(
        "SELECT r.id FROM runs_app_dagrun r WHERE r.state = 'running' AND NOT EXISTS "
        f"(SELECT 1 FROM runs_app_taskinstance t WHERE t.run_id = r.id AND t.state IN ({placeholders(ACTIVE)})) "
        "ORDER BY r.id LIMIT 200",
        ACTIVE,
    )
    _advance_all(found, rows, now)


def _advance_all(found: Swept, rows: list[tuple[Any, ...]], now: datetime) -> None:
    for (run_pk,) in rows:
        advanced = advance.advance(run_pk, now)
        if advanced is not None:
            found.advanced += 1
            found.ready += advanced.ready


# ---- invitations


def _invite_again(found: Swept, turn: Turn, now: datetime) -> None:
    """Invite once more for work that waits: at most as often as rows wait, and slots that serve them are idle."""
    ready = dict(
        fetch(
            "SELECT t.queue, count(*) FROM runs_app_taskinstance t JOIN dags_app_dag d ON d.dag_id = t.dag_id "
            "WHERE t.state = 'scheduled' AND NOT d.is_frozen AND t.scheduled_at < %s GROUP BY t.queue",
            [now - timedelta(seconds=INVITE_SECONDS)],
        )
    )
    callbacks = Callback.objects.filter(done_at__isnull=True, process__isnull=True, on_triggerer=False).exists()
    if not ready and not callbacks:
        return
    busy = Attempt.objects.filter(process_id=OuterRef("pk"), outcome__isnull=True)
    slots = Process.objects.filter(~Exists(busy), kind="slot", ended_at__isnull=True, draining=False)
    idle: Counter[str] = Counter()
    for queues in slots.values_list("queues", flat=True):
        for queue in queues:
            idle[queue] += 1
    for queue in idle:
        wanted = min(max(ready.get(queue, 0), int(callbacks)), idle[queue])
        if wanted:
            found.invited += wanted
            wake.invite(queue, wanted)


# ---- old rows


def _forget_processes(found: Swept, turn: Turn, now: datetime) -> None:
    """Delete processes that ended long ago and that no attempt's history names."""
    named = [
        Exists(model.objects.filter(process_id=OuterRef("pk"))) for model in (Attempt, Trigger, WatchTrigger, Callback)
    ]
    old = Process.objects.filter(ended_at__lt=turn.now - FORGET_AFTER)
    for each in named:
        old = old.filter(~each)
    Process.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:BATCH])).delete()


def _clean_stores(found: Swept, turn: Turn, now: datetime) -> None:
    store.clean(now)
    forget_undos(now)


def _forget_sessions(found: Swept, turn: Turn, now: datetime) -> None:
    """Delete sessions that have expired: each sign-in that was begun at a provider and never finished leaves one."""
    old = Session.objects.filter(expire_date__lt=now).values_list("pk", flat=True)[:BATCH]
    Session.objects.filter(pk__in=list(old)).delete()
