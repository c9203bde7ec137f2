"""Sensors for moments, days and files."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from orchestrator.operators.calendar import BranchDateTimeOperator, BranchDayOfWeekOperator, DayOfWeekSensor
from orchestrator.operators.empty import EmptyOperator
from orchestrator.operators.filesystem import FileSensor
from orchestrator.operators.times import (
    DateTimeSensor,
    DateTimeSensorAsync,
    TimeDeltaSensor,
    TimeDeltaSensorAsync,
    TimeSensor,
    WaitSensor,
)
from orchestrator.runtime.local import run_dag
from orchestrator.sdk import DAG, WeekDay
from orchestrator.sdk.exceptions import DagError

from .running import DATE, reason, run, state

SOON = timedelta(milliseconds=300)


@pytest.mark.parametrize(
    "make",
    [
        lambda at: DateTimeSensor(task_id="t", target_time=at),
        lambda at: DateTimeSensor(task_id="t", target_time=at.isoformat(), mode="reschedule"),
        lambda at: DateTimeSensor(task_id="t", target_time=at, deferrable=True),
        lambda at: DateTimeSensorAsync(task_id="t", target_time=at),
        lambda at: DateTimeSensorAsync(task_id="t", target_time=at, end_from_trigger=True),
        lambda at: TimeDeltaSensor(task_id="t", delta=at - DATE),
        lambda at: TimeDeltaSensorAsync(task_id="t", delta=at - DATE),
        lambda at: WaitSensor(task_id="t", time_to_wait=SOON),
        lambda at: WaitSensor(task_id="t", time_to_wait=SOON, deferrable=True),
    ],
)
def test_a_moment_is_waited_for_and_not_longer_than_that(make: Any):
    at = datetime.now(UTC) + SOON
    found = run(lambda: make(at))
    late = datetime.now(UTC) - at
    assert state(found, "t") == "success", reason(found, "t")
    assert timedelta() <= late < timedelta(seconds=10), "the poke interval of 60 s is not what decides"


def test_a_time_of_day_counts_in_the_zone_of_the_dag():
    found = run(lambda: TimeSensor(task_id="t", target_time=time(0, 0)))
    assert state(found, "t") == "success"


def test_a_target_time_may_be_a_template():
    found = run(lambda: DateTimeSensor(task_id="t", target_time="{{ data_interval_end }}"))
    assert state(found, "t") == "success", reason(found, "t")


def test_the_timeout_ends_a_wait():
    found = run(lambda: DateTimeSensor(task_id="t", target_time=datetime(2999, 1, 1), timeout=0.05))
    assert "timed out" in reason(found, "t")


@pytest.mark.parametrize(
    ("days", "way"), [("friday", "yes"), ({"MONDAY", "Tuesday"}, "no"), (WeekDay.FRIDAY, "yes"), (["friday"], "yes")]
)
def test_the_day_of_the_week_chooses_the_way(days: Any, way: str):
    def make():
        branch = BranchDayOfWeekOperator(
            task_id="t",
            week_day=days,
            use_task_logical_date=True,
            follow_task_ids_if_true="yes",
            follow_task_ids_if_false="no",
        )
        branch >> [EmptyOperator(task_id="yes"), EmptyOperator(task_id="no")]

    found = run(make)
    assert [name for name in ("yes", "no") if state(found, name) == "success"] == [way]


def test_a_day_that_is_none_is_refused_by_name():
    with pytest.raises(AttributeError, match="Someday"):
        DayOfWeekSensor(task_id="t", week_day="Someday")


def test_days_are_numbers_as_in_airflow():
    assert WeekDay.SUNDAY == 7 and WeekDay(1) is WeekDay.MONDAY
    assert WeekDay.validate_week_day(["monday", WeekDay.FRIDAY]) == {1, 5}
    with pytest.raises(TypeError, match="Input should be iterable"):
        WeekDay.validate_week_day(3)


def test_a_window_counts_in_the_zone_of_the_dag():
    def ways(lower: Any, upper: Any) -> str:
        with DAG("d", start_date=datetime(2024, 1, 1, tzinfo=ZoneInfo("America/New_York"))) as dag:
            BranchDateTimeOperator(
                task_id="t",
                target_lower=lower,
                target_upper=upper,
                use_task_logical_date=True,
                follow_task_ids_if_true="yes",
                follow_task_ids_if_false="no",
            ) >> [EmptyOperator(task_id="yes"), EmptyOperator(task_id="no")]
        found = run_dag(dag, say=lambda line: None, logical_date=DATE)
        return "yes" if state(found, "yes") == "success" else "no"

    assert ways(time(2, 59), time(3, 1)) == "yes", "08:00 UTC is 03:00 in New York"
    assert ways(time(7), time(9)) == "no"
    assert ways(time(7, tzinfo=UTC), time(9, tzinfo=UTC)) == "yes"


@pytest.mark.parametrize(
    ("lower", "upper", "way"),
    [
        (time(7), time(9), "yes"),
        (time(9), time(10), "no"),
        (time(7), time(2), "yes"),  # over midnight
        (datetime(2024, 1, 1), None, "yes"),
        (None, datetime(2024, 1, 1), "no"),
    ],
)
def test_a_window_of_time_chooses_the_way(lower: Any, upper: Any, way: str):
    def make():
        branch = BranchDateTimeOperator(
            task_id="t",
            target_lower=lower,
            target_upper=upper,
            use_task_logical_date=True,
            follow_task_ids_if_true="yes",
            follow_task_ids_if_false="no",
        )
        branch >> [EmptyOperator(task_id="yes"), EmptyOperator(task_id="no")]

    found = run(make)
    assert [name for name in ("yes", "no") if state(found, name) == "success"] == [way]


def test_a_window_needs_one_end():
    with pytest.raises(DagError, match="target_upper and target_lower are None"):
        BranchDateTimeOperator(
            task_id="t",
            target_lower=None,
            target_upper=None,
            follow_task_ids_if_true="a",
            follow_task_ids_if_false="b",
        )


# ---- files


@pytest.mark.parametrize("how", [{}, {"mode": "reschedule"}, {"deferrable": True}])
def test_a_file_is_waited_for(tmp_path: Path, how: dict[str, Any]):
    def write_when_it_is_looked_for(line: str) -> None:
        if "Poking for file" in line:
            (tmp_path / "a.csv").write_text("1")

    pattern = str(tmp_path / "*.csv")
    found = run(
        lambda: FileSensor(task_id="t", filepath=pattern, poke_interval=0.05, timeout=20, **how),
        say=write_when_it_is_looked_for,
    )
    assert state(found, "t") == "success", reason(found, "t")


def test_an_empty_folder_is_not_enough_but_one_with_a_file_below_is(tmp_path: Path):
    def wait():
        return FileSensor(task_id="t", filepath=str(tmp_path), poke_interval=0.01, timeout=0.05)

    assert "timed out" in reason(run(wait), "t")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_text("1")
    assert state(run(wait), "t") == "success"


def test_a_relative_path_stands_below_the_connections(tmp_path: Path):
    (tmp_path / "file").write_text("1")

    def wait():
        return FileSensor(task_id="t", filepath="file", fs_conn_id="store", timeout=0.05, poke_interval=0.01)

    connection = {"conn_id": "store", "conn_type": "fs", "extra": f'{{"path": "{tmp_path}"}}'}
    assert state(run(wait, connection=connection), "t") == "success"
    assert "give an absolute path" in reason(run(wait), "t")
