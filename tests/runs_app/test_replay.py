"""A run as it was at a moment is what a snapshot taken then held."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from time import process_time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orchestrator.core.states import RunState
from orchestrator.sdk import DAG, task, task_group
from runs_app import actions, cancel, control, replay
from runs_app.finish import Outcome
from runs_app.models import DagRun, StateEvent, TaskInstance
from runs_app.undo.keeping import keeping, offered
from runs_app.undo.taking_back import take_back
from tests.runs_app.engine import end, play, python_dag, seconds, slot, start, take
from tests.support import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]
RUNS, LOOKS = 10, 100
Snapshot = tuple[datetime, datetime, dict[int, tuple[str, int]], str]
"""From, until, states and try numbers of the task instances, and the state of the run."""


def shop():
    """Branches, a mapped task, a mapped group, retries and deferrals."""
    with DAG("shop") as dag:

        @task(retries=2, retry_delay=0)
        def work(x):
            return x

        @task
        def rows():
            return []

        @task_group
        def group(x):
            work.override(task_id="a")(x) >> work.override(task_id="b")(1)

        made = rows()
        group.expand(x=made) >> work.override(task_id="last", trigger_rule="all_done")(1)
        work.override(task_id="wide").expand(x=made) >> work.override(task_id="below")(1)
    return factories.make_dag(spec=dag.to_spec())


def outcome(random: Random, row) -> Outcome:
    if row["task_id"] == "rows":
        length = random.randint(0, 4)
        return Outcome("success", xcoms={"return_value": (list(range(length)), length)})
    return Outcome(random.choice(["success", "success", "success", "failed", "skipped"]))


def something(random: Random, run: DagRun, held: list, claimer) -> None:
    """One thing that may happen to a run."""
    if random.random() < 0.08:
        chosen = random.sample(list(TaskInstance.objects.filter(run=run).order_by("pk")), 2)
        random.choice(
            [
                lambda: actions.clear(run.pk, chosen=chosen[:1]),
                lambda: actions.clear(run.pk, only_failed=True),
                lambda: actions.set_task_state(
                    [each.pk for each in chosen], random.choice(["success", "failed", "skipped"])
                ),
                lambda: cancel.cancel_run(run.pk, reason=""),
            ]
        )()
    elif random.random() < 0.5 and (row := take(claimer)) is not None:
        held.append(row)
    elif held:
        row = held.pop(random.randrange(len(held)))
        end(row, outcome(random, row))
    else:
        control.step(timezone.now())


def lived(random: Random, dag) -> tuple[DagRun, list[Snapshot]]:
    """A run to which things happen, and what there was to see of it between any two of them."""
    claimer, held, found = slot(), [], []
    began = timezone.now()
    run = start(dag)
    for _ in range(random.randint(20, 45)):
        seen = timezone.now()
        rows = TaskInstance.objects.filter(run=run).values_list("pk", "state", "try_number")
        states = {pk: (state, tries) for pk, state, tries in rows}
        state = DagRun.objects.values_list("state", flat=True).get(pk=run.pk)
        found.append((seen, timezone.now(), states, state))
        try:
            something(random, run, held, claimer)
        except Exception as error:
            if type(error).__module__ != "runs_app.exceptions":
                raise
    for row in held:
        end(row, "success")
    assert began <= found[0][0]
    return run, found


def test_a_thousand_moments_are_as_they_were():
    random, dag, looks, moves = Random(7), shop(), 0, 0
    for _ in range(RUNS):
        run, snapshots = lived(random, dag)
        moves += StateEvent.objects.filter(run=run).count()
        for _ in range(LOOKS):
            since, until, states, state = random.choice(snapshots)
            at = since + random.random() * (until - since)
            assert replay.states_at(run.pk, at) == states
            assert replay.run_state_at(run.pk, at) == state
            looks += 1
    assert (looks, moves > 20 * RUNS) == (1000, True)
    assert StateEvent.objects.filter(new="none").exists(), "nothing was cleared"
    assert TaskInstance.objects.filter(made_at__isnull=False).exists(), "nothing was expanded"


def test_before_it_was_made_there_is_nothing_and_in_the_end_what_is_there_now():
    run = start(python_dag("etl", {"a": (), "b": ("a",)}))
    assert replay.run_state_at(run.pk, run.queued_at - seconds(1)) == ""
    assert set(replay.states_at(run.pk, run.queued_at - seconds(1)).values()) == {("none", 0)}
    now = replay.moment_at(run, timezone.now())
    assert (now.run_state, [(each.task_id, each.state) for each in now.parts]) == (
        RunState.RUNNING, [("a", "scheduled"), ("b", "none")],
    )  # fmt: skip


def test_what_was_undone_stood_until_it_was():
    run = start(python_dag("etl", {"a": (), "b": ("a",)}))
    play(slot(), lambda row: "failed")
    times = [timezone.now()]
    with keeping(None):
        actions.clear(run.pk)
        undo = offered("")
    times.append(timezone.now())
    assert undo is not None
    take_back(undo.pk, user=None)
    times.append(timezone.now())
    seen = [[state for state, _ in replay.states_at(run.pk, at).values()] for at in times]
    assert (seen[0], seen[2]) == (["failed", "upstream_failed"],) * 2
    assert not set(seen[1]) & {"failed", "upstream_failed"}
    assert [replay.run_state_at(run.pk, at) == "failed" for at in times] == [True, False, True]


def test_slots_pools_and_queue_are_those_of_the_moment():
    run = start(python_dag("wide", {name: () for name in "abc"}))
    claimer, at = slot(), timezone.now()
    first, second = take(claimer, at), take(claimer, at + seconds(10))
    end(first, "success", now=at + seconds(20))
    seen = replay.moment_at(run, at + seconds(15))
    assert [each.task_id for each in seen.running] == [first["task_id"], second["task_id"]]
    assert (len(seen.ready), seen.pools) == (1, {"default_pool": 2})
    assert seen.running[1].since == at + seconds(10)
    assert replay.moment_at(run, at + seconds(21)).pools == {"default_pool": 1}
    assert replay.beside(run.pk, at + seconds(15)) == (at + seconds(10), at + seconds(20))


def test_how_busy_it_was_over_its_time():
    now = timezone.now()
    run = start(python_dag("wide", {name: () for name in "abc"}), now=now)
    claimer = slot()
    rows = [take(claimer, now + seconds(10)) for _ in range(3)]
    for number, row in enumerate(rows):
        end(row, "failed" if number == 2 else "success", now=now + seconds(50 + 20 * number))
    found = replay.busy(run.pk, replay.Span(now, now + seconds(100)), 10)
    assert [each.running for each in found] == [0, 3, 3, 3, 3, 3, 2, 2, 1, 1]
    assert [each.ready for each in found] == [3, 3, 0, 0, 0, 0, 0, 0, 0, 0]
    assert [each.failed for each in found] == [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]


def test_a_moment_of_a_thousand_tasks_is_three_statements_and_quick():
    run = factories.make_run(python_dag("wide", {f"t{number}": () for number in range(1000)}), "r")
    at = run.queued_at
    rows = TaskInstance.objects.filter(run=run).values_list("pk", flat=True)
    StateEvent.objects.bulk_create(
        StateEvent(run=run, task_instance_id=pk, old=old, new=new, actor="engine", at=at + timedelta(seconds=after))
        for after, (old, new) in enumerate([("none", "scheduled"), ("scheduled", "running"), ("running", "success")])
        for pk in rows
    )
    began = process_time()
    with CaptureQueriesContext(connection) as captured:
        seen = replay.moment_at(run, at + seconds(1.5))
    assert len(captured) == 3
    assert {each.state for each in seen.parts} == {"running"}
    assert len(seen.running) == replay.MOST_PLACES
    assert process_time() - began < 0.2
