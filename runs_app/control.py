"""The control pass: all that time makes due. Beat asks for one when something is due, and once a second.

Passes of several processes at once are safe: each step is a compare-and-set or holds its rows' locks.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import DatabaseError, InterfaceError, transaction

from dags_app.versions import clear_old, load_spec
from orchestrator.core.states import RUN_UNFINISHED, UNFINISHED, RunState, TaskState

from . import (
    advance,
    asset_runs,
    backfill_steps,
    failures,
    hitl,
    holds,
    notify,
    rates,
    sweep,
    tick,
    transitions,
    webhooks,
)
from .deadlines import judge_due
from .failing import pause_if_failing
from .locking import close_broken, fetch, moment, retrying
from .models import Callback, DagRun, TaskInstance
from .view import run_row

log = logging.getLogger(__name__)

MOST = 500
"""So many due rows of a kind are handled in one pass; the rest in the next."""
STALE_SECONDS = 3.0
TIMED_OUT = "Trigger timeout"
"""What Airflow calls the error of a deferral that took too long."""


@dataclass(slots=True)
class Counts:
    """What one pass did."""

    created: int = 0  # runs made from schedules
    on_assets: int = 0  # DAGs looked at because assets have changed
    advanced: int = 0  # runs with task instances whose time had come
    expired: int = 0  # deferrals that took too long
    unanswered: int = 0  # questions to people that nobody answered in time
    deadlines_missed: int = 0
    timed_out: int = 0  # runs that took too long
    failures: int = 0  # failed tries that were grouped
    messages: int = 0  # for webhooks
    swept: sweep.Swept | None = None  # None where the recovery pass was another's
    ready: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)  # parts that an error ended


def step(now: datetime) -> Counts:
    """Do all that is due at ``now``. An error in one part is logged and leaves the others be."""
    counts = Counts()
    for part in PARTS:
        _do(part, counts, now)
        advance.tell(counts.ready)
        counts.ready.clear()
    return counts


def _do(part: Callable[[Counts, datetime], None], counts: Counts, now: datetime) -> None:
    try:
        part(counts, now)
    except (DatabaseError, InterfaceError) as error:
        counts.failed.append(part.__name__)
        log.warning("control_interrupted part=%s error=%s", part.__name__, error)
        close_broken()
    except Exception:  # one run that cannot be handled must not keep the others from it
        counts.failed.append(part.__name__)
        log.exception("control_failed part=%s", part.__name__)


def step_if_stale(now: datetime) -> Counts | None:
    """Make a pass if nobody has made one lately: beat, or the control worker, is dead."""
    if sweep.seconds_since_last() <= STALE_SECONDS:
        return None
    return step(now)


def next_due(after: datetime) -> datetime | None:
    """Return the first instant past ``after`` at which a pass will find something to do; None where none is known.

    Recovery needs no instant: it looks once a second.
    """
    rows = fetch(
        "SELECT min(next_run_after) FROM dags_app_dag "
        "WHERE NOT is_paused AND NOT is_stale AND next_run_after IS NOT NULL AND next_run_after > %s "
        "UNION ALL SELECT min(not_before) FROM runs_app_taskinstance WHERE not_before IS NOT NULL AND not_before > %s "
        "UNION ALL SELECT min(not_before) FROM runs_app_groupretry WHERE not_before IS NOT NULL AND not_before > %s "
        "UNION ALL SELECT min(timeout_at) FROM runs_app_dagrun WHERE timeout_at IS NOT NULL AND timeout_at > %s "
        "UNION ALL SELECT min(run_after) FROM runs_app_dagrun WHERE state = 'queued' AND run_after > %s "
        "UNION ALL SELECT min(until) FROM runs_app_hold WHERE until > %s "
        "UNION ALL SELECT min(deadline_time) FROM runs_app_deadline WHERE NOT missed AND deadline_time > %s",
        [after] * 7,
    )
    known = [moment(at) for (at,) in rows if at is not None]
    if (opening := rates.next_opening(after)) is not None:
        known.append(opening)
    return min(known) if known else None  # type: ignore[type-var]


# ---- the parts


def _create_runs(counts: Counts, now: datetime) -> None:
    counts.created = tick.tick(now)


def _release_holds(counts: Counts, now: datetime) -> None:
    holds.release_due(now)


def _backfill(counts: Counts, now: datetime) -> None:
    backfill_steps.step(now)


def _create_asset_runs(counts: Counts, now: datetime) -> None:
    """Make the runs on assets that nobody made after the events' commits, or that there was no room for."""
    dag_ids = asset_runs.due_dags()
    counts.on_assets = len(dag_ids)
    counts.ready += asset_runs.make(dag_ids, now)


def _start_runs(counts: Counts, now: datetime) -> None:
    """Start queued runs whose time has come and for which there is room."""
    rows = fetch(
        "SELECT DISTINCT r.dag_id FROM runs_app_dagrun r JOIN dags_app_dag d ON d.dag_id = r.dag_id "
        "WHERE r.state = 'queued' AND r.run_after <= %s AND NOT d.is_paused AND r.backfill_id IS NULL AND (SELECT count(*) "
        "FROM runs_app_dagrun o WHERE o.dag_id = d.dag_id AND o.state = 'running' AND o.backfill_id IS NULL) "
        "< d.max_active_runs UNION SELECT b.dag_id FROM runs_app_backfill b JOIN runs_app_dagrun r ON r.backfill_id = b.id "
        "JOIN dags_app_dag d ON d.dag_id = b.dag_id WHERE r.state = 'queued' AND r.run_after <= %s AND NOT d.is_paused "
        f"AND {advance.BACKFILL_GOES_ON} LIMIT {MOST}",
        [now, now],
    )
    for (dag_id,) in rows:
        try:
            counts.ready += advance.start_queued(dag_id, now)
        except (DatabaseError, InterfaceError):
            raise
        except Exception:
            log.exception("start_failed dag=%s", dag_id)


