"""Pools: counted exactly, also where a task that asks for several slots comes to a pool that nobody had to count."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db.models import Sum
from django.utils import timezone

from dags_app.models import Pool
from runs_app.claim import claim
from runs_app.limits import Capacity
from runs_app.models import PoolWeight, TaskInstance
from tests.runs_app.engine import end, play, python_dag, slot, start, state_of, states, take
from tests.runs_app.test_races import _default_pool, _no_messages, at_once  # noqa: F401
from tests.support.servers import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def real_slot() -> Any:
    """A slot that has just read what there is, and learns of changes as slots do."""
    claimer = slot()
    claimer.capacity = Capacity()
    claimer.capacity.refresh()
    return claimer


def in_use(pool: str) -> int:
    found = TaskInstance.objects.filter(pool=pool, state="running").aggregate(used=Sum("pool_slots"))
    return found["used"] or 0


def test_the_first_heavy_task_of_a_pool_waits_until_all_slots_count_it():
    Pool.objects.create(name="p", slots=3)
    start(python_dag("light", {f"t{number}": () for number in range(3)}, tasks={"pool": "p"}))
    slots = [real_slot() for _ in range(3)]
    for each in slots:
        each.capacity.refresh()
    start(python_dag("heavy", {"h": ()}, tasks={"pool": "p", "pool_slots": 2, "priority_weight": 9}))
    first = take(slots[0])
    assert first["task_id"] != "h", "the others count the pool as one that cannot be filled"
    assert claim(slots[1], timezone.now())["task_id"] != "h"
    end(first, "success")
    rows: list[Any] = []
    wait_for(
        lambda: rows.append(claim(slots[0], timezone.now())) or rows[-1], 5, "a claim after they have learnt of it"
    )
    assert in_use("p") <= 3


def test_a_pool_that_counts_anyway_takes_its_first_heavy_task_at_once():
    Pool.objects.create(name="p", slots=2)
    start(python_dag("heavy", {"h": ()}, tasks={"pool": "p", "pool_slots": 2}))
    slots = [real_slot() for _ in range(3)]
    assert take(slots[0])["task_id"] == "h"


def test_a_large_pool_takes_a_heavy_task_at_once():
    start(python_dag("heavy", {"h": ()}, tasks={"pool_slots": 5}))
    assert take(real_slot())["task_id"] == "h"


def test_how_heavy_tasks_may_be_is_written_before_they_are_there_and_never_shrinks():
    for asked in (3, 5, 2, 1):
        start(python_dag(f"asks{asked}", {"a": ()}, tasks={"pool_slots": asked}))
    assert [(each.pool, each.heaviest) for each in PoolWeight.objects.all()] == [("default_pool", 5)]


def test_what_asks_for_more_than_its_pool_has_waits_and_lets_others_pass():
    Pool.objects.create(name="p", slots=2)
    tasks = {"pool": "p", "big": {"pool_slots": 3, "priority_weight": 9}}
    run = start(python_dag("mixed", {"big": (), "small": ()}, tasks=tasks))
    assert play(slot()) == ["small"]
    assert states(run) == {"big": "scheduled", "small": "success"}
    Pool.objects.filter(pk="p").update(slots=3)
    assert play(slot()) == ["big"]


def test_deferred_tasks_keep_their_slots_where_the_pool_says_so():
    Pool.objects.create(name="p", slots=3, include_deferred=True)
    run = start(python_dag("waits", {"a": (), "b": ()}, tasks={"pool": "p", "pool_slots": 2}))
    row = take(slot())
    end(row, "deferred", trigger={"classpath": "x.Y", "kwargs": {}, "method": "go"})
    assert take(slot()) is None
    Pool.objects.update(include_deferred=False)
    assert take(slot()) is not None
    assert sorted(states(run).values()) == ["deferred", "running"]


@pytest.mark.parametrize("round_", range(3))
def test_heavy_and_light_tasks_of_many_slots_never_overfill_a_pool(round_):
    """Eight slots at once, learning of the heavy tasks as slots do: the pool is full at times, and never too full."""
    Pool.objects.create(name="p", slots=8)
    slots = [real_slot() for _ in range(8)]
    light = start(
        python_dag("light", {f"l{number}": () for number in range(60)}, tasks={"pool": "p"}, max_active_tasks=99)
    )
    heavy: list[Any] = []
    most: list[int] = []
    begun = threading.Event()

    def drain(claimer: Any) -> None:
        def over() -> bool:
            return state_of(light) == "success" and bool(heavy) and state_of(heavy[0]) == "success"

        deadline = threading.Event()
        timer = threading.Timer(60, deadline.set)
        timer.start()
        while not deadline.is_set():
            row = claim(claimer, timezone.now())
            if row is None:
                if over():
                    break
                continue
            begun.set()
            most.append(in_use("p"))
            end(row, "success")
        timer.cancel()
        assert not deadline.is_set()

    def make_heavy() -> None:
        begun.wait(20)
        tasks = {"pool": "p", "pool_slots": 3, "priority_weight": 5}
        heavy.append(start(python_dag("heavy", {f"h{number}": () for number in range(12)}, tasks=tasks)))

    at_once(make_heavy, *(lambda each=each: drain(each) for each in slots))
    assert max(most) <= 8
