"""Runs for partitions: by the clock, by assets, and as they are asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from dags_app import schedule
from dags_app.models import Asset, AuditEntry, Dag
from orchestrator import sdk
from orchestrator.sdk import (
    CronPartitionTimetable,
    DayWindow,
    FanOutMapper,
    FixedKeyMapper,
    MinimumCount,
    PartitionedAssetTimetable,
    PartitionedAtRuntime,
    RollupMapper,
    SegmentWindow,
    StartOfDayMapper,
    StartOfWeekMapper,
    WeekWindow,
)
from runs_app import actions, control, partitions, tick
from runs_app.exceptions import InvalidPartitionKey
from runs_app.models import PendingPartition
from tests.runs_app.engine import play, slot
from tests.runs_app.test_assets import event, make, produce, renew, runs_of, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]
A, B = sdk.Asset("a"), sdk.Asset("b")
DAY = datetime(2026, 3, 1, tzinfo=UTC)


def partitioned(dag_id: str, assets: Any, mapper: Any = None, config: Any = None, **arguments: Any) -> Dag:
    timetable = PartitionedAssetTimetable(
        assets=assets, default_partition_mapper=mapper, partition_mapper_config=config
    )
    dag = make(dag_id, schedule=timetable, **arguments)
    Dag.objects.filter(pk=dag_id).update(is_partitioned=True)
    return dag


def keys(dag_id: str) -> list[str | None]:
    return [run.partition_key for run in runs_of(dag_id)]


def pending() -> list[str]:
    return sorted(PendingPartition.objects.values_list("partition_key", flat=True))


def test_a_cron_partition_run_has_a_key_and_no_date():
    timetable = CronPartitionTimetable("0 0 * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%d")
    dag = make("p", schedule=timetable, outlets=[A], start_date=DAY, catchup=True)
    Dag.objects.filter(pk="p").update(is_partitioned=True)
    dag.refresh_from_db()
    schedule.plan(dag, DAY, schedule.last_interval(dag))
    dag.save()
    partitioned("c", [A])
    now = DAY + timedelta(days=2, hours=1)
    assert tick.tick(now) == 3 and tick.tick(now) == 0
    assert keys("p") == ["2026-02-28", "2026-03-01", "2026-03-02"]
    run = runs_of("p")[1]
    assert (run.run_type, run.logical_date, run.data_interval_start) == ("scheduled", None, None)
    assert run.partition_date == DAY and run.run_after == DAY + timedelta(days=1)
    assert run.run_id.startswith("scheduled__2026-03-02T00:00:00+00:00__2026-03-01__")
    dag.refresh_from_db()
    assert dag.next_run_after == DAY + timedelta(days=3)
    play(slot())
    assert sorted(keys("c")) == ["2026-02-28", "2026-03-01", "2026-03-02"]
    assert {run.partition_date for run in runs_of("c")} == {DAY - timedelta(1), DAY, DAY + timedelta(1)}


def test_each_key_of_an_asset_is_a_run():
    partitioned("c", [A])
    event("a", {"n": 1}, key="us")
    event("a", {"n": 2}, key="eu")
    event("a", {"n": 3}, key="us")
    assert keys("c") == ["us", "eu", "us"] and pending() == []
    assert [told(run) for run in runs_of("c")] == [[{"n": 1}], [{"n": 2}], [{"n": 3}]]
    run = runs_of("c")[0]
    assert (run.run_type, run.triggered_by, run.logical_date) == ("asset_triggered", "asset", None)


def test_keys_of_two_assets_meet():
    partitioned("c", A & B, StartOfDayMapper())
    event("a", {"n": 1}, key="2026-03-01T10:00:00")
    event("b", {"n": 2}, key="2026-03-02T10:00:00")
    assert keys("c") == [] and pending() == ["2026-03-01", "2026-03-02"]
    event("b", {"n": 3}, key="2026-03-01T23:00:00")
    (run,) = runs_of("c")
    assert (run.partition_key, run.partition_date) == ("2026-03-01", DAY)
    assert told(run) == [{"n": 1}, {"n": 3}] and pending() == ["2026-03-02"]


def test_a_rollup_waits_for_every_part():
    dag = partitioned("c", [A], RollupMapper(upstream_mapper=StartOfDayMapper(), window=DayWindow()))
    for hour in range(23):
        event("a", {"n": hour}, key=f"2026-03-01T{hour:02d}:00:00")
        event("a", {"n": hour}, key=f"2026-03-01T{hour:02d}:00:00")
    assert keys("c") == []
    dag.refresh_from_db()
    (progress,) = partitions.progress(dag)
    assert (progress.key, progress.received, progress.required) == ("2026-03-01", 23, 24)
    event("a", {"n": 23}, key="2026-03-01T23:00:00")
    assert keys("c") == ["2026-03-01"] and len(told(runs_of("c")[0])) == 47


def test_a_rollup_may_wait_for_enough_parts():
    mapper = RollupMapper(
        upstream_mapper=FixedKeyMapper("all"), window=SegmentWindow(["us", "eu", "apac"]), wait_policy=MinimumCount(-1)
    )
    partitioned("c", [A], mapper)
    event("a", key="us")
    event("a", key="mars")
    assert keys("c") == []
    event("a", key="eu")
    assert keys("c") == ["all"]


def test_one_event_fans_out_to_many_runs():
    partitioned("c", [A], FanOutMapper(upstream_mapper=StartOfWeekMapper(), window=WeekWindow()), max_active_runs=3)
    event("a", {"n": 1}, key="2026-03-04T00:00:00")
    assert keys("c") == [f"2026-03-{day:02d}" for day in range(2, 9)]
    assert [run.state for run in runs_of("c")].count("running") == 3
    assert all(told(run) == [{"n": 1}] for run in runs_of("c"))


def test_a_task_may_say_which_partitions_it_wrote():
    partitioned("c", [A])
    producer = make("p", outlets=[A], schedule=PartitionedAtRuntime())
    notes = [{"asset": ["a", "a"], "extra": {}, "partition_key": key} for key in ("us", "eu")]
    produce(producer, *notes)
    assert sorted(keys("c"), key=str) == ["eu", "us"]


def test_an_event_without_a_key_or_with_a_strange_one_is_written_down():
    partitioned("c", [A], StartOfDayMapper())
    event("a")
    event("a", key="yesterday")
    assert keys("c") == [] and pending() == []
    entries = AuditEntry.objects.order_by("pk").values_list("event", "dag_id")
    assert list(entries) == [("missing partition key", "c"), ("failed to map partition_key", "c")]
    assert "yesterday" in AuditEntry.objects.order_by("pk").last().extra["reason"]


def test_a_paused_or_stale_dag_collects_nothing():
    partitioned("c", [A], is_paused=True)
    event("a", key="us")
    assert pending() == [] and keys("c") == []


def test_other_mappers_begin_anew():
    dag = partitioned("c", A & B)
    event("a", key="2026-03-01T00:00:00")
    assert pending() == ["2026-03-01T00:00:00"]
    renew(dag, schedule=PartitionedAssetTimetable(assets=A & B, default_partition_mapper=StartOfDayMapper()))
    Dag.objects.filter(pk="c").update(is_partitioned=True)
    PendingPartition.objects.update(changed=True)
    control.step(timezone.now())
    assert pending() == []
    event("a", key="2026-03-01T00:00:00")
    event("b", key="2026-03-01T12:00:00")
    assert keys("c") == ["2026-03-01"]


def test_the_control_pass_makes_the_run_that_nobody_made():
    from runs_app import asset_events

    partitioned("c", [A])
    now = timezone.now()
    asset_events.emit([asset_events.Emitted(Asset.objects.get().pk, {}, "us")], None, now)
    assert keys("c") == []
    control.step(now)
    control.step(now)
    assert keys("c") == ["us"]


def test_a_run_may_be_asked_for_with_a_key():
    make("plain")
    make("any", schedule=PartitionedAtRuntime())
    make("daily", schedule=CronPartitionTimetable("0 0 * * *", timezone="UTC", key_format="%Y-%m-%d"), start_date=DAY)
    assert actions.trigger_dag("any", partition_key="us", logical_date=None).partition_key == "us"
    run = actions.trigger_dag("daily", partition_key="2026-03-01", logical_date=None)
    assert (run.partition_key, run.partition_date) == ("2026-03-01", DAY)
    with pytest.raises(InvalidPartitionKey, match="not a partitioned Dag"):
        actions.trigger_dag("plain", partition_key="us")
    with pytest.raises(InvalidPartitionKey, match="not one of Dag 'daily'"):
        actions.trigger_dag("daily", partition_key="us")


# ---- the command


def command(*words: str) -> Any:
    out = StringIO()
    call_command("partitions", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_the_command_shows_what_is_collected():
    partitioned("c", A & B)
    event("a", key="us")
    (found,) = command("pending", "c")
    assert (found["partition_key"], found["received"], found["required"]) == ("us", 1, 2)
    assert found["assets"] == {"a": "1/1", "b": "0/1"}
    make("plain")
    for dag_id, words in (("plain", "not scheduled on partitioned assets"), ("nope", "no DAG")):
        with pytest.raises(CommandError, match=words):
            command("pending", dag_id)


def test_the_command_takes_keys_off_runs():
    partitioned("c", [A])
    for key in ("us", "eu", "us"):
        event("a", key=key)
    play(slot())
    with pytest.raises(CommandError, match="exactly one"):
        command("clear", "c")
    assert len(command("clear", "c", "--partition-key", "us", "--dry-run")) == 2
    assert keys("c") == ["us", "eu", "us"]
    assert len(command("clear", "c", "--partition-key", "us", "--clear-task-instances")) == 2
    assert keys("c") == [None, "eu", None]
    assert [run.state for run in runs_of("c")] == ["running", "success", "running"]
    assert command("clear", "c", "--from", "2026-01-01") == []
    assert AuditEntry.objects.filter(event="clear_partition").count() == 2
