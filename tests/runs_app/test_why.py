"""Why something does not run: each reason is told, and taking all of them away is what lets it run."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dags_app.models import Dag, Pool
from dags_app.versions import load_spec
from orchestrator.core.reasons import KINDS
from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import DAG, TaskGroup
from runs_app import advance, why
from runs_app.models import DagRun, PoolStart, Process, TaskInstance
from tests.runs_app import engine
from tests.support import factories

pytestmark = pytest.mark.django_db
numbers = count(1)


@pytest.fixture(autouse=True)
def default_pool() -> None:
    Pool.objects.get_or_create(name="default_pool", defaults={"slots": 128})


def instance_of(run: DagRun, task_id: str, map_index: int = -1) -> TaskInstance:
    return TaskInstance.objects.select_related("run__dag").get(run=run, task_id=task_id, map_index=map_index)


def kinds(run: DagRun, task_id: str, now: Any = None, map_index: int = -1) -> list[str]:
    return [each.kind for each in reasons(run, task_id, now, map_index)]


def reasons(run: DagRun, task_id: str, now: Any = None, map_index: int = -1) -> list[Any]:
    found = why.of_task(instance_of(run, task_id, map_index), now or timezone.now())
    assert all(each.kind in KINDS and each.text for each in found)
    return found


# ---- each reason by itself


def test_who_waits_for_others_names_rule_counts_and_them():
    run = engine.start(engine.python_dag("d", {"a": (), "b": (), "c": ("a", "b")}))
    engine.slot()
    (reason,) = reasons(run, "c")
    assert reason.kind == "trigger_rule"
    assert reason.text == "It waits by its rule all_success of 2 upstream: 2 not done: a (scheduled), b (scheduled)."
    assert [each.task_id for each in reason.held_by] == ["a", "b"]


def test_what_runs_has_no_reason_and_what_ended_has_its_own():
    run = engine.start(engine.python_dag("d", {"a": (), "b": ("a",)}))
    slot = engine.slot()
    row = engine.take(slot)
    assert reasons(run, "a") == []
    engine.end(row, "failed", reason="ValueError: no", retry=False)
    assert reasons(run, "a")[0].text == "a ended as failed: ValueError: no."
    assert reasons(run, "b")[0].text == "b ended as upstream_failed: all_success of 1 upstream: 1 failed."
    run.refresh_from_db()
    (reason,) = why.of_run(run, timezone.now())
    assert (reason.kind, reason.text) == ("ended", "The run ended as failed: failed: b.")


def test_a_retry_and_a_poke_have_their_time():
    dag = engine.python_dag("d", {"a": ()}, tasks={"retries": 3, "retry_delay": timedelta(minutes=5)})
    run, now = engine.start(dag), timezone.now()
    row = engine.take(engine.slot(), now)
    engine.end(row, "failed", now=now)
    (reason,) = reasons(run, "a", now)
    assert reason.kind == "retry"
    assert reason.text == "Try 1 of 4 failed; the next one is due in 5 min."
    assert reason.until == now + timedelta(minutes=5)


def test_a_sensor_that_gave_its_slot_back_looks_again_at_its_time():
    run, now = engine.start(engine.python_dag("d", {"a": ()})), timezone.now()
    row = engine.take(engine.slot(), now)
    engine.end(row, "rescheduled", now=now, reschedule_at=now + timedelta(hours=2))
    (reason,) = reasons(run, "a", now)
    assert reason.kind == "reschedule"
    assert "in 2 h" in reason.text and reason.until == now + timedelta(hours=2)


def test_what_is_due_is_moved_at_the_next_look():
    run = engine.start(engine.python_dag("d", {"a": ()}, tasks={"retries": 1, "retry_delay": timedelta(seconds=5)}))
    now = timezone.now()
    engine.end(engine.take(engine.slot(), now), "failed", now=now)
    (reason,) = reasons(run, "a", now + timedelta(seconds=6))
    assert (reason.kind, reason.text) == (
        "about_to",
        "Nothing holds it any more: the next look at the run makes it scheduled.",
    )


def test_a_deferred_task_waits_for_its_trigger_and_for_a_triggerer():
    run, now = engine.start(engine.python_dag("d", {"a": ()})), timezone.now()
    row = engine.take(engine.slot(), now)
    trigger = {"classpath": "orchestrator.triggers.temporal.DateTimeTrigger", "kwargs": {}, "method": "done"}
    engine.end(row, "deferred", now=now, trigger={**trigger, "timeout": 60.0})
    found = reasons(run, "a", now)
    assert found[0].kind == "triggerer_missing" and "DateTimeTrigger cannot run" in found[0].text
    Process.objects.create(kind="triggerer", hostname="h", pid=1, started_at=now, beat_at=now)
    (reason,) = reasons(run, "a", now)
    assert reason.kind == "deferred"


def test_the_run_before_holds_back():
    dag = engine.python_dag("d", {"a": ()}, tasks={"depends_on_past": True}, start_date=factories.DAY)
    slot = engine.slot()
    engine.start(dag, logical_date=factories.DAY)
    engine.end(engine.take(slot), "failed", retry=False)
    later = engine.start(dag, logical_date=factories.DAY + timedelta(days=1))
    (reason,) = reasons(later, "a")
    assert reason.kind == "depends_on_past"
    assert "it is failed in the run before" in reason.text


def test_a_queued_run_names_what_holds_it_and_so_do_its_tasks():
    dag = engine.python_dag("d", {"a": ()}, max_active_runs=1)
    engine.slot()
    first, second = engine.start(dag), engine.start(dag, logical_date=factories.DAY, run_id="second")
    (reason,) = why.of_run(second, timezone.now())
    assert reason.kind == "max_active_runs"
    assert reason.text == f"1 runs of the DAG are running, and max_active_runs is 1: {first.run_id} (running)."
    assert kinds(second, "a") == ["max_active_runs"]
    Dag.objects.filter(pk=dag.pk).update(is_paused=True)
    second = DagRun.objects.get(pk=second.pk)
    assert [each.kind for each in why.of_run(second, timezone.now())] == ["dag_paused", "max_active_runs"]


def test_a_run_of_later_waits_for_its_time():
    dag = engine.python_dag("d", {"a": ()})
    now = timezone.now()
    run = engine.start(dag, now=now, logical_date=now + timedelta(days=2))
    found = why.of_run(run, now)
    assert [each.kind for each in found] == ["run_after", "scheduler_missing"]
    assert found[0].until == run.run_after


def test_a_mapped_instance_waits_for_its_own_index_only():
    from orchestrator.sdk import task, task_group

    with DAG("d") as dag:

        @task
        def one(x: int) -> int:
            return x

        @task
        def two(x: int) -> int:
            return x

        @task_group
        def group(x: int) -> None:
            two(one(x))

        group.expand(x=[1, 2, 3])
    run = engine.start(factories.make_dag(spec=dag.to_spec()))
    engine.slot()
    (reason,) = reasons(run, "group.two", map_index=1)
    assert [(each.task_id, each.map_index) for each in reason.held_by] == [("group.one", 1)]


def test_a_ready_task_is_in_line_behind_others():
    dag = engine.python_dag("d", {"a": (), "b": ()}, tasks={"b": {"priority_weight": 9}})
    run = engine.start(dag)
    slot = engine.slot()
    (reason,) = reasons(run, "a")
    assert reason.kind == "in_line" and "1 ready task instances come first" in reason.text
    assert engine.take(slot)["task_id"] == "b"
    (reason,) = reasons(run, "a")
    assert reason.kind == "slots_busy" and [each.task_id for each in reason.held_by] == ["b"]
    engine.slot()
    (reason,) = reasons(run, "a")
    assert reason.kind == "about_to" and "claims it next" in reason.text


def test_the_tasks_of_a_run_are_told_together():
    dag = engine.python_dag("d", {"a": (), "b": (), "c": ("a", "b")}, tasks={"queue": "gpu"})
    run = engine.start(dag)
    found = why.of_tasks(run, timezone.now())
    assert [(each.reason.kind, each.count) for each in found] == [("no_worker", 2), ("trigger_rule", 1)]


def test_a_dag_says_what_stops_it_and_when_it_runs_next():
    now = timezone.now()
    dag = engine.python_dag("d", {"a": ()}, schedule="@daily", next_run_after=now + timedelta(hours=3))
    assert [each.kind for each in why.of_dag(dag, now)] == ["scheduler_missing", "next_run"]
    engine.slot()
    (reason,) = why.of_dag(dag, now)
    assert reason.text == "Its next run is due in 3 h." and reason.until == dag.next_run_after
    Dag.objects.filter(pk=dag.pk).update(is_paused=True, is_stale=True, schedule_error="ValueError: no")
    factories.DagImportError.objects.create(
        file=dag.file, message="SyntaxError: x", line=3, stack_trace="", timestamp=now
    )
    dag = Dag.objects.get(pk=dag.pk)
    found = [each.kind for each in why.of_dag(dag, now)]
    assert found == ["import_error", "dag_stale", "dag_paused", "schedule_error", "next_run"]


def test_a_dag_without_schedule_and_one_whose_schedule_has_ended():
    engine.slot()
    now = timezone.now()
    dag = engine.python_dag("d", {"a": ()})
    assert [each.kind for each in why.of_dag(dag, now)] == ["no_schedule"]
    ended = engine.python_dag("e", {"a": ()}, schedule="@daily", end_date=factories.DAY - timedelta(days=9000))
    (reason,) = why.of_dag(ended, now)
    assert reason.kind == "no_run_left" and "end date" in reason.text


def test_it_takes_little_time_on_a_run_of_a_thousand():
    arrows: dict[str, tuple[str, ...]] = {f"t{number}": () for number in range(999)}
    run = engine.start(engine.python_dag("d", {**arrows, "last": tuple(arrows)}))
    engine.slot()
    instance = instance_of(run, "last")
    why.of_task(instance, timezone.now())
    took = []
    for _ in range(5):
        began = time.perf_counter()
        why.of_task(instance, timezone.now())
        took.append(time.perf_counter() - began)
    assert min(took) < 0.05 * machine()


def machine() -> float:
    """How much slower than a usual one this machine is just now."""
    began = time.perf_counter()
    sum(number * number for number in range(1_000_000))
    return max(1.0, (time.perf_counter() - began) / 0.05)


def test_who_comes_after_a_group_that_is_run_again_is_told_when():
    with DAG("grouped") as dag:
        with TaskGroup("g", retries=1, retry_delay=300) as group:
            PythonOperator(task_id="a", python_callable=print)
        group >> PythonOperator(task_id="after", python_callable=print)
    run = engine.start(factories.make_dag(spec=dag.to_spec()))
    now = timezone.now()
    engine.end(engine.take(engine.slot()), "failed", now=now)
    reason = why.of_task(instance_of(run, "after"), now)[0]
    assert (reason.kind, reason.until) == ("group_retry", now + engine.seconds(300))
    assert "Group 'g', which it comes after, failed and is run again in 5 min" in reason.text


# ---- all of them together


STANDING = {"dag_frozen", "pool_never", "no_worker"}
"""Told whatever state it is in."""
WAITING = {"max_active_runs", "trigger_rule", "depends_on_past"}
MOMENTARY = {"pool_full", "pool_rate", "limit_run", "limit_dag", "limit_dagrun", "limit_key"}
"""Told once it is ready."""


class World:
    """A mapped task ``x`` of which instance 0 is to run, with obstacles; each has its remedy."""

    def __init__(self, obstacles: set[str]) -> None:
        self.name, self.now = f"d{next(numbers)}", timezone.now()
        self.pool = Pool.objects.create(name=f"pool of {self.name}", slots=2 if "pool_never" in obstacles else 9)
        self.dag = self._dag(obstacles)
        self.remedies: dict[str, Callable[[], object]] = {}
        for _ in range(9):  # those that hold what runs here
            engine.slot("elsewhere")
        self.slots = [engine.slot()]
        self.before, self.run = self._runs(obstacles)
        for name in sorted(obstacles):
            self.remedies[name] = getattr(self, f"_{name}")()
        self.run.refresh_from_db()

    def _dag(self, obstacles: set[str]) -> Dag:
        with DAG(self.name, max_active_runs=1 if "max_active_runs" in obstacles else 16, max_active_tasks=2) as dag:
            x = PythonOperator.partial(
                task_id="x",
                python_callable=print,
                pool=self.pool.name,
                pool_slots=3,
                queue=f"queue of {self.name}" if "no_worker" in obstacles else "default",
                depends_on_past="depends_on_past" in obstacles,
                max_active_tis_per_dag=2,
                max_active_tis_per_dagrun=1,
                concurrency_key=f"{self.name} {{{{ run_id }}}}",
                concurrency_limit=2,
            ).expand(op_args=[[1], [2]])
            if "trigger_rule" in obstacles:
                PythonOperator(task_id="u", python_callable=print) >> x
            for name in ("y", "z"):
                PythonOperator(task_id=name, python_callable=print)
        spec = dag.to_spec()
        limits = {"max_active_runs": spec.max_active_runs, "max_active_tasks": 2}
        return factories.make_dag(spec=spec, **limits)

    def _runs(self, obstacles: set[str]) -> tuple[DagRun, DagRun]:
        """Two runs before, whose task instances hold others back, and the run of x."""
        self.first, before = (self._past(factories.DAY + timedelta(days=day)) for day in (0, 1))
        if "depends_on_past" in obstacles:
            self.failed = self.hold(before, "x", 1, state="failed")
        if "max_active_runs" in obstacles:
            DagRun.objects.filter(pk=before.pk).update(state="running", ended_at=None)
        run = engine.start(self.dag, logical_date=factories.DAY + timedelta(days=2))
        for row in TaskInstance.objects.filter(run=run).exclude(task_id="x", map_index__lte=0).exclude(task_id="u"):
            factories.set_state(row, "success")
        return before, run

    def _past(self, date: Any) -> DagRun:
        run = engine.start(self.dag, logical_date=date)
        if "u" in {row.task_id for row in run.task_instances.all()}:
            factories.set_state(run.task_instances.get(task_id="u"), "success")
            advance.advance(run.pk, self.now, wait=True)
        for row in TaskInstance.objects.filter(run=run):
            factories.set_state(row, "success")
        self._end(run)
        return run

    def _end(self, run: DagRun) -> None:
        DagRun.objects.filter(pk=run.pk).update(state="success", ended_at=self.now, started_at=self.now)

    def hold(self, run: DagRun, task_id: str, index: int = -1, state: str = "running", **columns: Any) -> TaskInstance:
        """Have a task instance in a state by rows alone: what takes the place is not what is tested."""
        row = TaskInstance.objects.get(run=run, task_id=task_id, map_index=index)
        TaskInstance.objects.filter(pk=row.pk).update(pool="default_pool", **columns)
        return factories.set_state(row, state)

    def _taken(self, *rows: TaskInstance) -> Callable[[], None]:
        def remedy() -> None:
            for row in rows:
                factories.set_state(row, "success")

        return remedy

    # ---- the obstacles: put up, and return the remedy

    def _dag_frozen(self) -> Callable[[], object]:
        Dag.objects.filter(pk=self.dag.pk).update(is_paused=True, is_frozen=True)
        return lambda: Dag.objects.filter(pk=self.dag.pk).update(is_paused=False, is_frozen=False)

    def _pool_never(self) -> Callable[[], object]:
        return lambda: Pool.objects.filter(pk=self.pool.pk).update(slots=9)

    def _no_worker(self) -> Callable[[], object]:
        return lambda: self.slots.append(engine.slot(f"queue of {self.name}"))

    def _max_active_runs(self) -> Callable[[], object]:
        return lambda: self._end(self.before)

    def _trigger_rule(self) -> Callable[[], object]:
        return self._taken(self.hold(self.run, "u"))

    def _depends_on_past(self) -> Callable[[], object]:
        return self._taken(self.failed)

    def _pool_full(self) -> Callable[[], object]:
        other = engine.start(engine.python_dag(f"{self.name}-other", {"h": ()}))
        row = self.hold(other, "h")
        TaskInstance.objects.filter(pk=row.pk).update(pool=self.pool.name, pool_slots=9)
        return self._taken(row)

    def _limit_run(self) -> Callable[[], object]:
        return self._taken(*(self.hold(self.run, task_id) for task_id in ("y", "z")))

    def _limit_dag(self) -> Callable[[], object]:
        return self._taken(*(self.hold(self.first, "x", index) for index in (0, 1)))

    def _limit_dagrun(self) -> Callable[[], object]:
        return self._taken(self.hold(self.run, "x", 1))

    def _limit_key(self) -> Callable[[], object]:
        other = engine.start(engine.python_dag(f"{self.name}-keyed", {"h": (), "i": ()}))
        key = {"concurrency_key": f"{self.name} {self.run.run_id}", "concurrency_limit": 2}
        return self._taken(*(self.hold(other, task_id, **key) for task_id in ("h", "i")))

    def _pool_rate(self) -> Callable[[], object]:
        Pool.objects.filter(pk=self.pool.pk).update(rate_per_minute=1)
        PoolStart.objects.create(pool=self.pool.pk, at=self.now)
        return lambda: Pool.objects.filter(pk=self.pool.pk).update(rate_per_minute=2)

    # ---- what is asked

    def look(self) -> None:
        """What the engine does by itself."""
        advance.start_queued(self.dag.pk, self.now)
        advance.advance(self.run.pk, self.now, wait=True)

    def told(self) -> set[str]:
        instance = TaskInstance.objects.select_related("run__dag").get(run=self.run, task_id="x", map_index__lte=0)
        return {each.kind for each in why.of_task(instance, timezone.now())}

    def claimed(self) -> list[str]:
        rows = [engine.take(each) for each in self.slots]
        return [
            f"{row['task_id']}[{row['map_index']}]" for row in rows if row is not None and row["dag_id"] == self.name
        ]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sets(st.sampled_from(sorted(STANDING | WAITING | MOMENTARY))), st.randoms())
def test_only_when_every_reason_is_taken_away_it_is_claimed(obstacles: set[str], chance: Any):
    if "max_active_runs" in obstacles:
        obstacles = obstacles - {"limit_dagrun"}  # before its run has started, no other instance of it can run there
    with transaction.atomic():
        load_spec.cache_clear()  # what is rolled back gives its primary keys to the next
        take_away_one_by_one(obstacles, chance.sample(sorted(obstacles), len(obstacles)))
        transaction.set_rollback(True)


def take_away_one_by_one(obstacles: set[str], order: list[str]) -> None:
    world, left = World(obstacles), set(obstacles)
    for name in order:
        world.look()
        begun = engine.state_of(world.run) == "running"  # a paused DAG keeps a run queued, too
        waits = left & WAITING
        assert world.told() == (left & STANDING) | (left & MOMENTARY if begun and not waits else waits)
        assert world.claimed() == []
        world.remedies[name]()
        left.discard(name)
    world.look()
    assert world.told() == {"about_to"}
    assert world.claimed() == ["x[0]"]
    assert world.told() == set()
