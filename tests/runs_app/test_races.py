"""Races, on real connections: what several slots do at once comes out as if one had done it after the other."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from dags_app.models import Dag, Pool
from runs_app import actions, advance, control, sweep, tick
from runs_app.exceptions import CannotUndo
from runs_app.finish import Outcome, finish
from runs_app.models import Attempt, DagRun, Process, TaskInstance
from runs_app.undo.keeping import keeping, offered
from runs_app.undo.taking_back import take_back
from runs_app.view import run_row
from tests.runs_app.engine import end, play, python_dag, seconds, slot, start, state_of, states, take
from tests.support.servers import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

only_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="on SQLite writers follow one another: nothing can come between"
)


@pytest.fixture(autouse=True)
def _default_pool(transactional_db: None) -> None:
    """Emptied tables have lost what the migrations put in."""
    Pool.objects.get_or_create(name="default_pool", defaults={"slots": 128})


@pytest.fixture(autouse=True)
def _no_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens here; invitations are the subject of others."""
    monkeypatch.setattr("orchestrator.wake._send", lambda *args: None)
    monkeypatch.setattr("orchestrator.wake.due", lambda at: None)
    monkeypatch.setattr("runs_app.notify.publish", lambda *args: None)


def at_once(*units: Callable[[], Any]) -> list[Any]:
    """Run each unit in a thread of its own, started together; return what they returned.

    Raises:
        what the first failing unit raised.
    """
    found: list[Any] = [None] * len(units)
    errors: list[BaseException] = []
    gate = threading.Barrier(len(units))

    def run(number: int) -> None:
        try:
            gate.wait(10)
            found[number] = units[number]()
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(units))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if errors:
        raise errors[0]
    return found


def drain(claimer: Any, run: DagRun, outcome: str = "success") -> Callable[[], list[str]]:
    """What a slot does: claim with each end, until nothing is claimable and the run has ended."""

    def work() -> list[str]:
        done: list[str] = []
        row = None

        def idle() -> bool:
            nonlocal row
            row = take(claimer)
            return row is not None or state_of(run) in {"success", "failed"}

        while True:
            if row is None:
                wait_for(idle, 20, "something to claim, or the end of the run")
            if row is None:
                return done
            done.append(row["task_id"])
            row = finish(row, Outcome(outcome), timezone.now(), claimer).next_row

    return work


def fan(width: int) -> dict[str, tuple[str, ...]]:
    middle = tuple(f"m{number}" for number in range(width))
    return {"first": (), **dict.fromkeys(middle, ("first",)), "last": middle}


def test_the_end_of_a_wide_fan_in_is_noticed_whoever_comes_last():
    for number in range(3):
        run = start(python_dag(f"fan{number}", fan(50), max_active_tasks=64))
        done = at_once(*(drain(slot(), run) for _ in range(8)))
        assert Counter(task for each in done for task in each) == Counter({**dict.fromkeys(fan(50), 1)})
        assert state_of(run) == "success"
        assert Attempt.objects.filter(task_instance__run=run).count() == 52
        assert not TaskInstance.objects.filter(run=run, changed=True).exists()


def test_two_last_siblings_that_end_at_the_same_moment_free_what_waits_for_both():
    for number in range(10):
        run = start(python_dag(f"pair{number}", {"a": (), "b": (), "c": ("a", "b")}))
        rows = [take(slot()), take(slot())]
        at_once(*(lambda row=row: end(row, "success") for row in rows))
        assert states(run)["c"] == "scheduled"


def test_many_slots_claim_each_ready_row_once():
    run = start(python_dag("wide", {f"t{number}": () for number in range(60)}, max_active_tasks=99))
    done = at_once(*(drain(slot(), run) for _ in range(8)))
    assert sorted(task for each in done for task in each) == sorted(f"t{number}" for number in range(60))


@pytest.mark.parametrize("limit", ["pool", "heavy pool", "max_active_tasks", "max_active_tis_per_dag", "per_dagrun"])
def test_a_limit_is_never_exceeded_and_its_room_is_used(limit):
    Pool.objects.create(name="narrow", slots=6 if limit == "heavy pool" else 3)
    tasks: dict[str, Any] = {
        "pool": {"pool": "narrow"},
        "heavy pool": {"pool": "narrow", "pool_slots": 2},
        "max_active_tasks": {},
        "max_active_tis_per_dag": {"max_active_tis_per_dag": 3},
        "per_dagrun": {"max_active_tis_per_dagrun": 3},
    }[limit]
    most = 3 if limit == "max_active_tasks" else 64
    mapped = limit in {"max_active_tis_per_dag", "per_dagrun"}
    names = {"t": ()} if mapped else {f"t{number}": () for number in range(24)}
    dag = python_dag("limited", names, tasks=tasks, max_active_tasks=most)
    run = start(dag)
    if mapped:
        first = TaskInstance.objects.get(run=run)
        TaskInstance.objects.filter(pk=first.pk).update(map_index=0)
        for index in range(1, 24):
            first.pk, first.map_index = None, index
            first.save(force_insert=True)
    highest: list[int] = []
    lock = threading.Lock()
    held = [0]

    def work(claimer: Any) -> Callable[[], int]:
        def unit() -> int:
            done = 0
            while state_of(run) == "running":
                row = take(claimer)
                if row is None:
                    continue
                with lock:
                    held[0] += 1
                    highest.append(held[0])
                running = TaskInstance.objects.filter(run=run, state="running").count()
                assert running <= 3
                with lock:
                    held[0] -= 1
                end(row, "success")
                done += 1
            return done

        return unit

    assert sum(at_once(*(work(slot()) for _ in range(6)))) == 24
    assert max(highest) <= 3
    assert state_of(run) == "success"


