"""The calendar of a DAG: its runs by day or by hour, counted by the database, and those that are planned."""

from __future__ import annotations

import calendar
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import takewhile
from typing import Any

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDay, TruncHour
from django.utils import dateformat

from dags_app import schedule
from dags_app.models import Dag
from orchestrator.core.states import RunState

from .browsing import RUN_DATE

SHADES = 4
FIRST_YEAR, LAST_YEAR = 1970, 2199


@dataclass
class Cell:
    """One day or hour. ``shade`` is how many of what is asked for, ``share`` how many of all failed: 0 to SHADES."""

    start: datetime
    end: datetime
    counts: dict[str, int] = field(default_factory=dict)
    planned: int = 0
    shade: int = 0
    share: int = 0

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def failed(self) -> int:
        return self.counts.get(RunState.FAILED, 0)

    @property
    def open(self) -> int:
        return self.counts.get(RunState.RUNNING, 0) + self.counts.get(RunState.QUEUED, 0)

    @property
    def until(self) -> datetime:
        """Its last moment, since ranges of filters include their end."""
        return self.end - timedelta(milliseconds=1)


@dataclass
class Month:
    """One line of the calendar: a month's days, or a day's hours; ``gap`` cells stay empty before its first."""

    name: str
    cells: list[Cell]
    gap: int = 0


def year(runs: QuerySet[Any], dag: Dag, number: int, zone: tzinfo, now: datetime) -> list[Month]:
    """Return the months of a year, their cells the days."""
    months = []
    for month in range(1, 13):
        days = [date(number, month, day) for day in range(1, calendar.monthrange(number, month)[1] + 1)]
        cells = [Cell(_midnight(day, zone), _midnight(day + timedelta(days=1), zone)) for day in days]
        months.append(Month(dateformat.format(days[0], "F"), cells, days[0].weekday()))
    _fill(runs, dag, [cell for each in months for cell in each.cells], TruncDay, zone, now)
    return months


def month(runs: QuerySet[Any], dag: Dag, first: date, zone: tzinfo, now: datetime) -> list[Month]:
    """Return the days of a month, their cells the hours of the clock: one that it shows twice is one cell."""
    days = [first.replace(day=day) for day in range(1, calendar.monthrange(first.year, first.month)[1] + 1)]
    found = []
    for day in days:
        starts = [datetime.combine(day, time(hour), zone) for hour in range(24)]
        ends = [*starts[1:], _midnight(day + timedelta(days=1), zone)]
        found.append(
            Month(f"{dateformat.format(day, 'D')} {day:%d}", [Cell(a, b) for a, b in zip(starts, ends, strict=True)])
        )
    _fill(runs, dag, [cell for each in found for cell in each.cells], TruncHour, zone, now)
    return found


def shade(cells: list[Cell], failed_only: bool) -> None:
    """Give each cell its shades, by the fullest cell."""
    most = max((each.failed if failed_only else each.total for each in cells), default=0) or 1
    for each in cells:
        count = each.failed if failed_only else each.total
        each.shade = -(-SHADES * count // most)
        each.share = -(-SHADES * each.failed // each.total) if each.total else 0


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _fill(runs: QuerySet[Any], dag: Dag, cells: list[Cell], trunc: Any, zone: tzinfo, now: datetime) -> None:
    first, last = cells[0].start, cells[-1].end
    wall: dict[datetime, Cell] = {_wall(each.start): each for each in cells}
    inside = runs.alias(date=RUN_DATE).filter(date__gte=first, date__lt=last)
    counted = inside.annotate(at=trunc("date", tzinfo=zone)).values_list("at", "state").annotate(count=Count("pk"))
    for at, state, count in counted.order_by():
        cell = wall[_wall(at)]
        cell.counts[state] = cell.counts.get(state, 0) + count
    planned: dict[datetime, int] = defaultdict(int)
    if last > now:
        coming = schedule.upcoming(dag, schedule.MOST_UPCOMING, now)
        for run in takewhile(lambda each: each.logical_date < last, coming):
            at = run.logical_date.astimezone(zone)
            planned[
                _wall(at.replace(minute=0, second=0, microsecond=0, **({"hour": 0} if trunc is TruncDay else {})))
            ] += 1
    for at, count in planned.items():
        if at in wall:
            wall[at].planned = count


def _wall(at: datetime) -> datetime:
    return at.replace(tzinfo=None, fold=0)
