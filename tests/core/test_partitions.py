"""Which keys of a consumer's runs the keys of events belong to, held against what Airflow 3.3 documents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.partitions import (
    AllowedKeyMapper,
    ChainMapper,
    DayWindow,
    FanOutMapper,
    FixedKeyMapper,
    HourWindow,
    IdentityMapper,
    MinimumCount,
    MonthWindow,
    PartitionMapper,
    ProductMapper,
    QuarterWindow,
    RollupMapper,
    SegmentWindow,
    StartOfDayMapper,
    StartOfHourMapper,
    StartOfMonthMapper,
    StartOfQuarterMapper,
    StartOfWeekMapper,
    StartOfYearMapper,
    WaitForAll,
    WeekWindow,
    Window,
    YearWindow,
    mapper_from_json,
)
from orchestrator.core.timetables import (
    CronPartitionTimetable,
    DataInterval,
    PartitionedAssetTimetable,
    PartitionedAtRuntime,
    Restriction,
    TimetableError,
    from_json,
)
from orchestrator.sdk import Asset, AssetAlias

MOMENT = "2024-03-13T10:42:15"
A, B = Asset("a"), Asset("b")


@pytest.mark.parametrize(
    ("mapper", "key"),
    [
        (IdentityMapper(), MOMENT),
        (StartOfHourMapper(), "2024-03-13T10"),
        (StartOfDayMapper(), "2024-03-13"),
        (StartOfWeekMapper(), "2024-03-11 (W11)"),
        (StartOfMonthMapper(), "2024-03"),
        (StartOfQuarterMapper(), "2024-Q1"),
        (StartOfYearMapper(), "2024"),
        (FixedKeyMapper("all"), "all"),
        (ChainMapper(StartOfDayMapper(), StartOfMonthMapper(input_format="%Y-%m-%d")), "2024-03"),
        (StartOfDayMapper(output_format="%d.%m.%Y"), "13.03.2024"),
        (StartOfDayMapper(timezone="Asia/Tokyo", input_format="%Y-%m-%dT%H:%M:%S"), "2024-03-13"),
    ],
)
def test_a_key_belongs_to(mapper: PartitionMapper, key: str):
    assert mapper.keys_for(MOMENT) == [key]
    assert mapper_from_json(mapper.to_json()).to_json() == mapper.to_json()
    assert mapper_from_json(mapper.to_json()).keys_for(MOMENT) == [key]


def test_a_key_with_an_offset_is_brought_into_the_mappers_zone():
    mapper = StartOfDayMapper(timezone="Asia/Tokyo", input_format="%Y-%m-%dT%H:%M:%S%z")
    assert mapper.keys_for("2024-03-13T20:00:00+0000") == ["2024-03-14"]


def test_a_key_of_several_parts_is_mapped_part_by_part():
    mapper = ProductMapper(IdentityMapper(), StartOfDayMapper())
    assert mapper.keys_for(f"us|{MOMENT}") == ["us|2024-03-13"]
    assert mapper.to_partition_date("us|2024-03-13") == datetime(2024, 3, 13, tzinfo=UTC)
    with pytest.raises(ValueError, match="Expected 2 segments"):
        mapper.keys_for("us")
    assert mapper_from_json(mapper.to_json()).to_json() == mapper.to_json()


def test_only_allowed_keys_pass():
    mapper = AllowedKeyMapper(["us", "eu"])
    assert mapper.keys_for("us") == ["us"]
    with pytest.raises(ValueError, match="not in allowed keys"):
        mapper.keys_for("apac")


@pytest.mark.parametrize(
    ("upstream", "window", "keys"),
    [
        (StartOfDayMapper(), DayWindow(), [f"2024-03-13T{hour:02d}" for hour in range(24)]),
        (StartOfWeekMapper(), WeekWindow(), [f"2024-03-{day}" for day in range(11, 18)]),
        (
            StartOfWeekMapper(),
            WeekWindow(direction=Window.Direction.BACKWARD),
            [f"2024-03-{day:02d}" for day in range(5, 12)],
        ),
        (StartOfMonthMapper(), MonthWindow(), [f"2024-03-{day:02d}" for day in range(1, 32)]),
        (
            StartOfMonthMapper(),
            MonthWindow(direction="backward"),
            [f"2024-02-{day:02d}" for day in range(2, 30)] + ["2024-03-01"],
        ),
        (StartOfQuarterMapper(), QuarterWindow(), ["2024-01", "2024-02", "2024-03"]),
        (StartOfYearMapper(), YearWindow(), [f"2024-{month:02d}" for month in range(1, 13)]),
    ],
)
def test_one_key_fans_out_to_the_members_of_a_window(upstream: Any, window: Window, keys: list[str]):
    mapper = FanOutMapper(upstream_mapper=upstream, window=window)
    assert mapper.keys_for(MOMENT) == keys
    assert mapper_from_json(mapper.to_json()).keys_for(MOMENT) == keys


def test_a_fan_out_has_a_limit():
    mapper = FanOutMapper(upstream_mapper=StartOfWeekMapper(), window=WeekWindow(), max_downstream_keys=6)
    with pytest.raises(ValueError, match="belongs to 7 keys; at most 6"):
        mapper.keys_for(MOMENT)


def test_a_rollup_expects_each_member_in_the_events_own_form():
    mapper = RollupMapper(upstream_mapper=StartOfDayMapper(), window=DayWindow())
    assert mapper.keys_for(MOMENT) == ["2024-03-13"] and mapper.is_rollup
    assert mapper.to_upstream("2024-03-13") == {f"2024-03-13T{hour:02d}:00:00" for hour in range(24)}
    assert mapper.to_partition_date("2024-03-13") == datetime(2024, 3, 13, tzinfo=UTC)
    regions = RollupMapper(upstream_mapper=FixedKeyMapper("all"), window=SegmentWindow(["us", "eu"]))
    assert regions.to_upstream("all") == {"us", "eu"}
    assert mapper_from_json(regions.to_json()).to_upstream("all") == {"us", "eu"}


MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2050, 12, 31)).map(lambda date: date.replace(microsecond=0))
TEMPORAL = [
    (StartOfHourMapper, HourWindow),
    (StartOfDayMapper, DayWindow),
    (StartOfWeekMapper, WeekWindow),
    (StartOfMonthMapper, MonthWindow),
    (StartOfQuarterMapper, QuarterWindow),
    (StartOfYearMapper, YearWindow),
]


@given(MOMENTS, st.sampled_from(TEMPORAL))
def test_every_expected_member_belongs_to_the_key_that_expects_it(moment: datetime, kinds: Any):
    mapper, window = kinds
    rollup = RollupMapper(upstream_mapper=mapper(), window=window())
    (key,) = rollup.keys_for(moment.strftime("%Y-%m-%dT%H:%M:%S"))
    expected = rollup.to_upstream(key)
    assert expected and all(rollup.keys_for(each) == [key] for each in expected)


@given(
    MOMENTS,
    st.sampled_from([mapper for mapper, _ in TEMPORAL]),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Tokyo"]),
)
def test_a_key_says_when_its_part_begins(moment: datetime, kind: Any, zone: str):
    mapper = kind(timezone=zone)
    (key,) = mapper.keys_for(moment.strftime("%Y-%m-%dT%H:%M:%S"))
    start = mapper.to_partition_date(key)
    assert start <= mapper.aware(moment)
    assert mapper.format(start) == key


@pytest.mark.parametrize(
    ("policy", "arrived", "holds"),
    [
        (WaitForAll(), 3, False),
        (WaitForAll(), 4, True),
        (MinimumCount(3), 2, False),
        (MinimumCount(3), 3, True),
        (MinimumCount(5), 4, False),
        (MinimumCount(-1), 3, True),
        (MinimumCount(-1), 2, False),
        (MinimumCount(-9), 0, True),
    ],
)
def test_how_many_parts_are_enough(policy: Any, arrived: int, holds: bool):
    expected = set("abcd")
    assert policy.holds(set("abcd"[:arrived]) | {"stranger"}, expected) is holds


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MinimumCount(0), "WaitForAll"),
        (lambda: FixedKeyMapper(""), "non-empty"),
        (lambda: SegmentWindow([]), "at least one"),
        (lambda: SegmentWindow([""]), "non-empty"),
        (lambda: IdentityMapper(max_downstream_keys=0), "positive integer"),
        (lambda: RollupMapper(upstream_mapper=IdentityMapper(), window=DayWindow()), "pair a window"),
        (lambda: FanOutMapper(upstream_mapper=StartOfHourMapper(), window=HourWindow()), "downstream_mapper"),
        (lambda: StartOfWeekMapper(output_format="%Y-%Y"), "reuses"),
        (lambda: StartOfDayMapper(timezone="Mars/Base"), "Mars"),
        (lambda: StartOfWeekMapper(output_format="W%V").decode_downstream("W11"), "must hold"),
        (lambda: MonthWindow().to_upstream(datetime(2024, 3, 2)), "day 1"),
    ],
)
def test_what_cannot_be_says_why(make: Any, words: str):
    with pytest.raises((TypeError, ValueError, KeyError, LookupError), match=words):
        make()


# ---- timetables


def test_a_cron_partition_is_for_the_partition_beside_its_time():
    timetable = CronPartitionTimetable("0 0 * * *", timezone="Asia/Taipei", run_offset=-1, key_format="%Y-%m-%d")
    assert from_json(timetable.to_json()).to_json() == timetable.to_json()
    now = datetime(2026, 3, 10, 16, tzinfo=UTC)  # midnight of the 11th in Taipei
    found = timetable.next_run(
        last=DataInterval(now - timedelta(1), now - timedelta(1)), restriction=Restriction(None, None, True), now=now
    )
    assert (found.run_after, found.partition_key, found.partition_date) == (now, "2026-03-10", now - timedelta(1))
    assert timetable.partition_date("2026-03-10") == now - timedelta(1)
    with pytest.raises(ValueError, match="does not match"):
        timetable.partition_date("today")


def test_partitions_at_runtime_are_never_due():
    timetable = PartitionedAtRuntime()
    assert timetable.takes_keys and not timetable.can_be_scheduled and timetable.partition_date("x") is None
    assert from_json(timetable.to_json()).summary == "PartitionedAtRuntime"


def test_each_asset_has_its_mapper():
    timetable = PartitionedAssetTimetable(
        assets=A & B & Asset.ref(name="c"),
        partition_mapper_config={A: StartOfYearMapper(), Asset.ref(name="c"): StartOfHourMapper()},
    )
    again = from_json(timetable.to_json())
    assert again.to_json() == timetable.to_json() and again.fingerprint() == timetable.fingerprint()
    kinds = [type(again.mapper_for(*key)).__name__ for key in (("a", "a"), ("b", "b"), ("c", "s3://c"))]
    assert kinds == ["StartOfYearMapper", "IdentityMapper", "StartOfHourMapper"]
    assert again.is_partitioned and again.summary == "Partitioned Asset"


def test_a_date_is_known_where_the_mappers_agree():
    day = PartitionedAssetTimetable(assets=A & B, default_partition_mapper=StartOfDayMapper())
    assert day.partition_date("2026-03-01") == datetime(2026, 3, 1, tzinfo=UTC)
    assert PartitionedAssetTimetable(assets=[A]).partition_date("x") is None
    with pytest.raises(ValueError, match="does not match"):
        day.partition_date("x")


def test_a_mapper_of_ones_own_is_refused_where_it_is_written():
    class Mine(PartitionMapper):
        def to_downstream(self, key: str) -> str:
            return key

    timetable = PartitionedAssetTimetable(assets=[A], default_partition_mapper=Mine())
    with pytest.raises(TimetableError, match="Mine is a partition mapper of your own"):
        timetable.to_json()
    with pytest.raises(TimetableError, match="aliases are not supported"):
        PartitionedAssetTimetable(assets=[A], partition_mapper_config={AssetAlias("x"): IdentityMapper()})
