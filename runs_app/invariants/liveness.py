"""What time made due has happened: these hold only while processes run.

Room for a run counts once it has been there as long as the run has waited for it: the one before may have ended just now.
"""

from __future__ import annotations

from datetime import timedelta

from .rule import BUSY, NAMED, OPEN, TI, Rule, before, lease

RULES: tuple[Rule, ...] = (
    Rule(
        "holds_end",
        "no hold lasts beyond its time",
        "SELECT 'hold ' || h.id FROM runs_app_hold h WHERE h.until < %s",
        before(5),
        liveness=True,
    ),
    Rule(
        "work_is_claimed",
        "no ready row waits while an idle slot serves its queue",
        "SELECT 'queue ' || w.queue || ': ' || w.number || ' waiting' FROM (SELECT t.queue AS queue, count(*) AS number "
        f"FROM {TI} t JOIN dags_app_dag d ON d.dag_id = t.dag_id JOIN dags_app_pool p ON p.name = t.pool "
        "WHERE t.state = 'scheduled' AND NOT d.is_frozen AND NOT t.limited AND p.rate_per_minute IS NULL AND t.scheduled_at < %s "
        "AND (p.slots < 0 OR p.slots >= t.pool_slots + (SELECT COALESCE(sum(b.pool_slots), 0) "
        f"FROM {BUSY} b WHERE b.pool = t.pool)) AND (SELECT count(*) FROM {BUSY} b WHERE b.run_id = t.run_id) "
        "< d.max_active_tasks GROUP BY t.queue) w WHERE EXISTS (SELECT 1 FROM runs_app_process s WHERE s.kind = 'slot' "
        "AND s.ended_at IS NULL AND NOT s.draining AND CAST(s.queues AS TEXT) LIKE '%%\"' || w.queue || '\"%%' "
        "AND NOT EXISTS (SELECT 1 FROM runs_app_attempt a WHERE a.process_id = s.id AND a.outcome IS NULL))",
        before(5),
        liveness=True,
    ),
    Rule(
        "dead_hold_nothing",
        "no attempt stays with a process whose lease is over",
        "SELECT 'attempt ' || a.id || ' of process ' || p.id FROM runs_app_attempt a JOIN runs_app_process p "
        "ON p.id = a.process_id WHERE a.outcome IS NULL AND (p.beat_at < %s OR p.ended_at < %s)",
        lambda now: [*lease(now), now - timedelta(seconds=5)],
        liveness=True,
    ),
    Rule(
        "stopped_is_known",
        "nothing counts as being stopped by a process that is dead",
        "SELECT 'attempt ' || a.id || ' of process ' || p.id FROM runs_app_attempt a JOIN runs_app_process p "
        "ON p.id = a.process_id WHERE a.stopping AND p.ended_at < %s",
        before(5),
        liveness=True,
    ),
    Rule(
        "due_runs_are_made",
        "no due schedule waits",
        "SELECT d.dag_id FROM dags_app_dag d WHERE NOT d.is_paused AND NOT d.is_stale AND d.next_run_after < %s "
        "AND d.version_id IS NOT NULL AND (SELECT count(*) FROM runs_app_dagrun r WHERE r.dag_id = d.dag_id "
        "AND (r.state IN ('queued', 'running') OR r.ended_at >= %s) AND r.run_type <> 'backfill') "
        "< CASE d.overlap_policy WHEN 'drop' THEN 2147483647 ELSE d.max_active_runs END",
        lambda now: [now - timedelta(seconds=5)] * 2,
        liveness=True,
    ),
    Rule(
        "queued_runs_start",
        "no queued run waits while there is room for it",
        "SELECT 'run ' || r.id FROM runs_app_dagrun r JOIN dags_app_dag d ON d.dag_id = r.dag_id "
        "WHERE r.state = 'queued' AND NOT d.is_paused AND r.run_after < %s AND r.queued_at < %s "
        "AND r.backfill_id IS NULL AND (SELECT count(*) FROM runs_app_dagrun o WHERE o.dag_id = r.dag_id "
        "AND (o.state = 'running' OR o.ended_at >= %s) AND o.backfill_id IS NULL) < d.max_active_runs",
        lambda now: [now - timedelta(seconds=5)] * 3,
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
        "AND (o.state = 'running' OR o.ended_at >= %s)) < b.max_active_runs) OR NOT EXISTS (SELECT 1 FROM runs_app_dagrun r "
        "WHERE r.backfill_id = b.id AND (r.state IN ('queued', 'running') OR r.updated_at >= %s)))",
        lambda now: [now - timedelta(seconds=5)] * 5,
        liveness=True,
    ),
    Rule(
        "marks_are_acted_on",
        "no mark waits to be advanced",
        f"SELECT {NAMED} FROM {TI} t WHERE t.changed AND t.updated_at < %s",
        before(5),
        liveness=True,
    ),
    Rule(
        "runs_move_or_end",
        "a run under way has something unfinished",
        "SELECT 'run ' || r.id FROM runs_app_dagrun r WHERE r.state = 'running' AND r.updated_at < %s AND NOT EXISTS "
        f"(SELECT 1 FROM {TI} t WHERE t.run_id = r.id AND (t.state IN ({OPEN}) OR t.updated_at >= %s)) AND NOT EXISTS "
        "(SELECT 1 FROM runs_app_groupretry g WHERE g.run_id = r.id AND g.not_before IS NOT NULL)",
        lambda now: [now - timedelta(seconds=5)] * 2,
        liveness=True,
    ),
    Rule(
        "due_groups_are_run_again",
        "a group whose time to be run again has come is",
        "SELECT g.group_id || ' of run ' || g.run_id FROM runs_app_groupretry g JOIN runs_app_dagrun r ON r.id = g.run_id "
        "WHERE g.not_before < %s AND r.state = 'running'",
        before(5),
        liveness=True,
    ),
    Rule(
        "due_waits_are_over",
        "what waited for its time is looked at when it comes",
        f"SELECT {NAMED} || ': ' || t.state FROM {TI} t JOIN runs_app_dagrun r ON r.id = t.run_id "
        "WHERE t.not_before < %s AND t.state IN ('up_for_reschedule', 'deferred', 'awaiting_input') AND r.state = 'running' AND NOT t.held",
        before(5),
        liveness=True,
    ),
    Rule(
        "deadlines_are_judged",
        "no deadline goes by unnoticed",
        "SELECT 'deadline ' || d.id FROM runs_app_deadline d WHERE NOT d.missed AND d.deadline_time < %s",
        before(5),
        liveness=True,
    ),
    Rule(
        "plugins_are_told",
        "no plugin waits to be told or asked while there is a DAG processor",
        "SELECT 'call ' || c.kind || ' ' || c.id FROM dags_app_plugincall c WHERE c.created_at < %s AND EXISTS "
        "(SELECT 1 FROM runs_app_process p WHERE p.kind = 'processor' AND p.ended_at IS NULL)",
        before(60),
        liveness=True,
    ),
    Rule(
        "deferred_are_watched",
        "no trigger is without a live triggerer",
        "SELECT 'trigger ' || g.id FROM runs_app_trigger g LEFT JOIN runs_app_process p ON p.id = g.process_id "
        "WHERE g.created_at < %s AND (p.id IS NULL OR p.ended_at IS NOT NULL) AND EXISTS (SELECT 1 "
        "FROM runs_app_process a WHERE a.kind = 'triggerer' AND a.ended_at IS NULL)",
        before(15),
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
        before(5),
        liveness=True,
    ),
)
