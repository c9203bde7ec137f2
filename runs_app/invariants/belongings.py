"""What belongs together: triggers, questions, deadlines, XComs, waiting times."""

from __future__ import annotations

from .rule import ENDED, NAMED, TI, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "trigger_iff_deferred",
        "a task instance has a trigger exactly when it is deferred",
        f"SELECT {NAMED} || ': ' || t.state FROM {TI} t LEFT JOIN runs_app_trigger g ON g.task_instance_id = t.id "
        "AND g.token = t.token WHERE (t.state = 'deferred') <> (g.id IS NOT NULL) "
        "AND (t.state = 'deferred' OR g.id IS NOT NULL)",
    ),
    Rule(
        "question_is_open",
        "a task instance that awaits input has asked, and nobody has answered",
        f"SELECT {NAMED} FROM {TI} t WHERE t.state = 'awaiting_input' AND NOT EXISTS (SELECT 1 "
        "FROM runs_app_hitldetail h WHERE h.task_instance_id = t.id AND h.token = t.token AND h.responded_at IS NULL)",
    ),
    Rule(
        "answer_goes_on_once",
        "an answer that a task went on with is no longer waited for",
        f"SELECT {NAMED} FROM {TI} t JOIN runs_app_hitldetail h ON h.task_instance_id = t.id AND h.token = t.token "
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
        f"SELECT 'xcom ' || x.id FROM runs_app_xcom x LEFT JOIN {TI} t ON t.id = x.task_instance_id "
        "WHERE t.id IS NULL OR t.run_id <> x.run_id OR t.task_id <> x.task_id OR t.map_index <> x.map_index",
    ),
    Rule(
        "no_orphans",
        "events and attempts belong to task instances that exist",
        f"SELECT 'attempt ' || a.id FROM runs_app_attempt a LEFT JOIN {TI} t ON t.id = a.task_instance_id "
        "WHERE t.id IS NULL UNION ALL SELECT 'event ' || e.id FROM runs_app_stateevent e "
        f"LEFT JOIN {TI} t ON t.id = e.task_instance_id WHERE e.task_instance_id IS NOT NULL AND t.id IS NULL",
    ),
    Rule(
        "waiting_has_a_time",
        "what waits for its time knows it",
        f"SELECT {NAMED} || ': ' || t.state FROM {TI} t WHERE t.state IN ('up_for_retry', 'up_for_reschedule') "
        "AND t.not_before IS NULL",
    ),
    Rule(
        "finished_waits_for_nothing",
        "what is finished or ready waits for no time",
        f"SELECT {NAMED} || ': ' || t.state FROM {TI} t WHERE t.not_before IS NOT NULL "
        f"AND t.state IN ({ENDED}, 'scheduled', 'running')",
    ),
)
