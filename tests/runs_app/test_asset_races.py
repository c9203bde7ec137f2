"""Races of asset events, on real connections: no event is lost, told twice, or waits for another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from dags_app.models import Asset, Dag
from orchestrator import sdk
from runs_app import asset_events, asset_runs, control
from runs_app.models import AssetEvent, DagRun, PendingPartition, QueuedEvent, UnreadEvent
from tests.runs_app.engine import slot, start, state_of
from tests.runs_app.test_assets import make
from tests.runs_app.test_races import _default_pool, _no_messages, at_once, drain, only_postgresql
from tests.support.servers import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
fixtures = (_default_pool, _no_messages)

A, B = sdk.Asset("a"), sdk.Asset("b")


def emit(name: str, extra: dict[str, Any]) -> set[str]:
    emitted = asset_events.Emitted(Asset.objects.get(name=name).pk, extra)
    return asset_events.emit([emitted], None, timezone.now())


def event(name: str, number: int) -> Callable[[], None]:
    """An event as a finishing task makes it: written in one transaction, looked at after it."""

    def work() -> None:
        with transaction.atomic():
            consumers = emit(name, {"n": number})
        asset_runs.make(consumers, timezone.now())

    return work


def told() -> list[int]:
    """The numbers of the events that runs of ``c`` were told of, run by run."""
    runs = DagRun.objects.filter(dag_id="c").order_by("pk")
    return [row.extra["n"] for run in runs for row in run.asset_events.order_by("pk")]


def settle() -> None:
    """Let the control pass do what is left, as it does each second."""
    for _ in range(3):
        control.step(timezone.now())


def test_many_producers_at_once_lose_no_event():
    make("c", schedule=[A], max_active_runs=1000)
    at_once(*(event("a", number) for number in range(12)))
    settle()
    assert sorted(told()) == list(range(12))
    assert not QueuedEvent.objects.exists() and not UnreadEvent.objects.exists()
    assert all(run.asset_events.exists() for run in DagRun.objects.filter(dag_id="c"))


def test_producers_of_two_assets_make_a_run_of_both():
    make("c", schedule=A & B, max_active_runs=1000)
    at_once(*(event(name, number) for number, name in enumerate("abababab")))
    settle()
    waiting = list(UnreadEvent.objects.values_list("event__extra", flat=True))
    assert sorted(told() + [extra["n"] for extra in waiting]) == list(range(8))
    assert bool(waiting) is QueuedEvent.objects.exists()
    for run in DagRun.objects.filter(dag_id="c"):
        assert {row.asset.name for row in run.asset_events.all()} == {"a", "b"}


def test_many_who_look_at_once_make_one_run():
    make("c", schedule=[A], max_active_runs=1000)
    emit("a", {"n": 1})
    at_once(*(lambda: asset_runs.make(["c"], timezone.now()) for _ in range(6)))
    assert DagRun.objects.filter(dag_id="c").count() == 1 and told() == [1]


def test_a_fan_out_of_producers_is_told_whole():
    """Real ends of real task instances, several slots, one asset."""
    names = tuple(f"t{number}" for number in range(10))
    with sdk.DAG("p") as dag:
        for name in names:
            from orchestrator.operators.python import PythonOperator

            PythonOperator(task_id=name, python_callable=print, outlets=[A])
    from dags_app import asset_sync
    from tests.support import factories

    spec = dag.to_spec()
    producer = factories.make_dag(spec=spec)
    asset_sync.store({"p": spec}, {"p": producer.version_id}, timezone.now())
    make("c", schedule=[A], max_active_runs=1000)
    Dag.objects.filter(pk="c").update(is_paused=False)
    run = start(producer)
    at_once(*(drain(slot(), run) for _ in range(4)))
    settle()
    assert state_of(run) == "success"
    assert AssetEvent.objects.count() == 10
    sources = [row.source_task_id for each in DagRun.objects.filter(dag_id="c") for row in each.asset_events.all()]
    assert sorted(sources) == sorted(names)


@only_postgresql
@pytest.mark.parametrize("asset", ["a", "b"])
def test_an_event_that_commits_while_the_run_is_made_is_the_next_runs(asset: str):
    """The gap that Airflow has: an event behind the newest queued one, before the run is there."""
    make("c", schedule=A | B, max_active_runs=1000)
    emit("a", {"n": 1})
    written, may_commit = threading.Event(), threading.Event()

    def producer() -> None:
        with transaction.atomic():
            consumers = emit(asset, {"n": 2})
            written.set()
            assert may_commit.wait(20)
        asset_runs.make(consumers, timezone.now())

    def consumer() -> None:
        assert written.wait(20)
        asset_runs.make(["c"], timezone.now())

    def referee() -> None:
        assert written.wait(20)
        if asset == "a":  # its row is the one that the consumer takes: he waits for the producer
            wait_for(_somebody_waits, 20, "the consumer waiting for the producer's row")
        else:
            wait_for(lambda: DagRun.objects.filter(dag_id="c").exists(), 20, "the first run")
        may_commit.set()

    at_once(producer, consumer, referee)
    settle()
    assert sorted(told()) == [1, 2]
    assert not QueuedEvent.objects.exists() and not UnreadEvent.objects.exists()
    assert all(each.asset_events.exists() for each in DagRun.objects.filter(dag_id="c"))


@only_postgresql
def test_an_event_that_comes_after_the_row_was_taken_makes_a_row_of_its_own():
    make("c", schedule=[A], max_active_runs=1000)
    emit("a", {"n": 1})
    taken, emitting = threading.Event(), threading.Event()

    def consumer() -> None:
        with transaction.atomic():
            assert asset_runs._queued("c")
            taken.set()
            wait_for(_somebody_waits, 20, "the producer waiting for the consumer")
            QueuedEvent.objects.all().delete()
            dag = Dag.objects.get(pk="c")
            asset_runs._consume(dag, asset_runs._insert(dag, timezone.now(), timezone.now()))

    def producer() -> None:
        assert taken.wait(20)
        emitting.set()
        event("a", 2)()

    at_once(consumer, producer)
    settle()
    assert told() == [1, 2]
    assert not QueuedEvent.objects.exists() and not UnreadEvent.objects.exists()


def test_parts_that_arrive_at_once_make_one_run_a_key():
    timetable = sdk.PartitionedAssetTimetable(
        assets=[A],
        default_partition_mapper=sdk.RollupMapper(
            upstream_mapper=sdk.FixedKeyMapper("all"), window=sdk.SegmentWindow([str(n) for n in range(8)])
        ),
    )
    make("c", schedule=timetable, max_active_runs=1000)
    Dag.objects.filter(pk="c").update(is_partitioned=True)

    def part(number: int) -> Callable[[], None]:
        def work() -> None:
            now = timezone.now()
            emitted = asset_events.Emitted(Asset.objects.get(name="a").pk, {"n": number}, str(number))
            with transaction.atomic():
                consumers = asset_events.emit([emitted], None, now)
            asset_runs.make(consumers, now)

        return work

    at_once(*(part(number) for number in range(8)))
    settle()
    assert DagRun.objects.filter(dag_id="c").count() == 1
    assert sorted(told()) == list(range(8)) and not PendingPartition.objects.exists()


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # within a transaction the view would stand still
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        return bool(cursor.fetchone()[0])
