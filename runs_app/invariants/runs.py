"""Runs and what they consist of."""

from __future__ import annotations

from orchestrator.core.branches import BASE

from .rule import NAMED, OPEN, RUN_ENDED, TI, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "finished_run_is_done",
        "a finished run has only finished task instances, and those that were cleared without opening it again",
        f"SELECT {NAMED} || ': ' || t.state FROM {TI} t JOIN runs_app_dagrun r ON r.id = t.run_id "
        f"WHERE r.state IN ({RUN_ENDED}) AND t.state IN ({OPEN}) "
        "AND NOT (t.state = 'none' AND t.generation > 1){since}",
    ),
    Rule(
        "queued_run_has_not_begun",
        "nothing of a run that never ran is ready or tried",
        f"SELECT {NAMED} || ': ' || t.state FROM {TI} t JOIN runs_app_dagrun r ON r.id = t.run_id "
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
        # In nested mappings each branch has ten thousand indexes to itself, and those below -1 are not expanded yet.
        "SELECT t.task_id || ' of run ' || t.run_id FROM runs_app_taskinstance t WHERE 1 = 1{since} "
        "GROUP BY t.run_id, t.task_id HAVING (max(CASE WHEN t.map_index = -1 THEN 1 ELSE 0 END) = 1 AND count(*) > 1) "
        "OR min(t.map_index) > 0 "
        "UNION ALL SELECT t.task_id || ' of run ' || t.run_id FROM runs_app_taskinstance t WHERE t.map_index >= 0{since} "
        f"GROUP BY t.run_id, t.task_id, t.map_index / {BASE} HAVING max(t.map_index) - min(t.map_index) + 1 <> count(*) "
        f"OR min(t.map_index) - min(t.map_index) / {BASE} * {BASE} <> 0",
    ),
    Rule(
        "task_instance_is_of_its_dag",
        "a task instance names the DAG of its run",
        f"SELECT {NAMED} FROM {TI} t JOIN runs_app_dagrun r ON r.id = t.run_id WHERE t.dag_id <> r.dag_id{{since}}",
    ),
)
