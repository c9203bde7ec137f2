"""Runs that fail one after the other pause their DAG; runs that take too long fail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from dags_app.models import AuditEntry, Dag
from runs_app import actions, cancel, control
from runs_app.models import Callback, DagRun
from tests.runs_app.engine import end, play, python_dag, slot, start, state_of, states, take

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]


def run(dag: Any, outcome: str) -> DagRun:
    made = start(dag)
    play(slot(), lambda row: outcome)
    return made


def is_paused() -> bool:
    return Dag.objects.values_list("is_paused", flat=True).get()


def test_so_many_failed_runs_in_a_row_pause_the_dag():
    dag = python_dag("bad", {"a": ()}, max_consecutive_failed_dag_runs=3)
    for outcome in ("failed", "failed", "success", "failed", "failed"):
        run(dag, outcome)
        assert not is_paused()
    run(dag, "failed")
    assert is_paused()
    entry = AuditEntry.objects.get(event="paused")
    assert (entry.actor, entry.dag_id) == ("engine", "bad")
    assert "last 3 runs failed" in entry.extra["reason"]


def test_without_the_limit_nothing_pauses():
    dag = python_dag("bad", {"a": ()})
    for _ in range(5):
        run(dag, "failed")
    assert not is_paused()


def test_a_cancelled_run_neither_counts_nor_breaks_the_row():
    dag = python_dag("bad", {"a": ()}, max_consecutive_failed_dag_runs=2)
    run(dag, "failed")
    cancel.cancel_run(start(dag).pk)
    assert not is_paused()
    run(dag, "failed")
    assert is_paused()


def test_a_newer_run_that_is_under_way_breaks_the_row():
    dag = python_dag("bad", {"a": ()}, max_consecutive_failed_dag_runs=1)
    older = start(dag)
    row = take(slot())
    start(dag)
    end(row, "failed")
    assert (state_of(older), is_paused()) == ("failed", False)


def test_a_run_that_takes_longer_than_its_timeout_fails_and_what_it_has_not_done_is_skipped():
    dag = python_dag(
        "slow",
        {"a": (), "b": ("a",)},
        dagrun_timeout=timedelta(minutes=5),
        max_consecutive_failed_dag_runs=1,
        on_failure_callback=print,
    )
    now = timezone.now()
    made = start(dag, now=now)
    take(slot())
    control.step(now + timedelta(minutes=4))
    assert state_of(made) == "running"
    control.step(now + timedelta(minutes=6))
    assert (state_of(made), states(made)) == ("failed", {"a": "skipped", "b": "skipped"})
    assert Callback.objects.get().reason == "timed_out"
    assert is_paused()


def test_the_timeout_begins_with_the_start_and_begins_again_with_a_clear():
    dag = python_dag("slow", {"a": ()}, dagrun_timeout=timedelta(minutes=5), max_active_runs=1)
    first, second = (actions.trigger_dag(dag.pk, logical_date=None) for _ in range(2))
    assert (first.timeout_at - first.started_at, second.timeout_at) == (timedelta(minutes=5), None)
    play(slot())
    actions.clear(first.pk)
    first.refresh_from_db()
    assert first.timeout_at is None or first.timeout_at > timezone.now() + timedelta(minutes=4)
