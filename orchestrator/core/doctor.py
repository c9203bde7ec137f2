"""What is odd about a schedule over the years: changes of clocks, times that never come, minutes that all DAGs want.

What a change of clocks does is not reasoned about but looked at: the runs are those that the schedule itself gives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from .cron import NeverError
from .said import said
from .timetables import TimetableError
from .timetables.cron import ZonedCron

STEP = timedelta(hours=12)
"""No zone changes its clocks twice within this."""
SECOND = timedelta(seconds=1)
HERD = 3
"""So many runs at one moment are worth a word."""


@dataclass(frozen=True, slots=True)
class Change:
    """A moment at which a zone's clocks are set, and by how much."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def jump(self) -> timedelta:
        return abs(self.after - self.before)

    @property
    def wall(self) -> tuple[datetime, datetime]:
        """From and to (exclusive) of the wall times that are left out, or that come twice."""
        naive = self.at.replace(tzinfo=None)
        return naive + min(self.before, self.after), naive + max(self.before, self.after)


@dataclass(frozen=True, slots=True)
class Oddity:
    """What one change of clocks does to a schedule. ``kind``: ``gap`` or ``double``."""

    kind: str
    at: datetime
    walls: tuple[datetime, ...]  # of the schedule's times: left out, or coming twice
    runs: tuple[datetime, ...]  # what runs in their place, or at them; wall times

    @property
    def text(self) -> str:
        times = _list(self.walls)
        one = len(self.walls) == 1
        if self.kind == "gap" and self.runs:
            runs = _list(self.runs)
            if one:
                return said("clocks go forward, {times} does not exist: runs at {runs} instead", times=times, runs=runs)
            return said("clocks go forward, {times} do not exist: runs at {runs} instead", times=times, runs=runs)
        if self.kind == "gap":
            if one:
                return said("clocks go forward, {times} does not exist: no run then", times=times)
            return said("clocks go forward, {times} do not exist: no runs then", times=times)
        if len(self.runs) > len(self.walls):
            if one:
                return said("clocks go back, {times} comes twice: runs both times", times=times)
            return said("clocks go back, {times} come twice: runs both times", times=times)
        if one:
            return said("clocks go back, {times} comes twice: runs once, the second time", times=times)
        return said("clocks go back, {times} come twice: runs once, the second time", times=times)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Another minute for a schedule, and the most runs that others have at its times: now, and there."""

    expression: str
    now: int
    there: int


def changes(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[Change]:
    """Yield when a zone's clocks are set between two moments, to the second."""
    low, before = start, _offset(start, zone)
    while low < end:
        high = min(low + STEP, end)
        after = _offset(high, zone)
        if after != before:
            a, b = low, high
            while b - a > SECOND:
                middle = a + timedelta(seconds=int((b - a).total_seconds()) // 2)
                a, b = (middle, b) if _offset(middle, zone) == before else (a, middle)
            yield Change(b, before, after)
        low, before = high, after


def oddities(cron: ZonedCron, start: datetime, end: datetime) -> Iterator[Oddity]:
    """Yield what changes of clocks between two moments do to an expression; the times it wants are not touched else."""
    for change in changes(cron.zone, start.replace(microsecond=0), end):
        first, last = change.wall
        walls = tuple(_naive(cron, first, last))
        if not walls:
            continue
        near = instants(cron, change.at - change.jump, change.at + 2 * change.jump)
        runs = [each.astimezone(cron.zone).replace(tzinfo=None, fold=0) for each in near]
        if change.after > change.before:
            own = set(_naive(cron, first, last + change.jump))
            late = tuple(each for each in runs if each not in own and each - change.jump in walls)
            covered = tuple(each + change.jump for each in walls if each + change.jump in own)
            instead = late if late or cron.cron.hour.every else covered
            yield Oddity("gap", change.at, walls, instead)
        else:
            yield Oddity("double", change.at, walls, tuple(each for each in runs if each in walls))


def instants(cron: ZonedCron, start: datetime, end: datetime) -> list[datetime]:
    """Return the times of an expression from ``start`` on and before ``end``; none where it never comes due."""
    found = []
    at = start - SECOND
    try:
        while (at := cron.after(at)) < end:
            found.append(at)
    except TimetableError:
        pass
    return found


def never(cron: ZonedCron, now: datetime) -> bool:
    """Whether no further time comes, such as that of 30 February."""
    try:
        cron.cron.after(now.astimezone(cron.zone).replace(tzinfo=None))
    except NeverError:
        return True
    return False


def better_minute(cron: ZonedCron, load: Mapping[datetime, int], start: datetime, end: datetime) -> Suggestion | None:
    """Return a minute of the same hours at which less is to be done; None where it is no herd, or there is none.

    ``load`` has how many runs each minute of the time between has, this schedule's own among them.
    """
    minutes = cron.cron.minute.numbers
    own = Counter(map(_minute, instants(cron, start, end)))
    if len(minutes) != 1 or not own or len(cron.expression.split()) != 5:
        return None

    def most(times: Iterator[datetime]) -> int:
        return max((load.get(at, 0) - own.get(at, 0) for at in times), default=0)

    now = most(iter(own))
    if now + 1 < HERD:
        return None
    rest = cron.expression.split(maxsplit=1)[1]
    best: tuple[int, int] | None = None
    for distance in range(1, 60):
        minute = (minutes[0] + distance) % 60
        there = most(_minute(at) for at in instants(ZonedCron(f"{minute} {rest}", cron.timezone), start, end))
        if best is None or there < best[0]:
            best = there, minute
    if best is None or 2 * best[0] > now:
        return None
    return Suggestion(f"{best[1]} {rest}", now, best[0])


def _minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def _naive(cron: ZonedCron, first: datetime, last: datetime) -> Iterator[datetime]:
    at = first - SECOND
    while True:
        try:
            at = cron.cron.after(at)
        except NeverError:
            return
        if at >= last:
            return
        yield at


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _list(times: tuple[datetime, ...]) -> str:
    told = list(dict.fromkeys(f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}" for at in times))
    if len(told) > 4:
        return f"{told[0]}, {told[1]} … {told[-1]}"
    return " and ".join([", ".join(told[:-1]), told[-1]]) if len(told) > 1 else told[0]
