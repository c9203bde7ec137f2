"""Cron expressions against brute force, and schedules over daylight-saving changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.cron import Cron, CronError, NeverError
from orchestrator.core.timetables import (
    CronDataIntervalTimetable,
    CronTriggerTimetable,
    DataInterval,
    DeltaTriggerTimetable,
    Restriction,
    Timetable,
    from_json,
)

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]


def field(low: int, high: int) -> st.SearchStrategy[tuple[str, frozenset[int]]]:
    """A field's text, and the numbers it stands for, worked out apart from the parser."""
    numbers = st.integers(low, high)
    every = frozenset(range(low, high + 1))
    one = numbers.map(lambda n: (str(n), frozenset({n})))
    star = st.integers(2, 15).map(lambda step: (f"*/{step}", frozenset(range(low, high + 1, step))))
    span = st.tuples(numbers, numbers).map(
        lambda pair: (f"{min(pair)}-{max(pair)}", frozenset(range(min(pair), max(pair) + 1)))
    )
    single = st.one_of(one, span, star)
    several = st.lists(single, min_size=1, max_size=3).map(
        lambda parts: (",".join(text for text, _ in parts), frozenset().union(*(found for _, found in parts)))
    )
    return st.one_of(st.just(("*", every)), several)


@settings(max_examples=200, deadline=None)
@given(
    field(0, 59),
    field(0, 23),
    field(1, 31),
    field(1, 12),
    field(0, 6),
    st.datetimes(datetime(2023, 1, 1), datetime(2026, 12, 31)),
)
def test_the_next_time_is_the_first_minute_that_matches(minute, hour, day, month, weekday, moment):
    cron = Cron(" ".join(text for text, _ in (minute, hour, day, month, weekday)))

    def matches(at: datetime) -> bool:
        by_date, by_weekday = at.day in day[1], at.isoweekday() % 7 in weekday[1]
        either = len(day[1]) < 31 and weekday[0] != "*"
        right_day = (by_date or by_weekday) if either else (by_date and by_weekday)
        return at.minute in minute[1] and at.hour in hour[1] and at.month in month[1] and right_day

    first = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    wanted = next((at for at in (first + timedelta(minutes=n) for n in range(3 * 24 * 60)) if matches(at)), None)
    try:
        found = cron.after(moment)
    except NeverError:
        assert wanted is None
        return
    assert matches(found)
    assert found == wanted if wanted is not None else found > first + timedelta(days=3) - timedelta(minutes=1)
    assert cron.before(found) <= moment
    assert cron.before(found + timedelta(microseconds=1)) == found


@pytest.mark.parametrize(
    ("expression", "start", "expected"),
    [
        ("0 12 L * *", "2024-02-10T00:00", ["2024-02-29T12:00", "2024-03-31T12:00"]),
        ("0 0 15W * *", "2024-06-01T00:00", ["2024-06-14T00:00", "2024-07-15T00:00"]),
        ("0 0 * * 5#2", "2024-06-01T00:00", ["2024-06-14T00:00", "2024-07-12T00:00"]),
        ("0 0 * * L5", "2024-06-01T00:00", ["2024-06-28T00:00", "2024-07-26T00:00"]),
        ("0 0 * * fri-mon", "2024-06-11T00:00", ["2024-06-14T00:00", "2024-06-15T00:00", "2024-06-16T00:00"]),
        ("0 0 * * 7", "2024-06-11T00:00", ["2024-06-16T00:00", "2024-06-23T00:00"]),
        ("0 0 29 2 *", "2024-03-01T00:00", ["2028-02-29T00:00"]),
        ("0 0 13 * 5", "2024-09-01T00:00", ["2024-09-06T00:00", "2024-09-13T00:00", "2024-09-20T00:00"]),
        ("15 10 ? * *", "2024-09-01T00:00", ["2024-09-01T10:15"]),
        ("@quarterly", "2024-02-01T00:00", ["2024-04-01T00:00", "2024-07-01T00:00"]),
    ],
)
def test_what_else_a_field_may_hold(expression: str, start: str, expected: list[str]):
    moment, cron = datetime.fromisoformat(start), Cron(expression)
    for each in expected:
        moment = cron.after(moment)
        assert moment == datetime.fromisoformat(each)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* * * *", "4 fields"),
        ("61 * * * *", "'61' is no minute"),
        ("* * 0 * *", "'0' is no day of month"),
        ("* * * foo *", "'foo' is no month"),
        ("*/0 * * * *", "'0' is no minute"),
        ("* * * * 8", "'8' is no day of week"),
        ("", "0 fields"),
    ],
)
def test_what_is_no_expression_says_which_field(expression: str, words: str):
    with pytest.raises(CronError, match=words):
        Cron(expression)


