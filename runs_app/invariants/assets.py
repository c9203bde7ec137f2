"""Assets, their events and what is queued for DAGs."""

from __future__ import annotations

from .rule import TI, Rule

RULES: tuple[Rule, ...] = (
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
        f"AND r.run_id = v.source_run_id JOIN {TI} t ON t.run_id = r.id AND t.task_id = v.source_task_id "
        "AND t.map_index = v.source_map_index WHERE NOT EXISTS (SELECT 1 FROM runs_app_stateevent e "
        "WHERE e.task_instance_id = t.id AND e.new = 'success')",
    ),
)
