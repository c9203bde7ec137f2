"""Taking partition keys off runs over the API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import call_command

from dags_app.models import AuditEntry
from orchestrator.core.timetables import CronPartitionTimetable
from runs_app.models import DagRun
from tests.support import factories

PATH = "dags/hourly/clearPartitions"


@pytest.fixture(autouse=True)
def hourly(db: None) -> None:
    """Hours of two days in Taipei, eight hours ahead."""
    timetable = CronPartitionTimetable("0 * * * *", timezone="Asia/Taipei")
    dag = factories.make_dag(spec=factories.make_spec("hourly", schedule=timetable))
    for day, hour in ((1, 0), (1, 8), (1, 9), (2, 0)):
        date = datetime(2026, 3, day, hour, tzinfo=timetable.cron.zone).astimezone(UTC)
        key = f"2026-03-0{day}T{hour:02}"
        factories.make_run(dag, key, partition_key=key, partition_date=date)


def left() -> list[str | None]:
    return list(DagRun.objects.order_by("run_id").values_list("partition_key", flat=True))


def test_without_being_told_to_it_only_counts(api: Any):
    found = api.call("post", PATH, {"partition_key": "2026-03-01T08", "clear_task_instances": True})
    assert found == {"dag_runs_cleared": 1, "task_instances_cleared": 2, "dry_run": True}
    assert None not in left()


def test_a_run_loses_its_key_and_is_run_again_where_that_is_asked(api: Any):
    found = api.call("post", PATH, {"run_id": "2026-03-01T08", "dry_run": False, "clear_task_instances": True})
    assert found == {"dag_runs_cleared": 1, "task_instances_cleared": 2, "dry_run": False}
    run = DagRun.objects.get(run_id="2026-03-01T08")
    assert (run.partition_key, run.partition_date, run.state) == (None, None, "running")
    assert AuditEntry.objects.filter(event="clear_partition").count() == 1


@pytest.mark.parametrize(
    ("window", "cleared"),
    [
        (("2026-03-01T08:00:00", "2026-03-01T08:00:00"), [1]),
        (("2026-03-01T00:00:00+08:00", "2026-03-01T09:00:00+08:00"), [0, 1, 2]),
        ((None, "2026-02-28T16:00:00Z"), [0]),
        (("2026-03-01T09:00:01", None), [3]),
    ],
)
def test_a_window_counts_both_ends_and_is_in_the_zone_of_the_timetable(api: Any, window: Any, cleared: list[int]):
    ends = dict(zip(("partition_date_start", "partition_date_end"), window, strict=True))
    body = {**{name: each for name, each in ends.items() if each}, "dry_run": False}
    assert api.call("post", PATH, body)["dag_runs_cleared"] == len(cleared)
    assert [place for place, key in enumerate(left()) if key is None] == cleared


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "Exactly one of run_id"),
        ({"run_id": "x", "partition_key": "y"}, "Exactly one of run_id"),
        ({"partition_key": "y", "partition_date_end": "2026-03-01T00:00:00"}, "Exactly one of run_id"),
        ({"partition_date_start": "2026-03-02T00:00:00", "partition_date_end": "2026-03-01T00:00:00"}, "on or before"),
        ({"partition_date_start": "soon"}, "partition_date_start"),
        ({"partition_key": 3}, "valid string"),
        ({"partition_key": "a\x00"}, "cannot be stored"),
        ({"key": "x"}, "Extra inputs"),
    ],
)
def test_what_selects_nothing_or_twice_is_refused(api: Any, body: dict[str, Any], says: str):
    assert says in str(api.call("post", PATH, body, 422)["detail"])
    assert None not in left()


def test_a_key_of_no_run_clears_none(api: Any):
    assert api.call("post", PATH, {"partition_key": "", "dry_run": False})["dag_runs_cleared"] == 0
    assert api.call("post", "dags/absent/clearPartitions", {"partition_key": "x"}, 404)


def test_the_command_reads_dates_in_the_zone_of_the_timetable():
    call_command("partitions", "clear", "hourly", "--from", "2026-03-01T08:00:00", "--to", "2026-03-01T08:30:00")
    assert [place for place, key in enumerate(left()) if key is None] == [1]