def _advance_due(counts: Counts, now: datetime) -> None:
    """Advance the runs of task instances, and of groups, whose retry or next poke is due."""
    rows = fetch(
        "SELECT DISTINCT t.run_id FROM runs_app_taskinstance t JOIN runs_app_dagrun r ON r.id = t.run_id "
        "WHERE t.not_before IS NOT NULL AND t.not_before <= %s AND t.state IN ('up_for_retry', 'up_for_reschedule') AND NOT t.held "
        "AND r.state = 'running' UNION SELECT g.run_id FROM runs_app_groupretry g JOIN runs_app_dagrun r "
        f"ON r.id = g.run_id WHERE g.not_before IS NOT NULL AND g.not_before <= %s AND r.state = 'running' LIMIT {MOST}",
        [now, now],
    )
    for (run_pk,) in rows:
        found = advance.advance(run_pk, now, wait=True)
        if found is not None:
            counts.advanced += 1
            counts.ready += found.ready


def _open_rates(counts: Counts, now: datetime) -> None:
    """Wake whoever can take what a pool's rate held back until now."""
    counts.ready += rates.just_open(now)


def _expire_deferrals(counts: Counts, now: datetime) -> None:
    """Send deferred task instances that waited too long back to a worker, to fail there as users can handle it."""
    rows = fetch(
        "SELECT id, token, run_id, dag_id, queue FROM runs_app_taskinstance "
        f"WHERE not_before IS NOT NULL AND not_before <= %s AND state = 'deferred' LIMIT {MOST}",
        [now],
    )
    for pk, token, run_pk, dag_id, queue in rows:
        if _expire(pk, token, run_pk, dag_id, now):
            counts.expired += 1
            counts.ready[queue] += 1


@retrying()
def _expire(pk: int, token: int, run_pk: int, dag_id: str, now: datetime) -> bool:
    fields: dict[str, Any] = {"next_method": "__fail__", "next_kwargs": json.dumps({"error": TIMED_OUT})}
    with transaction.atomic():
        moved = transitions.undefer(
            pk, token, TaskState.SCHEDULED, actor="engine", reason="deferral timed out", at=now, fields=fields
        )
        if moved:
            notify.run_changed(run_pk, dag_id)
        return moved


def _expire_questions(counts: Counts, now: datetime) -> None:
    """Let tasks go on that nobody answered in time."""
    rows = fetch(
        "SELECT id FROM runs_app_taskinstance "
        f"WHERE not_before IS NOT NULL AND not_before <= %s AND state = 'awaiting_input' LIMIT {MOST}",
        [now],
    )
    for (pk,) in rows:
        ready = hitl.expire(pk, now)
        counts.unanswered += sum(ready.values())
        counts.ready += ready


def _judge_deadlines(counts: Counts, now: datetime) -> None:
    counts.deadlines_missed = judge_due(now, MOST)


def _end_late_runs(counts: Counts, now: datetime) -> None:
    rows = fetch(
        "SELECT id FROM runs_app_dagrun WHERE state = 'running' AND timeout_at IS NOT NULL AND timeout_at <= %s "
        f"LIMIT {MOST}",
        [now],
    )
    for (run_pk,) in rows:
        counts.timed_out += _time_out(run_pk, now)


@retrying()
def _time_out(run_pk: int, now: datetime) -> bool:
    """Fail a run that took longer than its dagrun_timeout; what it has not done is skipped, what runs is stopped."""
    with transaction.atomic():
        run = run_row(run_pk, lock=True, wait=True)
        if run is None or run["state"] != RunState.RUNNING:
            return False
        spec = load_spec(run["version_id"])
        reason = f"the run took longer than its dagrun_timeout of {spec.dagrun_timeout:g} s"
        open_rows = list(TaskInstance.objects.filter(run_id=run_pk, state__in=UNFINISHED))
        transitions.set_by_user(open_rows, TaskState.SKIPPED, actor="engine", reason=reason, at=now, changed=False)
        if not transitions.move_run(run_pk, RunState.FAILED, actor="engine", reason=reason, at=now):
            return False
        pause_if_failing(run["dag_id"], spec)
        if "failure" in spec.callbacks or "failure" in spec.listens:
            Callback.objects.create(run_id=run_pk, kind="failure", reason="timed_out")
        advance.ended(run["dag_id"], now)
        notify.run_changed(run_pk, run["dag_id"])
        return True


def _sweep(counts: Counts, now: datetime) -> None:
    counts.swept = sweep.sweep(now)


def _clear_versions(counts: Counts, now: datetime) -> None:
    clear_versions()


def clear_versions() -> int:
    """Delete what this machine's cache holds of versions that nobody needs; at most once an hour."""
    unfinished = DagRun.objects.filter(state__in=RUN_UNFINISHED)
    return clear_old(lambda: list(unfinished.values_list("version__tree_id", flat=True).distinct()))


def _group_failures(counts: Counts, now: datetime) -> None:
    counts.failures = failures.collect(now)


def _tell_webhooks(counts: Counts, now: datetime) -> None:
    counts.messages = webhooks.collect(now)


PARTS = (
    *(_create_runs, _create_asset_runs, _backfill, _start_runs, _advance_due, _expire_deferrals),
    *(_open_rates, _release_holds, _expire_questions, _judge_deadlines, _end_late_runs),
    *(_sweep, _clear_versions, _group_failures, _tell_webhooks),
)
"""In the order in which a pass does them."""
