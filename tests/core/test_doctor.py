"""The schedule doctor against brute force: every minute around every change of clocks of many zones."""

from __future__ import annotations

import zoneinfo
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.core.cron import Cron
from orchestrator.core.doctor import better_minute, changes, instants, never, oddities
from orchestrator.core.timetables.cron import ZonedCron

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EXPRESSIONS = (
    "30 2 * * *",
    "*/20 * * * *",
    "0,40 0-3 * * *",
    "15 */3 * * *",
    "5 1,2,3 * * sun",
    "0 0 * * *",
    "30 2,3 * * *",
)
ODD = (
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Africa/Casablanca",
    "Asia/Gaza",
    "America/St_Johns",
    "Pacific/Easter",
)
ZONES = sorted({*sorted(zoneinfo.available_timezones())[::6], *ODD, "Europe/Berlin", "America/New_York", "UTC"})


def by_hand(zone: zoneinfo.ZoneInfo, start: datetime, days: int) -> list[datetime]:
    """The moments at which the offset changes, looked at hour by quarter hour."""
    found, before = [], None
    for step in range(days * 96):
        at = start + timedelta(minutes=15 * step)
        now = at.astimezone(zone).utcoffset()
        if before is not None and now != before:
            found.append(at)
        before = now
    return found


def matches(cron: Cron, wall: datetime) -> bool:
    return (
        wall.hour in cron.hour.numbers
        and wall.minute in cron.minute.numbers
        and wall.month in cron.month.numbers
        and cron.matches_day(wall.date())
    )


def brute(cron: ZonedCron, at: datetime) -> tuple[set[datetime], Counter[datetime], Counter[datetime]]:
    """Around a change: (its times that no clock shows, how often clocks show its times, how often each wall time runs)."""
    shown: Counter[datetime] = Counter()
    for step in range(-8 * 60, 8 * 60):
        shown[(at + step * MINUTE).astimezone(cron.zone).replace(tzinfo=None, fold=0)] += 1
    first, last = min(shown), max(shown)
    wanted = {
        first + step * MINUTE
        for step in range(int((last - first) / MINUTE))
        if matches(cron.cron, first + step * MINUTE)
    }
    runs = Counter(
        each.astimezone(cron.zone).replace(tzinfo=None, fold=0)
        for each in instants(cron, at - timedelta(hours=8), at + timedelta(hours=8))
    )
    return {wall for wall in wanted if not shown[wall]}, Counter({wall: shown[wall] for wall in wanted}), runs


@pytest.mark.parametrize("name", ZONES)
def test_changes_of_clocks_are_all_found_to_the_second(name: str):
    zone = zoneinfo.ZoneInfo(name)
    found = [each.at for each in changes(zone, START, START + timedelta(days=800))]
    assert found == by_hand(zone, START, 800)


@pytest.mark.parametrize("name", ZONES)
def test_gaps_and_doubles_are_those_that_brute_force_finds(name: str):
    zone = zoneinfo.ZoneInfo(name)
    years = 10 if name in {"Europe/Berlin", *ODD} else 2
    end = START + timedelta(days=366 * years)
    found_changes = list(changes(zone, START, end))
    for expression in EXPRESSIONS:
        cron = ZonedCron(expression, name)
        told = {each.at: each for each in oddities(cron, START, end)}
        assert set(told) <= {each.at for each in found_changes}
        for change in found_changes:
            lost, shown, runs = brute(cron, change.at)
            twice = {wall for wall, count in shown.items() if count == 2}
            one = told.get(change.at)
            assert (set(one.walls) if one else set()) == lost | twice, (expression, change)
            if one is None:
                continue
            assert one.kind == ("gap" if lost else "double")
            assert all(runs[wall] for wall in one.runs), (expression, change)
            if one.kind == "double":
                assert Counter(one.runs) == Counter({wall: runs[wall] for wall in twice})
            else:
                # Whatever runs although no clock shows a time of the schedule, runs in the place of a lost one.
                assert {wall for wall in runs if wall not in shown} <= set(one.runs)
                assert one.runs or cron.cron.hour.every


def test_what_is_said_is_what_happens():
    once = [
        each.text for each in oddities(ZonedCron("30 2 * * *", "Europe/Berlin"), START, START + timedelta(days=365))
    ]
    assert once == [
        "clocks go forward, 02:30 does not exist: runs at 03:30 instead",
        "clocks go back, 02:30 comes twice: runs once, the second time",
    ]
    often = [
        each.text for each in oddities(ZonedCron("*/10 * * * *", "Europe/Berlin"), START, START + timedelta(days=365))
    ]
    assert often == [
        "clocks go forward, 02:00, 02:10 … 02:50 do not exist: no runs then",
        "clocks go back, 02:00, 02:10 … 02:50 come twice: runs both times",
    ]


def test_times_that_never_come():
    assert never(ZonedCron("0 0 30 2 *", "UTC"), START)
    assert never(ZonedCron("0 0 1 1 * 0 2020", "UTC"), START)
    assert not never(ZonedCron("0 0 29 2 *", "UTC"), START)
    assert instants(ZonedCron("0 0 30 2 *", "UTC"), START, START + timedelta(days=1)) == []


def test_one_of_a_herd_is_sent_to_the_next_quiet_minute():
    cron, day = ZonedCron("0 0 * * *", "UTC"), START + timedelta(days=1)
    load = {START: 9, START + MINUTE: 5, START + 2 * MINUTE: 1}
    found = better_minute(cron, load, START, day)
    assert found is not None
    assert (found.expression, found.now, found.there) == ("3 0 * * *", 8, 0)


def test_an_hourly_schedule_looks_at_all_its_hours():
    cron, day = ZonedCron("0 * * * *", "UTC"), START + timedelta(days=1)
    load = {START + timedelta(hours=hour): 4 for hour in range(24)}
    load |= {START + timedelta(hours=7, minutes=minute): 4 for minute in range(59)}
    found = better_minute(cron, load, START, day)
    assert found is not None
    assert found.expression == "59 * * * *"


def test_nobody_is_sent_away_for_nothing():
    cron, day = ZonedCron("0 0 * * *", "UTC"), START + timedelta(days=1)
    assert better_minute(cron, {START: 2}, START, day) is None
    assert better_minute(cron, {START + minute * MINUTE: 6 for minute in range(60)}, START, day) is None
    assert better_minute(ZonedCron("*/5 * * * *", "UTC"), {START: 99}, START, day) is None
