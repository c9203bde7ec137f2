"""Reasons from facts alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.core.reasons import KINDS, DagFacts, Holder, Limit, Queue, RunFacts, TaskFacts
from orchestrator.core.states import RunState, TaskState
from orchestrator.core.why import why_dag, why_run, why_task

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAG = DagFacts("d", NOW, next_run=NOW + timedelta(days=1, hours=2, minutes=3))
RUN = RunFacts(DAG, "r", RunState.RUNNING, NOW)
READY = TaskFacts(RUN, "t", TaskState.SCHEDULED, pool_size=9, queue=Queue(slots=2))
WAITING = replace(READY, state=TaskState.NONE)
FULL = Limit(2, 2, (Holder("d", "r", "a", 0), Holder("other", "r", "b")))


def told(found: list[Any]) -> list[tuple[str, str]]:
    assert all(each.kind in KINDS for each in found)
    return [(each.kind, each.text) for each in found]


@pytest.mark.parametrize(
    ("facts", "kind", "text"),
    [
        (
            replace(READY, in_pool=FULL),
            "pool_full",
            "Pool 'default_pool' has 2 of 2 slots in use: none is free: a[0], other.b.",
        ),
        (
            replace(READY, in_pool=Limit(5, 3), pool_slots=3),
            "pool_full",
            "Pool 'default_pool' has 3 of 5 slots in use: it asks for 3 and 2 are free.",
        ),
        (replace(READY, pool_size=None), "pool_never", "It can never run: pool 'default_pool' does not exist."),
        (
            replace(READY, pool_slots=10),
            "pool_never",
            "It can never run: it asks for 10 slots of pool 'default_pool', which has 9.",
        ),
        (
            replace(READY, in_run=FULL),
            "limit_run",
            "2 task instances of the run are running, and max_active_tasks is 2: a[0], other.b.",
        ),
        (
            replace(READY, of_task=Limit(1, 1)),
            "limit_dag",
            "1 instances of its task are under way in all runs, and its max_active_tis_per_dag is 1.",
        ),
        (
            replace(READY, of_task_in_run=Limit(1, 1)),
            "limit_dagrun",
            "1 instances of its task are under way in this run, and its max_active_tis_per_dagrun is 1.",
        ),
        (
            replace(READY, of_key=Limit(2, 2), key="tenant acme"),
            "limit_key",
            "2 task instances of the key 'tenant acme' are running, and its concurrency_limit is 2.",
        ),
        (
            replace(READY, pool="api", rate=30, rate_until=NOW + timedelta(seconds=12)),
            "pool_rate",
            "Pool 'api' lets 30 a minute start: the next one may in 12 s.",
        ),
        (
            replace(WAITING, group="load", group_until=NOW + timedelta(minutes=5)),
            "group_retry",
            "Group 'load', which it comes after, failed and is run again in 5 min.",
        ),
        (
            replace(READY, queue=Queue(others=("default", "gpu"))),
            "no_worker",
            "No worker slot takes queue 'default'; those alive take default, gpu.",
        ),
        (
            replace(READY, queue=Queue(slots=2, busy=2, ready_before=3)),
            "slots_busy",
            "All 2 worker slots of queue 'default' are busy, and 3 ready task instances come first.",
        ),
        (
            replace(READY, queue=Queue(slots=1, busy=1, held_by=(Holder("other", "r", "wait", state="running"),))),
            "slots_busy",
            "All 1 worker slots of queue 'default' are busy: other.wait (running).",
        ),
        (
            replace(READY, queue=Queue(slots=2, busy=1, ready_before=3)),
            "in_line",
            "It is ready for queue 'default': 3 ready task instances come first, by priority and by how long they have waited.",
        ),
        (READY, "about_to", "Nothing holds it: a free worker slot of queue 'default' claims it next."),
        (
            replace(READY, state=TaskState.DEFERRED, trigger="X", triggerers=1, due_at=NOW + timedelta(hours=1)),
            "deferred",
            "Its trigger X has not fired yet; it times out in 1 h.",
        ),
        (
            replace(READY, state=TaskState.AWAITING_INPUT, question="Go?", asked=("ann", "bob")),
            "awaiting_input",
            "“Go?” has yet to be answered by ann, bob.",
        ),
        (
            replace(WAITING, run=replace(RUN, state=RunState.FAILED)),
            "run_over",
            "Its run r ended as failed, so nothing more of it is decided.",
        ),
        (replace(READY, state=TaskState.SKIPPED, last_reason="b"), "ended", "t ended as skipped: b."),
    ],
)
def test_a_task_instance_is_told_its_reason_with_numbers_and_names(facts: TaskFacts, kind: str, text: str):
    assert told(why_task(facts)) == [(kind, text)]


def test_many_holders_are_counted():
    holders = tuple(Holder("d", "r", f"t{number}") for number in range(8))
    (reason,) = why_task(replace(WAITING, waits_for="all_success of 8 upstream: 8 not done", open_upstream=holders))
    assert reason.text.endswith("8 not done: t0, t1, t2, t3, t4 and 3 more.")
    assert reason.held_by == holders


def test_all_reasons_are_told_nearest_first():
    paused = replace(RUN, dag=replace(DAG, is_paused=True, is_frozen=True))
    facts = replace(READY, run=paused, in_pool=FULL, queue=Queue(), in_run=FULL)
    assert [each.kind for each in why_task(facts)] == ["pool_full", "limit_run", "dag_frozen", "no_worker"]


def test_a_run_of_a_backfill_has_the_limit_of_the_backfill():
    run = replace(RUN, state=RunState.QUEUED, backfill=7, places=Limit(1, 1, (Holder("d", "r1", state="running"),)))
    text = "1 runs of its backfill 7 are running, and its max_active_runs is 1: r1 (running)."
    assert told(why_run(run)) == [("backfill_limit", text)]
    assert told(why_run(replace(run, places=None, backfill_paused=True))) == [
        ("backfill_paused", "Its backfill 7 is paused.")
    ]


def test_a_queued_run_that_nothing_holds_is_about_to_start():
    (reason,) = why_run(replace(RUN, state=RunState.QUEUED, places=Limit(16, 0)))
    assert (reason.kind, reason.until) == ("about_to", NOW)
    assert why_run(RUN) == []


def test_a_dag_names_each_thing_that_stops_it():
    assert told(why_dag(DAG)) == [("next_run", "Its next run is due in 1 d 2 h.")]
    broken = replace(DAG, has_version=False, has_schedule=False, next_run=None, scheduler_alive=False)
    assert [each.kind for each in why_dag(broken)] == ["no_version", "no_schedule", "scheduler_missing"]
    full = replace(DAG, runs=Limit(1, 1))
    assert [each.kind for each in why_dag(full)] == ["max_active_runs", "next_run"]
    over = replace(DAG, next_run=None, ending="the DAG's end date comes first")
    assert told(why_dag(over)) == [("no_run_left", "It has no run to come: the DAG's end date comes first.")]


def test_a_dag_on_assets_names_those_that_are_missing():
    facts = replace(DAG, next_run=None, missing_assets=("orders", "prices"))
    text = "It runs when its assets have changed since its last run on them; still missing: orders, prices."
    assert told(why_dag(facts)) == [("assets_missing", text)]
    assert told(why_dag(replace(DAG, next_run=None, missing_assets=()))) == []
    many = replace(facts, missing_assets=tuple("abcdefgh"))
    assert told(why_dag(many))[0][1].endswith("a, b, c, d, e and 3 more.")
