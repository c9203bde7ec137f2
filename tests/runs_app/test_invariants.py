"""The rules of ``check_invariants``: quiet on what the engine wrote, and each of them reports its own kind of damage."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from dags_app.models import Dag, Pool
from orchestrator.sdk import DeadlineAlert, DeadlineReference, SyncCallback
from runs_app import actions, backfills, cancel, control, deadlines, hitl, holds, invariants
from runs_app.backfills import Request
from runs_app.finish import Outcome
from runs_app.locking import db_now, fetch, write
from runs_app.models import DagRun, Deadline, Process, TaskInstance
from tests.runs_app import test_assets as assets
from tests.runs_app.engine import end, play, python_dag, seconds, slot, start, take

TI = "runs_app_taskinstance"
OLD = "2020-01-01 00:00:00+00:00"


@pytest.fixture
def world(db: None, invitations: Any) -> dict[str, int]:
    """Runs in every stage, made by the engine. Returns ids by name."""
    Pool.objects.create(name="narrow", slots=1)
    assets.make("waits", schedule=assets.A & assets.B)
    assets.make("told", schedule=[assets.A])
    makes = assets.produce(assets.make("makes", outlets=[assets.A]))
    play(slot())
    done = start(python_dag("done", {"a": (), "b": ("a",)}))
    play(slot())
    failed = start(python_dag("failed", {"a": (), "b": ("a",)}, tasks={"retries": 1, "retry_delay": seconds(0)}))
    play(slot(), lambda row: "failed")
    actions.clear(failed.pk, only_failed=True)
    play(slot())
    retry = start(python_dag("retry", {"a": ()}, tasks={"retries": 1, "retry_delay": seconds(900)}))
    end(take(slot()), "failed")
    deferred = start(python_dag("deferred", {"a": ()}))
    end(take(slot()), Outcome("deferred", trigger={"classpath": "x.Y", "method": "go", "timeout_seconds": 900}))
    due = DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(hours=9), SyncCallback("a.b"))
    dated = start(python_dag("dated", {"a": ()}, deadline=[due, due]))
    end(take(slot()), "failed")
    Deadline.objects.filter(pk=dated.deadlines.order_by("pk")[0].pk).update(deadline_time=timezone.now())
    deadlines.judge_due(timezone.now(), 10)
    asks = start(python_dag("asks", {"a": ()}))
    row = take(slot())
    hitl.ask((row["run_id"], "a", -1), row["token"], {"subject": "?", "options": ["yes"]}, timezone.now())
    end(row, Outcome("awaiting_input", trigger={"method": "go", "timeout_seconds": 900}))
    marked = start(python_dag("marked", {"a": (), "b": ("a",)}))
    row = take(slot())
    actions.set_task_state([row["id"]], "failed")
    end(row, "success")
    lost = start(python_dag("lost", {"a": ()}, tasks={"pool": "narrow"}))
    end(take(slot()), "lost")
    running = take(slot())
    cancelled = start(python_dag("cancelled", {"a": (), "b": ("a",)}))
    cancel.cancel_run(cancelled.pk)
    held = start(python_dag("held", {"a": ()}))
    holds.hold("held", "a")
    python_dag("filled", {"a": ()}, schedule="@daily", tasks={"queue": "far"})
    first = timezone.now() - timedelta(days=9)
    backfill = backfills.create(Request("filled", first, first + timedelta(days=4), max_active_runs=2))
    paused = python_dag("paused", {"a": ()}, is_paused=True)
    start(paused)
    Process.objects.filter(kind="slot").exclude(attempts__outcome__isnull=True).update(ended_at=timezone.now())
    return {
        "running": running["id"],
        "run": running["run_id"],
        "makes": makes,
        "done_run": done.pk,
        "done": TaskInstance.objects.get(run=done, task_id="a").pk,
        "failed": TaskInstance.objects.get(run=failed, task_id="a").pk,
        "retry": TaskInstance.objects.get(run=retry).pk,
        "deferred": TaskInstance.objects.get(run=deferred).pk,
        "asks": TaskInstance.objects.get(run=asks).pk,
        "marked_run": marked.pk,
        "lost_run": lost.pk,
        "cancelled_run": cancelled.pk,
        "backfill": backfill.pk,
        "held": TaskInstance.objects.get(run=held).pk,
        "queued_run": DagRun.objects.get(dag_id="paused").pk,
        "queued": TaskInstance.objects.get(run__dag_id="paused").pk,
    }


def broken(**options: Any) -> set[str]:
    return {each.rule for each in invariants.check(db_now(), **options)}


def test_what_the_engine_wrote_breaks_no_rule(world):
    assert invariants.check(db_now()) == []
    assert invariants.check(db_now(), since=timezone.now() - timedelta(hours=1)) == []
    control.step(timezone.now())
    assert invariants.check(db_now()) == []


# One hand-made corruption a line: the rule that must report it, and the statements. {name} is an id of the world.
DAMAGE = [
    (
        "assets_are_watched",
        "INSERT INTO runs_app_watchtrigger (digest, classpath, kwargs, version_id, failures, error, accepted, created_at) "
        "SELECT 'x', 'x.Y', '{{}}', {other}, 0, '', '', '{old}'; {triggerer}",
    ),
    ("active_asset_is_named", "DELETE FROM dags_app_taskreference; DELETE FROM dags_app_schedulereference"),
    ("named_asset_is_active", "UPDATE dags_app_asset SET is_active = false"),
    ("queued_event_has_news", "DELETE FROM runs_app_unreadevent"),
    (
        "events_are_told_once",
        "INSERT INTO runs_app_unreadevent (dag_id, event_id) SELECT 'told', id FROM runs_app_assetevent",
    ),
    (
        "stopped_is_known",
        "UPDATE runs_app_attempt SET stopping = true WHERE outcome IS NOT NULL; "
        "UPDATE runs_app_process SET ended_at = '{old}'",
    ),
    ("asset_run_has_no_date", "UPDATE runs_app_dagrun SET logical_date = '{old}' WHERE run_type = 'asset_triggered'"),
    (
        "events_come_from_success",
        "DELETE FROM runs_app_stateevent WHERE new = 'success' AND task_instance_id = {makes}",
    ),
    ("running_is_held", f"UPDATE {TI} SET token = token + 5 WHERE id = {{running}}"),
    ("running_is_held", "UPDATE runs_app_attempt SET outcome = 'failed', ended_at = '{old}' WHERE outcome IS NULL"),
    ("open_attempt_runs", f"UPDATE {TI} SET state = 'none' WHERE id = {{running}}"),
    ("open_attempt_runs", "UPDATE runs_app_attempt SET outcome = NULL WHERE task_instance_id = {done}"),
    ("token_never_falls", f"UPDATE {TI} SET token = 0 WHERE id = {{done}}"),
    ("one_result_a_generation", "{copy_attempt}"),
    ("attempt_is_ended", "UPDATE runs_app_attempt SET ended_at = NULL WHERE task_instance_id = {done}"),
    ("attempt_is_ended", "UPDATE runs_app_attempt SET ended_at = '{old}' WHERE outcome IS NULL"),
    ("attempt_keeps_the_version", "UPDATE runs_app_attempt SET version_id = {other} WHERE task_instance_id = {done}"),
    ("version_is_the_runs", f"UPDATE {TI} SET version_id = {{other}} WHERE id = {{retry}}"),
    ("states_are_known", f"UPDATE {TI} SET state = 'running!' WHERE id = {{retry}}"),
    ("ended_iff_finished", f"UPDATE {TI} SET ended_at = NULL WHERE id = {{done}}"),
    ("ended_iff_finished", f"UPDATE {TI} SET ended_at = '{{old}}' WHERE id = {{retry}}"),
    ("run_ended_iff_finished", "UPDATE runs_app_dagrun SET ended_at = NULL WHERE id = {done_run}"),
    ("last_event_is_the_state", f"UPDATE {TI} SET state = 'skipped' WHERE id = {{done}}"),
    ("last_event_is_the_state", "DELETE FROM runs_app_stateevent WHERE new = 'up_for_retry'"),
    ("last_run_event_is_the_state", "UPDATE runs_app_dagrun SET state = 'failed' WHERE id = {done_run}"),
    ("events_follow_each_other", "DELETE FROM runs_app_stateevent WHERE new = 'running' AND task_instance_id = {done}"),
    (
        "only_people_leave_the_end",
        "UPDATE runs_app_stateevent SET actor = 'engine' WHERE task_instance_id = {failed} AND new = 'none'",
    ),
    (
        "tokens_of_events_rise",
        "UPDATE runs_app_stateevent SET token = 9 WHERE task_instance_id = {failed} AND new = 'running'",
    ),
    ("finished_run_is_done", f"UPDATE {TI} SET state = 'none', ended_at = NULL WHERE id = {{done}}"),
    (
        "finished_run_is_done",
        "UPDATE runs_app_dagrun SET state = 'success', ended_at = '{old}' WHERE id = {lost_run}",
    ),
    (
        "pool_rate_holds",
        "UPDATE dags_app_pool SET rate_per_minute = 1 WHERE name = 'narrow'; "
        "INSERT INTO runs_app_poolstart (pool, at) VALUES ('narrow', '2100-01-01'), ('narrow', '2100-01-01')",
    ),
    ("pool_weights_are_known", f"UPDATE {TI} SET pool_slots = 7 WHERE id = {{retry}}"),
    ("queued_run_has_not_begun", f"UPDATE {TI} SET state = 'scheduled' WHERE id = {{queued}}"),
    ("cancelled_is_asked_for", "UPDATE runs_app_dagrun SET cancelled_at = NULL WHERE id = {cancelled_run}"),
    ("cancelled_is_asked_for", "UPDATE runs_app_dagrun SET cancelled_at = '{old}' WHERE id = {done_run}"),
    ("backfill_limit_holds", "UPDATE runs_app_backfill SET max_active_runs = 0"),
    ("one_open_backfill", "{copy_backfill}"),
    ("backfill_entries_are_settled", "UPDATE runs_app_backfilldagrun SET settled = {false} WHERE ordinal = 1"),
    ("backfill_entries_are_settled", "UPDATE runs_app_backfill SET completed_at = '{old}'; {open_entry}"),
    ("run_is_of_its_backfill", "UPDATE runs_app_dagrun SET run_type = 'manual' WHERE backfill_id = {backfill}"),
    ("run_is_of_its_backfill", "DELETE FROM runs_app_backfilldagrun"),
    ("run_is_of_its_backfill", "UPDATE runs_app_backfill SET dag_id = 'done'"),
    ("backfills_go_on", "UPDATE runs_app_backfill SET updated_at = '{old}'; {open_entry}"),
    (
        "backfills_go_on",
        "UPDATE runs_app_backfill SET updated_at = '{old}', max_active_runs = 5; "
        "UPDATE runs_app_dagrun SET queued_at = '{old}' WHERE backfill_id = {backfill}",
    ),
    (
        "backfills_go_on",
        "UPDATE runs_app_backfill SET updated_at = '{old}'; DELETE FROM runs_app_stateevent WHERE run_id IN "
        "(SELECT id FROM runs_app_dagrun WHERE backfill_id = {backfill}); UPDATE runs_app_dagrun SET updated_at = '{old}', "
        "state = 'failed', ended_at = '{old}' WHERE backfill_id = {backfill}",
    ),
    ("one_run_a_date", "{same_date}"),
    ("map_indexes_are_dense", f"UPDATE {TI} SET map_index = 1 WHERE id = {{done}}"),
    ("map_indexes_are_dense", "{copy_mapped}"),
    ("task_instance_is_of_its_dag", f"UPDATE {TI} SET dag_id = 'paused' WHERE id = {{done}}"),
    ("pool_holds", "UPDATE dags_app_pool SET slots = 0 WHERE name = 'narrow'"),
    ("max_active_tasks_holds", "UPDATE dags_app_dag SET max_active_tasks = 0 WHERE dag_id = 'lost'"),
    ("max_active_runs_holds", "UPDATE dags_app_dag SET max_active_runs = 0 WHERE dag_id = 'lost'"),
    ("tries_are_limited", f"UPDATE {TI} SET try_number = 9 WHERE id = {{done}}"),
    ("losses_are_limited", f"UPDATE {TI} SET losses = 99 WHERE id = {{running}}"),
    ("trigger_iff_deferred", "DELETE FROM runs_app_trigger"),
    ("trigger_iff_deferred", f"UPDATE {TI} SET state = 'scheduled', not_before = NULL WHERE id = {{deferred}}"),
    ("question_is_open", "UPDATE runs_app_hitldetail SET responded_at = '{old}'"),
    ("question_is_open", "DELETE FROM runs_app_hitldetail"),
    ("answer_goes_on_once", "UPDATE runs_app_hitldetail SET delivered = {true}"),
    ("missed_is_told_once", "DELETE FROM runs_app_callback"),
    ("missed_is_told_once", "UPDATE runs_app_deadline SET missed = {true}"),
    ("deadlines_are_judged", "UPDATE runs_app_deadline SET deadline_time = '{old}' WHERE NOT missed"),
    ("trigger_is_waited_for", "UPDATE runs_app_trigger SET token = token - 1"),
    ("xcom_is_of_its_task_instance", "{stray_xcom}"),
    ("waiting_has_a_time", f"UPDATE {TI} SET not_before = NULL WHERE id = {{retry}}"),
    ("finished_waits_for_nothing", f"UPDATE {TI} SET not_before = '{{old}}' WHERE id = {{done}}"),
    ("held_is_not_ready", f"UPDATE {TI} SET state = 'scheduled' WHERE id = {{held}}"),
    ("held_by_a_hold", f"UPDATE {TI} SET held = {{false}} WHERE id = {{held}}"),
    ("held_by_a_hold", f"UPDATE {TI} SET held = {{true}} WHERE id = {{retry}}"),
    ("held_tasks_are_known", "UPDATE dags_app_dag SET has_held_tasks = {false}"),
    ("held_tasks_are_known", "UPDATE dags_app_dag SET has_held_tasks = {true} WHERE dag_id = 'done'"),
    # ---- liveness
    ("holds_end", "UPDATE runs_app_hold SET until = '{old}'"),
    ("dead_hold_nothing", "UPDATE runs_app_process SET beat_at = '{old}' WHERE ended_at IS NULL"),
    ("dead_hold_nothing", "UPDATE runs_app_process SET ended_at = '{old}' WHERE ended_at IS NULL"),
    ("due_runs_are_made", "UPDATE dags_app_dag SET next_run_after = '{old}' WHERE dag_id = 'done'"),
    (
        "queued_runs_start",
        "UPDATE dags_app_dag SET is_paused = {false}; UPDATE runs_app_dagrun SET run_after = '{old}', queued_at = '{old}' "
        "WHERE state = 'queued'",
    ),
    ("marks_are_acted_on", f"UPDATE {TI} SET changed = {{true}}, updated_at = '{{old}}' WHERE id = {{done}}"),
    (
        "runs_move_or_end",
        f"UPDATE {TI} SET updated_at = '{{old}}' WHERE run_id = {{done_run}}; "
        "UPDATE runs_app_dagrun SET state = 'running', ended_at = NULL, updated_at = '{old}' WHERE id = {done_run}",
    ),
    (
        "due_groups_are_run_again",
        "INSERT INTO runs_app_groupretry (run_id, group_id, map_index, retried, not_before) "
        "VALUES ({run}, 'g', -1, 0, '{old}')",
    ),
    ("due_waits_are_over", f"UPDATE {TI} SET not_before = '{{old}}' WHERE id = {{deferred}}"),
    ("due_waits_are_over", f"UPDATE {TI} SET not_before = '{{old}}' WHERE id = {{asks}}"),
    (
        "plugins_are_told",
        "INSERT INTO dags_app_plugincall (kind, payload, created_at, tries) VALUES ('on_x', '{{}}', '{old}', 0); {processor}",
    ),
    ("deferred_are_watched", "UPDATE runs_app_trigger SET created_at = '{old}'; {triggerer}"),
    ("late_runs_are_ended", "UPDATE runs_app_dagrun SET timeout_at = '{old}' WHERE state = 'running'"),
    (
        "work_is_claimed",
        f"UPDATE {TI} SET state = 'scheduled', scheduled_at = '{{old}}' WHERE id = {{retry}}; {{idle}}",
    ),
]


def copy(table: str, where: str, **changes: str) -> str:
    """The statement that adds a changed copy of a row."""
    with connection.cursor() as cursor:
        names = [column.name for column in connection.introspection.get_table_description(cursor, table)]
    names.remove("id")
    values = [changes.get(name, f'"{name}"') for name in names]
    columns = ", ".join(f'"{name}"' for name in names)
    return f"INSERT INTO {table} ({columns}) SELECT {', '.join(values)} FROM {table} WHERE {where}"


@pytest.mark.parametrize(("rule", "damage"), DAMAGE, ids=[f"{n}-{rule}" for n, (rule, _) in enumerate(DAMAGE)])
def test_damage_is_reported_by_its_rule(rule, damage, world):
    postgresql = connection.vendor == "postgresql"
    other = fetch("SELECT id FROM dags_app_dagversion WHERE dag_id = 'paused'")[0][0]
    false = "false" if postgresql else "0"
    statements = damage.format(
        **world,
        old=OLD if postgresql else OLD[:19],
        other=other,
        true="true" if postgresql else "1",
        false=false,
        copy_attempt=copy("runs_app_attempt", f"task_instance_id = {world['done']}", token="0"),
        copy_mapped=copy(TI, f"id = {world['done']}", map_index="3"),
        copy_backfill=copy("runs_app_backfill", "1 = 1"),
        open_entry=copy("runs_app_backfilldagrun", "ordinal = 1", ordinal="9", settled=false, dag_run_id="NULL"),
        same_date=copy("runs_app_dagrun", f"id = {world['done_run']}", run_id="'again'"),
        triggerer=copy("runs_app_process", "ended_at IS NULL", kind="'triggerer'"),
        processor=copy("runs_app_process", "ended_at IS NULL", kind="'processor'"),
        idle=copy("runs_app_process", "ended_at IS NULL", pid="99"),
        stray_xcom="INSERT INTO runs_app_xcom (task_instance_id, run_id, dag_id, task_id, map_index, key, value, "
        f"timestamp) VALUES ({world['done']}, {world['lost_run']}, 'lost', 'a', -1, 'k', '1', '{OLD[:19]}')",
    )
    assert rule not in broken()
    if not postgresql:
        for relaxed in (
            "DROP INDEX dag_run_logical_date",
            "DROP INDEX backfill_one_open",
            "PRAGMA ignore_check_constraints = ON",
        ):
            connection.cursor().execute(relaxed)
    try:
        for statement in statements.split("; "):
            with transaction.atomic():
                write(statement)
    except DatabaseError:
        assert postgresql
        pytest.skip("the database itself refuses it")
    finally:
        if not postgresql:
            connection.cursor().execute("PRAGMA ignore_check_constraints = OFF")
    assert rule in broken()
    connection.set_rollback(True)


def test_every_rule_is_tried_or_kept_by_the_database_itself():
    """What the tests cannot break, unique keys and foreign keys keep."""
    kept = {"one_open_attempt", "token_is_once", "run_ids_are_once", "no_orphans"}
    assert {rule for rule, _ in DAMAGE} | kept == {rule.name for rule in invariants.RULES}


def test_only_what_changed_lately_is_looked_at(world):
    write(
        f"UPDATE {TI} SET token = 0, updated_at = %s WHERE id = %s", [timezone.now() - timedelta(days=3), world["done"]]
    )
    assert "token_never_falls" in broken()
    assert "token_never_falls" not in broken(since=timezone.now() - timedelta(days=1))


def test_rules_that_need_processes_can_be_left_out(world):
    write("UPDATE runs_app_dagrun SET timeout_at = %s WHERE state = 'running'", [timezone.now() - timedelta(days=3)])
    assert broken() == {"late_runs_are_ended"}
    assert broken(liveness=False) == set()


@pytest.mark.django_db(transaction=True)
def test_the_command_exits_with_the_number_of_broken_rules(emptied):
    out = StringIO()
    call_command("check_invariants", stdout=out)
    assert "rules hold" in out.getvalue()
    start(python_dag("late", {"a": ()}))
    DagRun.objects.update(timeout_at=timezone.now() - timedelta(days=1))
    Dag.objects.update(max_active_runs=0)
    out = StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command("check_invariants", "--json", stdout=out)
    assert stopped.value.code == 2
    told = json.loads(out.getvalue())
    assert {each["rule"] for each in told["broken"]} == {"late_runs_are_ended", "max_active_runs_holds"}
    assert all(each["rows"] for each in told["broken"])


def test_a_time_that_is_none_is_refused_with_an_example(db):
    with pytest.raises(CommandError, match="2026"):
        call_command("check_invariants", "--since", "yesterday")
