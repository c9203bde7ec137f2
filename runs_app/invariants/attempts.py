"""Attempts and the tokens under which they hold what they run."""

from __future__ import annotations

from .rule import NAMED, OPEN, TI, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "one_open_attempt",
        "a task instance has at most one open attempt",
        "SELECT 'task instance ' || a.task_instance_id || ' has ' || count(*) FROM runs_app_attempt a "
        "WHERE a.outcome IS NULL GROUP BY a.task_instance_id HAVING count(*) > 1",
    ),
    Rule(
        "running_is_held",
        "what runs is held by an open attempt under its token",
        f"SELECT {NAMED} FROM {TI} t WHERE t.state = 'running' AND NOT EXISTS (SELECT 1 FROM runs_app_attempt a "
        "WHERE a.task_instance_id = t.id AND a.token = t.token AND a.outcome IS NULL)",
    ),
    Rule(
        "open_attempt_runs",
        "an open attempt holds its task instance",
        "SELECT 'attempt ' || a.id FROM runs_app_attempt a WHERE a.outcome IS NULL AND NOT EXISTS (SELECT 1 "
        f"FROM {TI} t WHERE t.id = a.task_instance_id AND t.state = 'running' AND t.token = a.token)",
    ),
    Rule(
        "token_never_falls",
        "no attempt has a token beyond its task instance's",
        f"SELECT {NAMED} FROM {TI} t JOIN runs_app_attempt a ON a.task_instance_id = t.id AND a.token > t.token "
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
        f"SELECT {NAMED} FROM {TI} t JOIN runs_app_dagrun r ON r.id = t.run_id WHERE t.version_id <> r.version_id "
        f"AND t.state IN ({OPEN})",
    ),
)
