"""Holds and what they keep from starting."""

from __future__ import annotations

from .rule import NAMED, TI, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "held_is_not_ready",
        "what is held is not ready, unless its try had begun before",
        f"SELECT {NAMED} FROM {TI} t WHERE t.held AND t.state = 'scheduled' AND t.first_started_at IS NULL",
    ),
    Rule(
        "held_by_a_hold",
        "a task instance of a run under way is marked as held exactly when a hold covers it",
        f"SELECT {NAMED} FROM {TI} t JOIN runs_app_dagrun r ON r.id = t.run_id WHERE r.state = 'running' "
        "AND t.held <> EXISTS (SELECT 1 FROM runs_app_hold h WHERE h.dag_id = t.dag_id AND h.task_id = t.task_id "
        "AND (h.run_id IS NULL OR (h.run_id = t.run_id AND h.map_index IN (-1, t.map_index)))){since}",
    ),
    Rule(
        "held_tasks_are_known",
        "a DAG knows whether tasks of all its runs are held",
        "SELECT d.dag_id FROM dags_app_dag d WHERE d.has_held_tasks <> EXISTS (SELECT 1 FROM runs_app_hold h "
        "WHERE h.dag_id = d.dag_id AND h.run_id IS NULL)",
    ),
)