def test_a_date_that_never_comes_is_found_out_when_asked():
    with pytest.raises(NeverError):
        Cron("0 0 30 2 *").after(datetime(2024, 1, 1))


# ---- over daylight-saving changes


def runs(timetable: Timetable, start: datetime, end: datetime) -> list[datetime]:
    """All logical dates from ``start`` to before ``end``, asked for one after the other."""
    found, last = [], None
    restriction = Restriction(start, None, True)
    while (following := timetable.next_run(last=last, restriction=restriction, now=end)) is not None:
        if following.run_after >= end:
            return found
        found.append(following.run_after)
        last = following.interval
    return found


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cron", ["30 2 * * *", "0 0 * * *", "59 23 * * *", "15 1,2,3 * * *"])
def test_each_day_of_a_year_has_its_runs_once(zone: str, cron: str):
    local = ZoneInfo(zone)
    start, end = (datetime(year, 1, 1, tzinfo=local).astimezone(UTC) for year in (2024, 2025))
    found = runs(CronTriggerTimetable(cron, zone), start, end)
    per_day = 3 if "," in cron else 1
    days: dict[object, int] = {}
    for each in found:
        day = each.astimezone(local).date()
        days[day] = days.get(day, 0) + 1
    assert len(days) == 366 and sum(days.values()) in {366 * per_day, 366 * per_day - 1}
    assert all(before < after for before, after in pairwise(found))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_every_hour_means_every_hour_on_days_of_23_and_25_hours_too(zone: str):
    start, end = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
    found = runs(CronTriggerTimetable("*/30 * * * *", zone), start, end)
    assert {after - before for before, after in pairwise(found)} == {timedelta(minutes=30)}


def test_the_gap_of_spring_moves_a_run_and_the_overlap_of_autumn_takes_the_second():
    berlin = CronTriggerTimetable("30 2 * * *", "Europe/Berlin")
    spring = runs(berlin, datetime(2024, 3, 31, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC))
    autumn = runs(berlin, datetime(2024, 10, 27, tzinfo=UTC), datetime(2024, 10, 28, tzinfo=UTC))
    assert [each.isoformat() for each in spring] == ["2024-03-31T01:30:00+00:00"]  # 03:30 there
    assert [each.isoformat() for each in autumn] == ["2024-10-27T01:30:00+00:00"]


# ---- schedules


moments = st.datetimes(datetime(2023, 1, 1), datetime(2026, 12, 31)).map(lambda each: each.replace(tzinfo=UTC))
timetables = st.one_of(
    st.builds(
        CronTriggerTimetable,
        st.sampled_from(["@hourly", "@daily", "*/7 3 * * *", "0 6 1 * *", "30 2 * * mon"]),
        st.sampled_from(ZONES),
    ),
    st.builds(CronDataIntervalTimetable, st.sampled_from(["@hourly", "@daily", "0 6 * * 1"]), st.sampled_from(ZONES)),
    st.builds(DeltaTriggerTimetable, st.timedeltas(timedelta(minutes=1), timedelta(days=40))),
)


@settings(max_examples=150, deadline=None)
@given(timetables, moments, moments, st.booleans())
def test_each_run_is_later_than_the_one_before_and_inside_its_bounds(timetable, start, now, catchup):
    restriction = Restriction(start, now + timedelta(days=60), catchup)
    last: DataInterval | None = None
    for _ in range(4):
        found = timetable.next_run(last=last, restriction=restriction, now=now)
        if found is None:
            return
        assert found.logical_date >= start or not catchup
        assert found.interval.start <= found.interval.end <= found.run_after
        assert last is None or found.run_after > last.end or found.interval.start >= last.end
        last, now = found.interval, max(now, found.run_after)


@settings(max_examples=100, deadline=None)
@given(timetables, moments, moments)
def test_a_timetable_reads_back_from_its_json(timetable, start, now):
    again = from_json(timetable.to_json())
    restriction = Restriction(start, None, True)
    assert type(again) is type(timetable)
    assert again.next_run(last=None, restriction=restriction, now=now) == timetable.next_run(
        last=None, restriction=restriction, now=now
    )


@settings(deadline=None)
@given(moments)
def test_without_catchup_at_most_one_missed_run_is_made_up_for(now):
    timetable = CronTriggerTimetable("@hourly", "UTC")
    restriction = Restriction(datetime(2020, 1, 1, tzinfo=UTC), None, False)
    first = timetable.next_run(last=None, restriction=restriction, now=now)
    assert first is not None and now - first.run_after < timedelta(hours=1)
    second = timetable.next_run(last=first.interval, restriction=restriction, now=now)
    assert second is not None and second.run_after > now
