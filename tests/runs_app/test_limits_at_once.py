"""All limits together, many DAGs and slots at once: none is exceeded, none holds up others, nobody waits for ever."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from dags_app.models import Pool
from runs_app import control
from runs_app.claim import claim
from runs_app.limits import Capacity
from runs_app.locking import is_postgresql
from runs_app.models import DagRun, TaskInstance
from tests.runs_app.engine import end, play, python_dag, slot, start, state_of
from tests.runs_app.test_races import _default_pool, _no_messages, at_once  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)

SIX = {f"t{number}": () for number in range(6)}
LIMITS = {"run": 2, "pool": 4, "key": 3, "task": 2}


def running() -> list[dict[str, Any]]:
    fields = ("run_id", "pool", "pool_slots", "concurrency_key", "dag_id", "task_id")
    return list(TaskInstance.objects.filter(state="running").values(*fields))


def exceeded(rows: list[dict[str, Any]]) -> list[str]:
    """What of the limits a moment's running rows do not keep to."""
    runs = Counter(row["run_id"] for row in rows)
    keys = Counter(row["concurrency_key"] for row in rows if row["concurrency_key"])
    tasks = Counter((row["dag_id"], row["task_id"]) for row in rows if row["task_id"] == "t0")
    pools: Counter[str] = Counter()
    for row in rows:
        pools[row["pool"]] += row["pool_slots"]
    found = [f"run {each}: {count}" for each, count in runs.items() if count > LIMITS["run"]]
    found += [f"key {each}: {count}" for each, count in keys.items() if count > LIMITS["key"]]
    found += [f"task {each}: {count}" for each, count in tasks.items() if count > LIMITS["task"]]
    return found + [
        f"pool {each}: {count}" for each, count in pools.items() if each != "default_pool" and count > LIMITS["pool"]
    ]


def work(runs: list[DagRun], seen: list[list[str]], most: list[int]) -> Any:
    claimer = slot()
    claimer.capacity = Capacity()

    def unit() -> int:
        done, deadline = 0, time.monotonic() + 50
        row = claim(claimer, timezone.now())
        while any(state_of(run) == "running" for run in runs):
            assert time.monotonic() < deadline, "somebody waits for ever"
            if row is not None:
                rows = running()
                seen.append(exceeded(rows))
                most.append(len(rows))
                done += 1
                row = end(row, "success").next_row
            row = row or claim(claimer, timezone.now())
        return done

    return unit


def test_every_limit_holds_at_every_moment_and_all_work_is_done():
    Pool.objects.create(name="p", slots=LIMITS["pool"])
    runs = []
    for number in range(4):
        tasks = {
            "max_active_tis_per_dag": None,
            "t0": {"max_active_tis_per_dag": LIMITS["task"]},
            "t1": {"pool": "p", "pool_slots": 2},
            "t2": {"pool": "p", "concurrency_key": "k", "concurrency_limit": LIMITS["key"]},
            "t3": {"concurrency_key": "k", "concurrency_limit": LIMITS["key"]},
            "t4": {"pool": "p", "pool_slots": 3, "priority_weight": 5},
        }
        dag = python_dag(f"dag{number}", SIX, tasks=tasks, max_active_tasks=LIMITS["run"])
        runs += [start(dag), start(dag)]
    seen: list[list[str]] = []
    most: list[int] = []
    done = at_once(*(work(runs, seen, most) for _ in range(8 if is_postgresql() else 4)))  # writers of SQLite queue
    assert sum(done) == 48
    assert [each for each in seen if each] == []
    assert max(most) > LIMITS["run"], "the room there is gets used"


def test_a_run_at_its_limit_holds_up_nobody_else():
    first = start(python_dag("greedy", {f"t{number}": () for number in range(40)}, max_active_tasks=1))
    other = start(python_dag("modest", SIX, max_active_tasks=1))
    slots = [slot() for _ in range(4)]
    rows = [claim(each, timezone.now()) for each in slots]
    assert Counter(row["dag_id"] for row in rows if row is not None) == {"greedy": 1, "modest": 1}
    assert {state_of(first), state_of(other)} == {"running"}


def test_runs_of_many_dags_start_within_max_active_runs_whoever_starts_them():
    now = timezone.now()
    for number in range(6):
        dag = python_dag(f"dag{number}", {"a": ()}, max_active_runs=2, is_paused=True)
        for each in range(5):
            start(dag, now=now, logical_date=None, interval=None, run_id=f"r{each}")
    from dags_app.models import Dag

    Dag.objects.update(is_paused=False)
    most: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            counts = Counter(DagRun.objects.filter(state="running").values_list("dag_id", flat=True))
            most.extend(counts.values())
            time.sleep(0.01)
        connections.close_all()

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(5):
        at_once(*(lambda: control.step(timezone.now()) for _ in range(3)))
        play(slot())
    control.step(timezone.now())
    play(slot())
    over.set()
    watcher.join(10)
    assert max(most) <= 2
    assert set(DagRun.objects.values_list("state", flat=True)) == {"success"}
