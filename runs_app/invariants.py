"""What must hold in every committed state of the database (safety), and soon after time made it due (liveness).

Each rule is one read-only query that returns the rows that break it: a sentence a row. Nothing here mends anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from orchestrator.core.states import FINISHED, RUN_FINISHED, UNFINISHED, TaskState

from .locking import fetch, is_postgresql

MOST = 20
"""So many broken rows of a rule are listed."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``sql`` yields one text a broken row; ``{since}`` narrows it to task instances (t) changed lately."""

    name: str
    says: str
    sql: str
    values: Callable[[datetime], Sequence[Any]] = lambda now: ()
    liveness: bool = False


@dataclass(slots=True)
class Broken:
    """A rule that does not hold, and rows that show it."""

    rule: str
    says: str
    rows: list[str] = field(default_factory=list)


def check(now: datetime, *, since: datetime | None = None, liveness: bool = True) -> list[Broken]:
    """Return the rules that do not hold, in one snapshot of the database.

    ``now`` is by the database's clock. With ``since`` only task instances that changed from then on are looked
    at where a rule can be narrowed so. ``liveness`` False: leave out what holds only while processes run.
    """
    found = []
    with _one_snapshot():
        for rule in RULES:
            if rule.liveness and not liveness:
                continue
            rows = [str(text) for (text,) in _ask(rule, now, since)]
            if rows:
                found.append(Broken(rule.name, rule.says, rows))
    return found


@contextmanager
def _one_snapshot() -> Iterator[None]:
    """Let all rules see the same state, without keeping anybody from writing."""
    if connection.in_atomic_block:
        yield
        return
    fetch("SELECT 1")  # connects
    with connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if is_postgresql() else "BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def _ask(rule: Rule, now: datetime, since: datetime | None) -> Iterator[tuple[Any, ...]]:
    values = list(rule.values(now))
    sql = rule.sql
    if "{since}" in sql:
        parts = sql.split("{since}")
        narrowed = " AND t.updated_at >= %s" if since is not None else ""
        for number in range(len(parts) - 1):
            if since is not None:
                values.insert(parts[number].count("%s") + number, since)
        sql = narrowed.join(parts)
    yield from fetch(f"{sql} LIMIT {MOST}", values)


def _words(states: Any) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))


_ENDED, _OPEN = _words(FINISHED), _words(UNFINISHED)
_RUN_ENDED = _words(RUN_FINISHED)
_TI = "runs_app_taskinstance"
_NAMED = "t.dag_id || '.' || t.task_id || '[' || t.map_index || '] of run ' || t.run_id"
_BUSY = (
    "(SELECT t.pool, t.pool_slots, t.run_id, t.dag_id, t.task_id, t.state FROM runs_app_taskinstance t "
    "WHERE t.state IN ('running', 'deferred'))"
)


def _before(seconds: float) -> Callable[[datetime], Sequence[Any]]:
    return lambda now: [now - timedelta(seconds=seconds)]


def _lease(now: datetime) -> Sequence[Any]:
    return [now - timedelta(seconds=settings.ORCH.lease_seconds + 3)]


