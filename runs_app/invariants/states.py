"""States, and the events that led to them."""

from __future__ import annotations

from orchestrator.core.states import TaskState

from .rule import ENDED, NAMED, RUN_ENDED, TI, Rule, words

RULES: tuple[Rule, ...] = (
    Rule(
        "states_are_known",
        "states are those of the state machine",
        f"SELECT {NAMED} || ': ' || t.state FROM {TI} t WHERE t.state NOT IN ({words(TaskState)})",
    ),
    Rule(
        "ended_iff_finished",
        "a task instance has an end exactly when it is finished",
        f"SELECT {NAMED} FROM {TI} t WHERE (t.state IN ({ENDED})) <> (t.ended_at IS NOT NULL){{since}}",
    ),
    Rule(
        "run_ended_iff_finished",
        "a run has an end exactly when it is finished",
        f"SELECT 'run ' || r.id FROM runs_app_dagrun r WHERE (r.state IN ({RUN_ENDED})) <> (r.ended_at IS NOT NULL)",
    ),
    Rule(
        "last_event_is_the_state",
        "the last event of a task instance says the state it is in",
        f"SELECT {NAMED} FROM {TI} t LEFT JOIN runs_app_stateevent e ON e.id = (SELECT max(o.id) "
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
        f"SELECT {NAMED} || ': ' || w.earlier || ' then ' || w.old FROM (SELECT e.task_instance_id, e.old, "
        "lag(e.new) OVER (PARTITION BY e.task_instance_id ORDER BY e.id) AS earlier FROM runs_app_stateevent e "
        f"WHERE e.task_instance_id IS NOT NULL) w JOIN {TI} t ON t.id = w.task_instance_id "
        "WHERE COALESCE(w.earlier, 'none') <> w.old{since}",
    ),
    Rule(
        "only_people_leave_the_end",
        "a finished task instance is left by somebody's action, or because its group is run again, only",
        "SELECT 'task instance ' || e.task_instance_id || ': ' || e.old || ' to ' || e.new || ' by ' || e.actor "
        f"FROM runs_app_stateevent e WHERE e.task_instance_id IS NOT NULL AND e.old IN ({ENDED}) "
        "AND e.old <> 'removed' AND e.actor NOT LIKE 'user:%%' AND e.actor <> 'engine:group_retry'",
    ),
    Rule(
        "tokens_of_events_rise",
        "the tokens in a task instance's events never fall",
        "SELECT 'task instance ' || w.task_instance_id FROM (SELECT e.task_instance_id, e.token, "
        "lag(e.token) OVER (PARTITION BY e.task_instance_id ORDER BY e.id) AS earlier FROM runs_app_stateevent e "
        "WHERE e.task_instance_id IS NOT NULL) w WHERE w.token < w.earlier",
    ),
)