@only_postgresql
def test_a_mark_left_while_the_run_is_looked_at_is_not_wiped_out():
    """The advancer clears the marks first: an end that is written after it looked keeps its own."""
    run = start(python_dag("pair", {"a": (), "b": (), "c": ("a", "b")}))
    first, second = take(slot()), take(slot())
    finished: list[Any] = []
    thread = threading.Thread(target=lambda: (finished.append(end(second, "success")), connections.close_all()))
    with transaction.atomic():
        assert run_row(run.pk, lock=True) is not None
        thread.start()  # cannot have the lock: leaves its mark, commits, and waits
        wait_for(lambda: TaskInstance.objects.filter(run=run, changed=True).exists(), 30, "the mark")
        advance.settle({**run_row(run.pk, lock=False)}, [], timezone.now())
    thread.join(10)
    assert finished and finished[0].accepted
    end(first, "success")
    assert states(run) == {"a": "success", "b": "success", "c": "scheduled"}


def test_ticks_at_once_make_each_run_once():
    now = timezone.now().replace(microsecond=0)
    for number in range(5):
        dag = python_dag(f"due{number}", {"a": ()}, schedule=seconds(60), start_date=now - seconds(600), catchup=True)
        Dag.objects.filter(pk=dag.pk).update(
            next_run_after=now - seconds(600),
            next_logical_date=now - seconds(600),
            next_interval_start=now - seconds(600),
            next_interval_end=now - seconds(600),
        )
    at_once(*(lambda: tick.tick(now) for _ in range(4)))
    tick.tick(now)
    for number in range(5):
        dates = DagRun.objects.filter(dag_id=f"due{number}").values_list("logical_date", flat=True)
        assert sorted(dates) == [now - seconds(600 - 60 * each) for each in range(11)]


def test_starts_at_once_keep_to_max_active_runs():
    dag = python_dag("busy", {"a": ()}, max_active_runs=3)
    now = timezone.now()
    Dag.objects.filter(pk=dag.pk).update(is_paused=True)
    for number in range(9):
        start(dag, now=now + seconds(number))
    Dag.objects.filter(pk=dag.pk).update(is_paused=False)
    at_once(*(lambda: advance.start_queued("busy", now + seconds(60)) for _ in range(6)))
    assert DagRun.objects.filter(state="running").count() == 3


def test_passes_at_once_requeue_a_dead_slots_attempt_once():
    now = timezone.now()
    run = start(python_dag("one", {"a": ()}))
    sweep.take_turn()
    dead = slot(beat_at=now - seconds(60))
    take(dead)
    at_once(*(lambda: control.step(timezone.now()) for _ in range(4)))
    wait_for(lambda: control.step(timezone.now()) and states(run) == {"a": "scheduled"}, 30, "the requeue")
    assert TaskInstance.objects.get(run=run).losses == 1
    assert Process.objects.get(pk=dead.process_pk).ended_at is not None


def test_a_clear_at_the_moment_of_the_claim_or_the_end_leaves_one_open_attempt():
    for number in range(10):
        run = start(python_dag(f"cleared{number}", {"a": (), "b": ("a",)}))
        claimer = slot()

        def claim_and_end(claimer: Any = claimer) -> None:
            row = take(claimer)
            if row is not None:
                end(row, "success")

        at_once(claim_and_end, lambda run=run: actions.clear(run.pk, task_ids=["a"], downstream=True))
        assert Attempt.objects.filter(task_instance__run=run, outcome__isnull=True).count() == 0
        play(claimer)
        assert state_of(run) == "success"


def test_a_mark_by_hand_at_the_moment_of_the_end_wins_or_loses_as_a_whole():
    for number in range(10):
        run = start(python_dag(f"marked{number}", {"a": (), "b": ("a",)}))
        row = take(slot())
        pk = row["id"]
        at_once(lambda row=row: end(row, "success"), lambda pk=pk: actions.set_task_state([pk], "failed", user=None))
        found = states(run)
        assert found["a"] == "failed"
        assert Attempt.objects.get(task_instance_id=pk).outcome in {"success", "stopped"}
        assert connection.in_atomic_block is False


def test_an_undo_and_a_claim_at_once_are_one_after_the_other():
    run = start(python_dag("wide", {name: () for name in "abc"}))
    play(slot())
    before = states(run)
    for claimer in [slot() for _ in range(8)]:
        with keeping(None):
            actions.clear(run.pk)
            undo = offered("cleared")
        assert undo is not None

        def back(pk: int = undo.pk) -> bool:
            try:
                take_back(pk, user=None)
            except CannotUndo:
                return False
            return True

        undone, row = at_once(back, lambda claimer=claimer: take(claimer))
        assert undone == (row is None), "half of it was undone, or an attempt had its task taken away"
        if undone:
            assert states(run) == before
        else:
            assert end(row, "success").accepted
            play(claimer)
        assert state_of(run) == "success"