RULES: tuple[Rule, ...] = (
    # ---- attempts and tokens
    Rule(
        "one_open_attempt",
        "a task instance has at most one open attempt",
        "SELECT 'task instance ' || a.task_instance_id || ' has ' || count(*) FROM runs_app_attempt a "
        "WHERE a.outcome IS NULL GROUP BY a.task_instance_id HAVING count(*) > 1",
    ),
    Rule(
        "running_is_held",
        "what runs is held by an open attempt under its token",
        f"SELECT {_NAMED} FROM {_TI} t WHERE t.state = 'running' AND NOT EXISTS (SELECT 1 FROM runs_app_attempt a "
        "WHERE a.task_instance_id = t.id AND a.token = t.token AND a.outcome IS NULL)",
    ),
    Rule(
        "open_attempt_runs",
        "an open attempt holds its task instance",
        "SELECT 'attempt ' || a.id FROM runs_app_attempt a WHERE a.outcome IS NULL AND NOT EXISTS (SELECT 1 "
        f"FROM {_TI} t WHERE t.id = a.task_instance_id AND t.state = 'running' AND t.token = a.token)",
    ),
    Rule(
        "token_never_falls",
        "no attempt has a token beyond its task instance's",
        f"SELECT {_NAMED} FROM {_TI} t JOIN runs_app_attempt a ON a.task_instance_id = t.id AND a.token > t.token "
        "WHERE 1 = 1{since}",
    ),
    Rule(
        "token_is_once",
        "each token of a task instance has one attempt",
        "SELECT 'task instance ' || a.task_instance_id || ' token ' || a.token FROM runs_app_attempt a "
        "GROUP BY a.task_instance_id, a.token HAVING count(*) > 1",
    ),
    Rule(
        "one_result_a_generation",
        "at most one attempt's result is accepted in a generation and ends it",
        "SELECT 'task instance ' || a.task_instance_id || ' generation ' || a.generation FROM runs_app_attempt a "
        "WHERE a.outcome IN ('success', 'failed', 'skipped') GROUP BY a.task_instance_id, a.generation "
        "HAVING count(*) > 1",
    ),
    Rule(
        "attempt_is_ended",
        "an attempt has an outcome exactly when it has ended",
        "SELECT 'attempt ' || a.id FROM runs_app_attempt a WHERE (a.outcome IS NULL) <> (a.ended_at IS NULL)",
    ),
    Rule(
        "attempt_keeps_the_version",
        "attempts run the version their run is pinned to",
        "SELECT 'attempt ' || a.id FROM runs_app_attempt a JOIN runs_app_taskinstance t ON t.id = a.task_instance_id "
        "WHERE a.version_id IS NOT NULL AND a.generation = t.generation AND a.version_id <> t.version_id{since}",
    ),
    Rule(
        "version_is_the_runs",
        "a task instance that may still run has the version of its run",
        f"SELECT {_NAMED} FROM {_TI} t JOIN runs_app_dagrun r ON r.id = t.run_id WHERE t.version_id <> r.version_id "
        f"AND t.state IN ({_OPEN})",
    ),
    # ---- states and events
    Rule(
        "states_are_known",
        "states are those of the state machine",
        f"SELECT {_NAMED} || ': ' || t.state FROM {_TI} t WHERE t.state NOT IN ({_words(TaskState)})",
    ),
    Rule(
        "ended_iff_finished",
        "a task instance has an end exactly when it is finished",
        f"SELECT {_NAMED} FROM {_TI} t WHERE (t.state IN ({_ENDED})) <> (t.ended_at IS NOT NULL){{since}}",
    ),
    Rule(
        "run_ended_iff_finished",
        "a run has an end exactly when it is finished",
        f"SELECT 'run ' || r.id FROM runs_app_dagrun r WHERE (r.state IN ({_RUN_ENDED})) <> (r.ended_at IS NOT NULL)",
    ),
    Rule(
        "last_event_is_the_state",
        "the last event of a task instance says the state it is in",
        f"SELECT {_NAMED} FROM {_TI} t LEFT JOIN runs_app_stateevent e ON e.id = (SELECT max(o.id) "
        "FROM runs_app_stateevent o WHERE o.task_instance_id = t.id) "
        "WHERE COALESCE(e.new, 'none') <> t.state{since}",
    ),
    Rule(
        "last_run_event_is_the_state",
        "the last event of a run says the state it is in",
        "SELECT 'run ' || r.id FROM runs_app_dagrun r LEFT JOIN runs_app_stateevent e ON e.id = (SELECT max(o.id) "
        "FROM runs_app_stateevent o WHERE o.run_id = r.id AND o.task_instance_id IS NULL) "
        "WHERE COALESCE(e.new, '') <> r.state",
    ),
    Rule(
        "events_follow_each_other",
        "each event of a task instance starts where the one before ended",
        f"SELECT {_NAMED} || ': ' || w.earlier || ' then ' || w.old FROM (SELECT e.task_instance_id, e.old, "
        "lag(e.new) OVER (PARTITION BY e.task_instance_id ORDER BY e.id) AS earlier FROM runs_app_stateevent e "
        f"WHERE e.task_instance_id IS NOT NULL) w JOIN {_TI} t ON t.id = w.task_instance_id "
        "WHERE COALESCE(w.earlier, 'none') <> w.old{since}",
    ),
    Rule(
        "only_people_leave_the_end",
        "a finished task instance is left by somebody's action, or because its group is run again, only",
        "SELECT 'task instance ' || e.task_instance_id || ': ' || e.old || ' to ' || e.new || ' by ' || e.actor "
        f"FROM runs_app_stateevent e WHERE e.task_instance_id IS NOT NULL AND e.old IN ({_ENDED}) "
        "AND e.old <> 'removed' AND e.actor NOT LIKE 'user:%%' AND e.actor <> 'engine:group_retry'",
    ),
    Rule(
        "tokens_of_events_rise",
        "the tokens in a task instance's events never fall",
        "SELECT 'task instance ' || w.task_instance_id FROM (SELECT e.task_instance_id, e.token, "
        "lag(e.token) OVER (PARTITION BY e.task_instance_id ORDER BY e.id) AS earlier FROM runs_app_stateevent e "
        "WHERE e.task_instance_id IS NOT NULL) w WHERE w.token < w.earlier",
    ),
    # ---- runs
    Rule(
        "finished_run_is_done",
        "a finished run has only finished task instances, and those that were cleared without opening it again",
        f"SELECT {_NAMED} || ': ' || t.state FROM {_TI} t JOIN runs_app_dagrun r ON r.id = t.run_id "
        f"WHERE r.state IN ({_RUN_ENDED}) AND t.state IN ({_OPEN}) "
        "AND NOT (t.state = 'none' AND t.generation > 1){since}",
    ),
    Rule(
        "queued_run_has_not_begun",
        "nothing of a run that never ran is ready or tried",
        f"SELECT {_NAMED} || ': ' || t.state FROM {_TI} t JOIN runs_app_dagrun r ON r.id = t.run_id "
        "WHERE r.state = 'queued' AND t.state IN ('scheduled', 'running') AND NOT EXISTS (SELECT 1 "
        "FROM runs_app_stateevent e WHERE e.run_id = r.id AND e.task_instance_id IS NULL AND e.new = 'running')",
    ),
    Rule(
        "cancelled_is_asked_for",
        "a run is cancelled, or ends so, exactly when that was asked for",
        "SELECT 'run ' || r.id || ': ' || r.state FROM runs_app_dagrun r WHERE (r.state = 'cancelled' AND "
        "r.cancelled_at IS NULL) OR (r.cancelled_at IS NOT NULL AND r.state NOT IN ('running', 'cancelled'))",
    ),
    Rule(
        "one_run_a_date",
        "a logical date of a DAG has one run",
        "SELECT r.dag_id || ' ' || min(r.run_id) FROM runs_app_dagrun r WHERE r.logical_date IS NOT NULL "
        "GROUP BY r.dag_id, r.logical_date HAVING count(*) > 1",
    ),
    Rule(
        "run_ids_are_once",
        "run ids of a DAG are unique",
        "SELECT r.dag_id || ' ' || r.run_id FROM runs_app_dagrun r GROUP BY r.dag_id, r.run_id HAVING count(*) > 1",
    ),
    Rule(
        "map_indexes_are_dense",
        "a task of a run is unmapped, or mapped from 0 without a gap",
        "SELECT t.task_id || ' of run ' || t.run_id FROM runs_app_taskinstance t WHERE 1 = 1{since} "
        "GROUP BY t.run_id, t.task_id HAVING max(t.map_index) + 1 <> count(*) - (CASE WHEN max(t.map_index) = -1 "
        "THEN 1 ELSE 0 END) OR min(t.map_index) <> (CASE WHEN max(t.map_index) = -1 THEN -1 ELSE 0 END)",
    ),
    Rule(
        "task_instance_is_of_its_dag",
        "a task instance names the DAG of its run",
        f"SELECT {_NAMED} FROM {_TI} t JOIN runs_app_dagrun r ON r.id = t.run_id WHERE t.dag_id <> r.dag_id{{since}}",
    ),
    # ---- limits
    Rule(
        "pool_holds",
        "what runs takes no more slots than its pool has",
        f"SELECT b.pool || ': ' || sum(b.pool_slots) FROM {_BUSY} b JOIN dags_app_pool p ON p.name = b.pool "
        "WHERE p.slots >= 0 AND (b.state = 'running' OR p.include_deferred) GROUP BY b.pool, p.slots "
        "HAVING sum(b.pool_slots) > p.slots",
    ),
    Rule(
        "pool_rate_holds",
        "no more starts are counted in a pool's minute than its rate allows",
        "SELECT s.pool || ': ' || count(*) FROM runs_app_poolstart s JOIN dags_app_pool p ON p.name = s.pool "
        "WHERE s.at > %s GROUP BY s.pool, p.rate_per_minute HAVING count(*) > p.rate_per_minute",
        _before(60),
    ),
    Rule(
        "pool_weights_are_known",
        "who counts pools knows how many slots a task may ask for",
        f"SELECT {_NAMED} || ': ' || t.pool_slots FROM {_TI} t LEFT JOIN runs_app_poolweight w ON w.pool = t.pool "
        "WHERE t.pool_slots > COALESCE(w.heaviest, 1){since}",
    ),
    Rule(
        "max_active_tasks_holds",
        "a run has no more tasks running than its DAG allows",
        f"SELECT 'run ' || b.run_id || ': ' || count(*) FROM {_BUSY} b JOIN dags_app_dag d ON d.dag_id = b.dag_id "
        "WHERE b.state = 'running' GROUP BY b.run_id, d.max_active_tasks HAVING count(*) > d.max_active_tasks",
    ),
    Rule(
        "max_active_runs_holds",
        "a DAG has no more runs under way than it allows",
        "SELECT r.dag_id || ': ' || count(*) FROM runs_app_dagrun r JOIN dags_app_dag d ON d.dag_id = r.dag_id "
        "WHERE r.state = 'running' AND r.backfill_id IS NULL GROUP BY r.dag_id, d.max_active_runs "
        "HAVING count(*) > d.max_active_runs",
    ),
    Rule(
        "backfill_limit_holds",
        "a backfill has no more runs under way than it allows",
        "SELECT 'backfill ' || b.id || ': ' || count(*) FROM runs_app_backfill b JOIN runs_app_dagrun r "
        "ON r.backfill_id = b.id AND r.state = 'running' GROUP BY b.id, b.max_active_runs "
        "HAVING count(*) > b.max_active_runs",
    ),
    Rule(
        "one_open_backfill",
        "a DAG has at most one backfill that is not over",
        "SELECT b.dag_id FROM runs_app_backfill b WHERE b.completed_at IS NULL GROUP BY b.dag_id HAVING count(*) > 1",
    ),
    Rule(
        "backfill_entries_are_settled",
        "an interval of a backfill has a run or a reason only when it is settled, and all are once the backfill is over",
        "SELECT 'backfill ' || e.backfill_id || ' interval ' || e.ordinal FROM runs_app_backfilldagrun e "
        "JOIN runs_app_backfill b ON b.id = e.backfill_id WHERE NOT e.settled "
        "AND (e.dag_run_id IS NOT NULL OR e.exception_reason IS NOT NULL OR b.completed_at IS NOT NULL)",
    ),
    Rule(
        "run_is_of_its_backfill",
        "a run of a backfill is of its DAG, has its type and stands among its intervals",
        "SELECT 'run ' || r.id FROM runs_app_dagrun r JOIN runs_app_backfill b ON b.id = r.backfill_id "
        "WHERE b.dag_id <> r.dag_id OR r.run_type <> 'backfill' OR NOT EXISTS (SELECT 1 FROM runs_app_backfilldagrun e "
        "WHERE e.backfill_id = b.id AND e.dag_run_id = r.id)",
    ),
    Rule(
        "tries_are_limited",
        "a task instance has no more tries than retries and clears allow",
        f"SELECT {_NAMED} || ': try ' || t.try_number || ' of ' || (t.max_tries + 1) FROM {_TI} t "
        "WHERE t.try_number > t.max_tries + 1 AND t.try_number > 1{since}",
    ),
    Rule(
        "losses_are_limited",
        "what was lost too often is not tried again",
        f"SELECT {_NAMED} || ': ' || t.losses FROM {_TI} t WHERE t.losses > %s AND t.state IN ({_OPEN})",
        lambda now: [settings.ORCH.max_losses],
    ),
    # ---- what belongs together
    Rule(
        "trigger_iff_deferred",
        "a task instance has a trigger exactly when it is deferred",
        f"SELECT {_NAMED} || ': ' || t.state FROM {_TI} t LEFT JOIN runs_app_trigger g ON g.task_instance_id = t.id "
        "AND g.token = t.token WHERE (t.state = 'deferred') <> (g.id IS NOT NULL) "
        "AND (t.state = 'deferred' OR g.id IS NOT NULL)",
    ),
    Rule(
        "question_is_open",
        "a task instance that awaits input has asked, and nobody has answered",
        f"SELECT {_NAMED} FROM {_TI} t WHERE t.state = 'awaiting_input' AND NOT EXISTS (SELECT 1 "
        "FROM runs_app_hitldetail h WHERE h.task_instance_id = t.id AND h.token = t.token AND h.responded_at IS NULL)",
    ),
    Rule(
        "answer_goes_on_once",
        "an answer that a task went on with is no longer waited for",
        f"SELECT {_NAMED} FROM {_TI} t JOIN runs_app_hitldetail h ON h.task_instance_id = t.id AND h.token = t.token "
        "WHERE h.delivered AND t.state NOT IN ('scheduled', 'skipped', 'failed', 'removed')",
    ),
    Rule(
        "missed_is_told_once",
        "a missed deadline has one callback",
        "SELECT 'deadline ' || d.id || ': ' || count(c.id) FROM runs_app_deadline d LEFT JOIN runs_app_callback c "
        "ON c.deadline_id = d.id WHERE d.missed GROUP BY d.id HAVING count(c.id) <> 1",
    ),
    Rule(
        "trigger_is_waited_for",
        "no trigger is left under an old token",
        "SELECT 'trigger ' || g.id FROM runs_app_trigger g JOIN runs_app_taskinstance t ON t.id = g.task_instance_id "
        "WHERE g.token <> t.token",
    ),
    Rule(
        "xcom_is_of_its_task_instance",
        "an XCom names the run and task of its task instance",
        f"SELECT 'xcom ' || x.id FROM runs_app_xcom x LEFT JOIN {_TI} t ON t.id = x.task_instance_id "
        "WHERE t.id IS NULL OR t.run_id <> x.run_id OR t.task_id <> x.task_id OR t.map_index <> x.map_index",
    ),
    Rule(
        "no_orphans",
        "events and attempts belong to task instances that exist",
        f"SELECT 'attempt ' || a.id FROM runs_app_attempt a LEFT JOIN {_TI} t ON t.id = a.task_instance_id "
        "WHERE t.id IS NULL UNION ALL SELECT 'event ' || e.id FROM runs_app_stateevent e "
        f"LEFT JOIN {_TI} t ON t.id = e.task_instance_id WHERE e.task_instance_id IS NOT NULL AND t.id IS NULL",
    ),
    Rule(
        "waiting_has_a_time",
        "what waits for its time knows it",
        f"SELECT {_NAMED} || ': ' || t.state FROM {_TI} t WHERE t.state IN ('up_for_retry', 'up_for_reschedule') "
        "AND t.not_before IS NULL",
    ),
    Rule(
        "finished_waits_for_nothing",
        "what is finished or ready waits for no time",
        f"SELECT {_NAMED} || ': ' || t.state FROM {_TI} t WHERE t.not_before IS NOT NULL "
        f"AND t.state IN ({_ENDED}, 'scheduled', 'running')",
    ),
    # ---- assets
    Rule(
        "active_asset_is_named",
        "an active asset is named by a DAG that is there, or was announced under an alias",
        "SELECT 'asset ' || a.id || ' ' || a.name FROM dags_app_asset a WHERE a.is_active AND NOT EXISTS (SELECT 1 "
        "FROM dags_app_schedulereference r JOIN dags_app_dag d ON d.dag_id = r.dag_id WHERE r.asset_id = a.id "
        "AND NOT d.is_stale) AND NOT EXISTS (SELECT 1 FROM dags_app_taskreference r JOIN dags_app_dag d "
        "ON d.dag_id = r.dag_id WHERE r.asset_id = a.id AND NOT d.is_stale) "
        "AND NOT EXISTS (SELECT 1 FROM dags_app_assetalias_assets l WHERE l.asset_id = a.id)",
    ),
    Rule(
        "named_asset_is_active",
        "an asset that a DAG names is active, unless another with its name or URI is",
        "SELECT 'asset ' || a.id || ' ' || a.name FROM dags_app_asset a WHERE NOT a.is_active AND EXISTS (SELECT 1 "
        "FROM dags_app_schedulereference r JOIN dags_app_dag d ON d.dag_id = r.dag_id WHERE r.asset_id = a.id "
        "AND NOT d.is_stale UNION ALL SELECT 1 FROM dags_app_taskreference r JOIN dags_app_dag d ON d.dag_id = r.dag_id "
        "WHERE r.asset_id = a.id AND NOT d.is_stale) AND NOT EXISTS (SELECT 1 FROM dags_app_asset o WHERE o.is_active "
        "AND (o.name = a.name OR o.uri = a.uri))",
    ),
    Rule(
        "queued_event_has_news",
        "what is queued for a DAG has an event that it has not been told of",
        "SELECT q.dag_id || ' asset ' || q.asset_id FROM runs_app_queuedevent q WHERE NOT EXISTS (SELECT 1 "
        "FROM runs_app_unreadevent u JOIN runs_app_assetevent e ON e.id = u.event_id "
        "WHERE u.dag_id = q.dag_id AND e.asset_id = q.asset_id)",
    ),
    Rule(
        "events_are_told_once",
        "no event waits for a DAG that was told of it already",
        "SELECT u.dag_id || ' event ' || u.event_id FROM runs_app_unreadevent u JOIN runs_app_assetevent_runs l "
        "ON l.assetevent_id = u.event_id JOIN runs_app_dagrun r ON r.id = l.dagrun_id AND r.dag_id = u.dag_id",
    ),
    Rule(
        "asset_run_has_no_date",
        "a run made for assets has no logical date",
        "SELECT 'run ' || r.id FROM runs_app_dagrun r WHERE r.run_type = 'asset_triggered' AND r.logical_date IS NOT NULL",
    ),
    Rule(
        "events_come_from_success",
        "an event names a task instance that has succeeded, unless somebody opened it again or the run is gone",
        f"SELECT 'event ' || v.id FROM runs_app_assetevent v JOIN runs_app_dagrun r ON r.dag_id = v.source_dag_id "
        f"AND r.run_id = v.source_run_id JOIN {_TI} t ON t.run_id = r.id AND t.task_id = v.source_task_id "
        "AND t.map_index = v.source_map_index WHERE NOT EXISTS (SELECT 1 FROM runs_app_stateevent e "
        "WHERE e.task_instance_id = t.id AND e.new = 'success')",
    ),
    # ---- holds
    Rule(
        "held_is_not_ready",
        "what is held is not ready, unless its try had begun before",
        f"SELECT {_NAMED} FROM {_TI} t WHERE t.held AND t.state = 'scheduled' AND t.first_started_at IS NULL",
    ),
    Rule(
        "held_by_a_hold",
        "a task instance of a run under way is marked as held exactly when a hold covers it",
        f"SELECT {_NAMED} FROM {_TI} t JOIN runs_app_dagrun r ON r.id = t.run_id WHERE r.state = 'running' "
        "AND t.held <> EXISTS (SELECT 1 FROM runs_app_hold h WHERE h.dag_id = t.dag_id AND h.task_id = t.task_id "
        "AND (h.run_id IS NULL OR (h.run_id = t.run_id AND h.map_index IN (-1, t.map_index)))){since}",
    ),
    Rule(
        "held_tasks_are_known",
        "a DAG knows whether tasks of all its runs are held",
        "SELECT d.dag_id FROM dags_app_dag d WHERE d.has_held_tasks <> EXISTS (SELECT 1 FROM runs_app_hold h "
        "WHERE h.dag_id = d.dag_id AND h.run_id IS NULL)",
    ),
    # ---- liveness
    Rule(
        "holds_end",
        "no hold lasts beyond its time",
        "SELECT 'hold ' || h.id FROM runs_app_hold h WHERE h.until < %s",
        _before(5),
        liveness=True,
    ),
    Rule(
        "work_is_claimed",
        "no ready row waits while an idle slot serves its queue",
        "SELECT 'queue ' || w.queue || ': ' || w.number || ' waiting' FROM (SELECT t.queue AS queue, count(*) AS number "
        f"FROM {_TI} t JOIN dags_app_dag d ON d.dag_id = t.dag_id JOIN dags_app_pool p ON p.name = t.pool "
        "WHERE t.state = 'scheduled' AND NOT d.is_frozen AND NOT t.limited AND p.rate_per_minute IS NULL AND t.scheduled_at < %s "
        "AND (p.slots < 0 OR p.slots >= t.pool_slots + (SELECT COALESCE(sum(b.pool_slots), 0) "
        f"FROM {_BUSY} b WHERE b.pool = t.pool)) AND (SELECT count(*) FROM {_BUSY} b WHERE b.run_id = t.run_id) "
        "< d.max_active_tasks GROUP BY t.queue) w WHERE EXISTS (SELECT 1 FROM runs_app_process s WHERE s.kind = 'slot' "
        "AND s.ended_at IS NULL AND NOT s.draining AND CAST(s.queues AS TEXT) LIKE '%%\"' || w.queue || '\"%%' "
        "AND NOT EXISTS (SELECT 1 FROM runs_app_attempt a WHERE a.process_id = s.id AND a.outcome IS NULL))",
        _before(5),
        liveness=True,
    ),
    Rule(
        "dead_hold_nothing",
        "no attempt stays with a process whose lease is over",
        "SELECT 'attempt ' || a.id || ' of process ' || p.id FROM runs_app_attempt a JOIN runs_app_process p "
        "ON p.id = a.process_id WHERE a.outcome IS NULL AND (p.beat_at < %s OR p.ended_at < %s)",
        lambda now: [*_lease(now), now - timedelta(seconds=5)],
        liveness=True,
    ),
    Rule(
        "due_runs_are_made",
        "no due schedule waits",
        "SELECT d.dag_id FROM dags_app_dag d WHERE NOT d.is_paused AND NOT d.is_stale AND d.next_run_after < %s "
        "AND d.version_id IS NOT NULL AND (SELECT count(*) FROM runs_app_dagrun r WHERE r.dag_id = d.dag_id "
        "AND r.state IN ('queued', 'running') AND r.run_type <> 'backfill') < CASE d.overlap_policy WHEN 'drop' "
        "THEN 2147483647 ELSE d.max_active_runs END",
        _before(5),
        liveness=True,
    ),
    Rule(
        "queued_runs_start",
        "no queued run waits while there is room for it",
        "SELECT 'run ' || r.id FROM runs_app_dagrun r JOIN dags_app_dag d ON d.dag_id = r.dag_id "
        "WHERE r.state = 'queued' AND NOT d.is_paused AND r.run_after < %s AND r.queued_at < %s "
        "AND r.backfill_id IS NULL AND (SELECT count(*) FROM runs_app_dagrun o WHERE o.dag_id = r.dag_id "
        "AND o.state = 'running' AND o.backfill_id IS NULL) < d.max_active_runs",
        lambda now: [now - timedelta(seconds=5)] * 2,
        liveness=True,
    ),
    Rule(
        "backfills_go_on",
        "a backfill makes its runs, starts them while there is room, and ends with the last",
        "SELECT 'backfill ' || b.id FROM runs_app_backfill b JOIN dags_app_dag d ON d.dag_id = b.dag_id "
        "WHERE b.completed_at IS NULL AND b.updated_at < %s AND (EXISTS (SELECT 1 FROM runs_app_backfilldagrun e "
        "WHERE e.backfill_id = b.id AND NOT e.settled) OR (NOT d.is_paused AND NOT b.is_paused AND EXISTS (SELECT 1 "
        "FROM runs_app_dagrun r WHERE r.backfill_id = b.id AND r.state = 'queued' AND r.run_after < %s "
        "AND r.queued_at < %s) AND (SELECT count(*) FROM runs_app_dagrun o WHERE o.backfill_id = b.id "
        "AND o.state = 'running') < b.max_active_runs) OR NOT EXISTS (SELECT 1 FROM runs_app_dagrun r "
        "WHERE r.backfill_id = b.id AND (r.state IN ('queued', 'running') OR r.updated_at >= %s)))",
        lambda now: [now - timedelta(seconds=5)] * 4,
        liveness=True,
    ),
    Rule(
        "marks_are_acted_on",
        "no mark waits to be advanced",
        f"SELECT {_NAMED} FROM {_TI} t WHERE t.changed AND t.updated_at < %s",
        _before(5),
        liveness=True,
    ),
    Rule(
        "runs_move_or_end",
        "a run under way has something unfinished",
        "SELECT 'run ' || r.id FROM runs_app_dagrun r WHERE r.state = 'running' AND r.updated_at < %s AND NOT EXISTS "
        f"(SELECT 1 FROM {_TI} t WHERE t.run_id = r.id AND (t.state IN ({_OPEN}) OR t.updated_at >= %s)) AND NOT EXISTS "
        "(SELECT 1 FROM runs_app_groupretry g WHERE g.run_id = r.id AND g.not_before IS NOT NULL)",
        lambda now: [now - timedelta(seconds=5)] * 2,
        liveness=True,
    ),
    Rule(
        "due_groups_are_run_again",
        "a group whose time to be run again has come is",
        "SELECT g.group_id || ' of run ' || g.run_id FROM runs_app_groupretry g JOIN runs_app_dagrun r ON r.id = g.run_id "
        "WHERE g.not_before < %s AND r.state = 'running'",
        _before(5),
        liveness=True,
    ),
    Rule(
        "due_waits_are_over",
        "what waited for its time is looked at when it comes",
        f"SELECT {_NAMED} || ': ' || t.state FROM {_TI} t JOIN runs_app_dagrun r ON r.id = t.run_id "
        "WHERE t.not_before < %s AND t.state IN ('up_for_reschedule', 'deferred', 'awaiting_input') AND r.state = 'running' AND NOT t.held",
        _before(5),
        liveness=True,
    ),
    Rule(
        "deadlines_are_judged",
        "no deadline goes by unnoticed",
        "SELECT 'deadline ' || d.id FROM runs_app_deadline d WHERE NOT d.missed AND d.deadline_time < %s",
        _before(5),
        liveness=True,
    ),
    Rule(
        "deferred_are_watched",
        "no trigger is without a live triggerer",
        "SELECT 'trigger ' || g.id FROM runs_app_trigger g LEFT JOIN runs_app_process p ON p.id = g.process_id "
        "WHERE g.created_at < %s AND (p.id IS NULL OR p.ended_at IS NOT NULL) AND EXISTS (SELECT 1 "
        "FROM runs_app_process a WHERE a.kind = 'triggerer' AND a.ended_at IS NULL)",
        _before(15),
        liveness=True,
    ),
    Rule(
        "assets_are_watched",
        "no watching trigger is without a live triggerer, unless it pauses after a failure",
        "SELECT 'watcher ' || g.id FROM runs_app_watchtrigger g LEFT JOIN runs_app_process p ON p.id = g.process_id "
        "WHERE g.created_at < %s AND (g.not_before IS NULL OR g.not_before < %s) AND (p.id IS NULL "
        "OR p.ended_at IS NOT NULL) AND EXISTS (SELECT 1 FROM runs_app_process a WHERE a.kind = 'triggerer' "
        "AND a.ended_at IS NULL)",
        lambda now: [now - timedelta(seconds=15)] * 2,
        liveness=True,
    ),
    Rule(
        "late_runs_are_ended",
        "no run goes on past its dagrun_timeout",
        "SELECT 'run ' || r.id FROM runs_app_dagrun r WHERE r.state = 'running' AND r.timeout_at < %s",
        _before(5),
        liveness=True,
    ),
)
