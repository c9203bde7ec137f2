"""The runs to come, explained: what is said of each is held against the clocks of the zones themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.due import next_run
from orchestrator.core.preview import explain, zone_of
from orchestrator.core.spec import DagSpec
from orchestrator.core.timetables import (
    CronDataIntervalTimetable,
    CronTriggerTimetable,
    DeltaTriggerTimetable,
    MultipleCronTriggerTimetable,
)

SPRING, AUTUMN = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)


def upcoming(timetable, start: datetime, count: int = 4, timezone: str = "Europe/Berlin"):
    spec = DagSpec("d", timetable=timetable.to_json(), start_date=start, catchup=True, timezone=timezone)
    runs, last = [], None
    for _ in range(count):
        run = next_run(spec, last=last, now=start)
        assert run is not None
        runs.append(run)
        last = run.interval
    return explain(spec, runs)


def berlin(cron: str) -> CronTriggerTimetable:
    return CronTriggerTimetable(cron, "Europe/Berlin")


def notes(found) -> list[str]:
    return [note for each in found for note in each.notes]


def test_a_wall_time_left_out_in_spring_is_explained_where_it_runs_instead():
    found = upcoming(berlin("30 2 * * *"), SPRING, 2)
    assert f"{found[0].local:%d %H:%M}" == "29 03:30"
    assert notes(found) == ["02:30 does not exist on 2026-03-29 (clocks go forward): runs at 03:30"]


def test_two_times_that_meet_in_spring_are_one_run():
    found = upcoming(berlin("30 2,3 * * *"), SPRING, 2)
    assert notes(found) == [
        "02:30 does not exist on 2026-03-29 (clocks go forward): runs at 03:30, one run for both times"
    ]
    assert f"{found[1].local:%d %H:%M}" == "30 02:30"


def test_a_wall_time_repeated_in_autumn_runs_once():
    assert notes(upcoming(berlin("30 2 * * *"), AUTUMN, 2)) == [
        "02:30 comes twice on 2026-10-25 (clocks go back): runs once, the second time"
    ]


def test_an_hourly_schedule_runs_in_both_hours_of_autumn_and_says_which_is_which():
    found = upcoming(berlin("30 * * * *"), datetime(2026, 10, 24, 23, tzinfo=UTC))
    assert [f"{each.local:%H:%M}" for each in found] == ["01:30", "02:30", "02:30", "03:30"]
    assert [note.rpartition("is ")[2] for note in notes(found)] == ["the first", "the second"]


def test_an_hourly_schedule_names_the_hour_that_spring_leaves_out():
    found = upcoming(berlin("30 * * * *"), datetime(2026, 3, 28, 23, tzinfo=UTC))
    assert [f"{each.local:%H:%M}" for each in found] == ["00:30", "01:30", "03:30", "04:30"]
    assert found[2].notes == ("02:30 does not exist on 2026-03-29 (clocks go forward): no run at that time",)


@pytest.mark.parametrize(("start", "hours"), [(SPRING, "23 h"), (AUTUMN, "25 h")])
def test_an_interval_of_an_odd_length_says_how_long_it_is(start, hours):
    timetable = CronDataIntervalTimetable("0 0 * * *", "Europe/Berlin")
    assert notes(upcoming(timetable, start, 2)) == [f"its data interval is {hours} long"]


def test_a_schedule_of_elapsed_time_says_that_the_wall_clock_moves():
    found = upcoming(DeltaTriggerTimetable(timedelta(days=1)), SPRING, 3)
    assert [len(each.notes) for each in found] == [0, 1, 0] and "forward by 1 h" in notes(found)[0]


def test_half_an_hour_is_enough_of_a_change():
    found = upcoming(
        CronTriggerTimetable("15 2 * * *", "Australia/Lord_Howe"), datetime(2026, 10, 2, 16, tzinfo=UTC), 3
    )
    assert notes(found) == ["02:15 does not exist on 2026-10-04 (clocks go forward): runs at 02:45"]


def test_each_expression_of_several_is_looked_at():
    several = MultipleCronTriggerTimetable("0 12 * * *", "30 2 * * *", timezone="Europe/Berlin")
    assert len(notes(upcoming(several, SPRING))) == 1


def test_a_zone_without_changes_has_nothing_to_explain():
    assert notes(upcoming(CronTriggerTimetable("30 2 * * *", "UTC"), SPRING, 9)) == []
    assert zone_of(DagSpec("d", timetable=berlin("@daily").to_json())) == "Europe/Berlin"
    assert zone_of(DagSpec("d", timezone="Asia/Tokyo")) == "Asia/Tokyo"


ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca", "UTC")


@given(
    st.sampled_from(ZONES),
    st.integers(0, 59),
    st.integers(0, 23),
    st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 1)),
)
def test_a_daily_time_is_at_its_wall_time_or_says_why_not(zone, minute, hour, start):
    found = upcoming(CronTriggerTimetable(f"{minute} {hour} * * *", zone), start.replace(tzinfo=UTC), 5, zone)
    for each in found:
        moved = (each.local.hour, each.local.minute) != (hour, minute)
        ambiguous = each.local.utcoffset() != each.local.replace(fold=1 - each.local.fold).utcoffset()
        assert bool(each.notes) == (moved or ambiguous), (each.local, each.notes)
        assert each.local.tzinfo == ZoneInfo(zone)
