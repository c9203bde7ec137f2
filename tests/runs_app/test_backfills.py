"""Backfills: their runs are made once whatever happens, start in order under their own limit, and end."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from dags_app.models import AuditEntry, Dag
from orchestrator.core.backfill import Reprocess
from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import DAG, Param
from runs_app import actions, advance, backfill_steps, backfills, control, create, invariants
from runs_app.backfills import Request
from runs_app.exceptions import BackfillActive, BackfillNotFound, BackfillOver, BackfillRefused
from runs_app.models import Backfill, BackfillDagRun, DagRun
from tests.runs_app.engine import play, python_dag, slot, state_of, states
from tests.support import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]


def day(number: int) -> datetime:
    return datetime(2026, 3, number, tzinfo=UTC)


def daily(dag_id: str = "daily", **arguments: Any) -> Dag:
    return python_dag(dag_id, {"a": ()}, schedule="@daily", start_date=day(1), **arguments)


def ask(first: int = 1, last: int = 5, **more: Any) -> Backfill:
    return backfills.create(Request("daily", day(first), day(last), **more))


def by_day(**wanted: Any) -> list[int]:
    rows = DagRun.objects.filter(**wanted).order_by("logical_date")
    return [each.logical_date.day for each in rows if each.logical_date is not None]


def ran(backfill: Backfill) -> list[int]:
    """The days of the runs that were started, in the order of their start."""
    rows = DagRun.objects.filter(backfill=backfill, started_at__isnull=False).order_by("started_at", "updated_at", "pk")
    return [each.logical_date.day for each in rows if each.logical_date is not None]


def work() -> None:
    """Run what is ready, and make control passes, until nothing moves."""
    for _ in range(20):
        ran_now = play(slot())
        control.step(timezone.now())
        if not ran_now and not DagRun.objects.filter(state="running").exists():
            return


def kept() -> bool:
    return invariants.check(timezone.now(), liveness=False) == []


def test_all_runs_are_made_at_once_and_as_many_started_as_the_backfill_allows():
    daily()
    backfill = ask(max_active_runs=2)
    assert by_day(backfill=backfill, state="running") == [1, 2]
    assert by_day(backfill=backfill, state="queued") == [3, 4, 5]
    run = DagRun.objects.get(logical_date=day(1))
    assert (run.run_id, run.run_type, run.triggered_by) == (f"backfill__{day(1).isoformat()}", "backfill", "backfill")
    assert (run.data_interval_start, run.run_after) == (day(1), day(1))
    assert AuditEntry.objects.get(event="create_backfill").extra["runs"] == 5
    assert kept()


def test_a_backfill_ends_with_its_last_run():
    daily()
    backfill = ask(max_active_runs=2)
    work()
    backfill.refresh_from_db()
    assert by_day(state="success") == [1, 2, 3, 4, 5]
    assert backfill.completed_at is not None
    assert backfills.progress([backfill])[backfill.pk].percent == 100
    assert invariants.check(timezone.now()) == []
    ask()  # another may begin


def test_runs_start_in_order_also_backwards():
    daily()
    backfill = ask(max_active_runs=1, backwards=True)
    order = []
    for _ in range(5):
        order += by_day(state="running")
        play(slot())
        advance.start_queued("daily", timezone.now())
    assert order == [5, 4, 3, 2, 1]
    assert [each.logical_date.day for each in backfill.entries.order_by("ordinal")] == order


def test_ordinary_runs_go_first_and_each_kind_has_its_own_limit():
    dag = daily(max_active_runs=1)
    Dag.objects.update(is_paused=True)
    ask(max_active_runs=2)
    manual = [actions.trigger_dag(dag.pk, logical_date=None) for _ in range(2)]
    Dag.objects.update(is_paused=False)
    first, _ = advance.start_oldest(dag.pk, timezone.now())
    assert (first.ready.total(), state_of(manual[0])) == (1, "running")
    advance.start_queued(dag.pk, timezone.now())
    assert (by_day(state="running"), state_of(manual[1])) == ([1, 2], "queued")
    assert kept()


@pytest.mark.parametrize(
    ("reprocess", "again"), [(Reprocess.NONE, []), (Reprocess.FAILED, [2, 5]), (Reprocess.COMPLETED, [1, 2, 5])]
)
def test_which_runs_that_are_there_run_again(reprocess, again):
    dag = daily()
    for number, state in ((1, "success"), (2, "failed"), (3, "running"), (5, "cancelled")):
        at = {"cancelled_at": day(5)} if state == "cancelled" else {}
        factories.make_run(dag, state=state, run_type="scheduled", logical_date=day(number), conf={"old": 1}, **at)
    backfill = ask(reprocess=reprocess, conf={"new": 2})
    entries = {each.logical_date.day: each for each in backfill.entries.all()}
    assert sorted(number for number, each in entries.items() if each.dag_run_id) == sorted([4, *again])
    assert entries[3].exception_reason == "in flight"
    assert {entries[number].exception_reason for number in (1, 2, 5) if number not in again} <= {"already exists"}
    for number in again:
        run = DagRun.objects.get(logical_date=day(number))
        assert (run.run_type, run.triggered_by, run.conf, run.generation) == ("backfill", "backfill", {"new": 2}, 2)
        assert states(run) == {"a": "scheduled"}
    work()
    backfill.refresh_from_db()
    assert backfill.completed_at is not None


def test_a_cleared_run_keeps_its_conf_where_the_backfill_has_none():
    run = factories.make_run(daily(), state="failed", run_type="scheduled", logical_date=day(2), conf={"old": 1})
    ask(2, 3, reprocess=Reprocess.FAILED)
    run.refresh_from_db()
    assert (run.conf, DagRun.objects.get(logical_date=day(3)).conf) == ({"old": 1}, {})


def test_the_plan_says_what_would_be_done_and_does_nothing():
    dag = daily()
    factories.make_run(dag, state="failed", logical_date=day(2))
    factories.make_run(dag, state="success", logical_date=day(3))
    found = backfills.plan(Request("daily", day(1), day(4), backwards=True, reprocess=Reprocess.FAILED))
    assert [(each.run.logical_date.day, each.verdict.action, each.verdict.reason) for each in found] == [
        (4, "create", ""),
        (3, "skip", "already exists"),
        (2, "clear", ""),
        (1, "create", ""),
    ]
    assert DagRun.objects.count() == 2
    assert not Backfill.objects.exists()


def test_what_is_refused():
    daily()
    with pytest.raises(BackfillNotFound, match="Could not find dag nowhere"):
        backfills.create(Request("nowhere", day(1), day(2)))
    python_dag("by_hand", {"a": ()})
    with pytest.raises(BackfillRefused, match="non-periodic"):
        backfills.create(Request("by_hand", day(1), day(2)))
    python_dag("strict", {"a": ()}, schedule="@daily", params={"n": Param(1, type="integer")})
    with pytest.raises(BackfillRefused, match="n"):
        backfills.create(Request("strict", day(1), day(2), conf={"n": "many"}))
    ask(max_active_runs=1)
    with pytest.raises(BackfillActive, match="already a running backfill for dag daily"):
        ask(7, 8)


def test_pausing_starts_nothing_more_and_leaves_what_runs():
    daily()
    backfill = ask(max_active_runs=1)
    backfills.set_paused(backfill.pk, True)
    work()
    assert (by_day(state="success"), by_day(state="queued")) == ([1], [2, 3, 4, 5])
    assert invariants.check(timezone.now() + timedelta(seconds=30)) == []
    backfills.set_paused(backfill.pk, False)
    assert by_day(state="running") == [2]


def test_cancelling_ends_what_has_not_begun():
    daily()
    backfill = ask(max_active_runs=2)
    found = backfills.cancel(backfill.pk)
    assert found.completed_at is not None
    assert (by_day(state="running"), by_day(state="cancelled")) == ([1, 2], [3, 4, 5])
    with pytest.raises(BackfillOver, match="already completed"):
        backfills.cancel(backfill.pk)
    work()
    assert by_day(state="success") == [1, 2]
    assert kept()


def test_a_run_of_a_cancelled_backfill_can_be_cleared_and_runs():
    daily()
    backfill = ask(max_active_runs=1)
    backfills.cancel(backfill.pk)
    actions.clear(DagRun.objects.get(logical_date=day(3)).pk)
    work()
    assert by_day(state="success") == [1, 3]


def test_a_run_of_a_backfill_may_be_deleted_and_the_rest_goes_on():
    daily()
    backfill = ask(max_active_runs=1)
    actions.delete_run(DagRun.objects.get(logical_date=day(3)).pk, user=None)
    work()
    backfill.refresh_from_db()
    assert (by_day(state="success"), backfill.completed_at is not None) == ([1, 2, 4, 5], True)


def test_a_paused_dag_runs_no_backfill_until_it_is_unpaused():
    daily(is_paused=True)
    ask(max_active_runs=1)
    control.step(timezone.now())
    assert by_day(state="queued") == [1, 2, 3, 4, 5]
    actions.pause("daily", False, user=None)
    assert by_day(state="running") == [1]


class Killed(BaseException):
    """What no handler of ours catches, like the end of the process."""


@pytest.mark.parametrize("dies_at", range(0, 9, 2))
def test_whoever_dies_while_runs_are_made_loses_nothing(dies_at, monkeypatch, emptied):
    """Killed before, in the middle of and after batches; then another process goes on."""
    daily()
    monkeypatch.setattr(backfill_steps, "BATCH", 3)
    monkeypatch.setattr(backfill_steps, "BATCH_SECONDS", 60.0)  # on a slow machine, too
    count = 0
    original = create.create_run

    def dying(**values: Any) -> DagRun:
        nonlocal count
        count += 1
        if count == dies_at + 1:
            raise Killed
        return original(**values)

    monkeypatch.setattr(create, "create_run", dying)
    with pytest.raises(Killed):
        ask(1, 9)
    monkeypatch.setattr(create, "create_run", original)
    made = DagRun.objects.count()
    assert made == dies_at // 3 * 3
    assert BackfillDagRun.objects.filter(settled=True).count() == made
    assert kept()
    control.step(timezone.now())
    assert by_day() == list(range(1, 10))
    assert not BackfillDagRun.objects.filter(settled=False).exists()
    work()
    assert by_day(state="success") == list(range(1, 10))
    assert Backfill.objects.get().completed_at is not None
    assert kept()


def test_two_that_make_runs_at_once_make_each_once(emptied, monkeypatch):
    daily()
    monkeypatch.setattr(backfill_steps, "BATCH", 2)
    monkeypatch.setattr(backfill_steps, "make_runs", lambda *given, **more: None)
    backfill = ask(1, 9)
    monkeypatch.undo()
    monkeypatch.setattr(backfill_steps, "BATCH", 2)
    errors: list[BaseException] = []

    def make() -> None:
        try:
            backfill_steps.make_runs(backfill.pk, timezone.now(), seconds=20)
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=make) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert errors == []
    assert by_day() == list(range(1, 10))
    assert kept()


@pytest.mark.parametrize(
    ("asked", "of_dag", "of_installation", "latest"),
    [
        (False, None, None, False),
        (True, False, False, True),
        (None, None, None, True),
        (None, None, False, False),
        (None, False, True, False),
    ],
)
def test_a_run_that_runs_again_does_so_with_the_latest_version_unless_told_otherwise(
    asked, of_dag, of_installation, latest, monkeypatch
):
    monkeypatch.setattr(settings.ORCH, "rerun_with_latest_version", of_installation)
    dag = daily()
    run = factories.make_run(dag, state="failed", run_type="scheduled", logical_date=day(2))
    with DAG("daily", schedule="@daily", start_date=day(1), rerun_with_latest_version=of_dag) as changed:
        for name in ("a", "b"):
            PythonOperator(task_id=name, python_callable=print)
    newest = factories.make_version(dag, changed.to_spec())
    ask(2, 2, reprocess=Reprocess.FAILED, run_on_latest_version=asked)
    run.refresh_from_db()
    assert (run.version_id == newest.pk, sorted(states(run))) == (latest, ["a", "b"] if latest else ["a"])
