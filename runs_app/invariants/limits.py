"""Limits: pools, what a DAG or a backfill may have under way, tries."""

from __future__ import annotations

from django.conf import settings

from .rule import BUSY, NAMED, OPEN, TI, Rule, before

RULES: tuple[Rule, ...] = (
    Rule(
        "pool_holds",
        "what runs takes no more slots than its pool has",
        f"SELECT b.pool || ': ' || sum(b.pool_slots) FROM {BUSY} b JOIN dags_app_pool p ON p.name = b.pool "
        "WHERE p.slots >= 0 AND (b.state = 'running' OR p.include_deferred) GROUP BY b.pool, p.slots "
        "HAVING sum(b.pool_slots) > p.slots",
    ),
    Rule(
        "pool_rate_holds",
        "no more starts are counted in a pool's minute than its rate allows",
        "SELECT s.pool || ': ' || count(*) FROM runs_app_poolstart s JOIN dags_app_pool p ON p.name = s.pool "
        "WHERE s.at > %s GROUP BY s.pool, p.rate_per_minute HAVING count(*) > p.rate_per_minute",
        before(60),
    ),
    Rule(
        "pool_weights_are_known",
        "who counts pools knows how many slots a task may ask for",
        f"SELECT {NAMED} || ': ' || t.pool_slots FROM {TI} t LEFT JOIN runs_app_poolweight w ON w.pool = t.pool "
        "WHERE t.pool_slots > COALESCE(w.heaviest, 1){since}",
    ),
    Rule(
        "max_active_tasks_holds",
        "a run has no more tasks running than its DAG allows",
        f"SELECT 'run ' || b.run_id || ': ' || count(*) FROM {BUSY} b JOIN dags_app_dag d ON d.dag_id = b.dag_id "
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
        f"SELECT {NAMED} || ': try ' || t.try_number || ' of ' || (t.max_tries + 1) FROM {TI} t "
        "WHERE t.try_number > t.max_tries + 1 AND t.try_number > 1{since}",
    ),
    Rule(
        "losses_are_limited",
        "what was lost too often is not tried again",
        f"SELECT {NAMED} || ': ' || t.losses FROM {TI} t WHERE t.losses > %s AND t.state IN ({OPEN})",
        lambda now: [settings.ORCH.max_losses],
    ),
)
