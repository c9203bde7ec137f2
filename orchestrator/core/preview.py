"""The runs to come as people read them: local times, and why a gap or a double among them is none.

Clocks that go forward leave wall times out, clocks that go back repeat some. What a schedule makes of it differs
by its kind, and is what people ask about on the Monday after.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from .said import said
from .spec import DagSpec
from .timetables import NextRun, from_json
from .timetables.cron import ZonedCron

LONGEST_JUMP = timedelta(hours=3)
"""No clock is changed by more: some islands change by half an hour, most places by one."""


@dataclass(frozen=True, slots=True)
class Upcoming:
    """One run to come. ``local`` is ``run.run_after`` on the clock of the schedule's own zone."""

    run: NextRun
    local: datetime
    notes: tuple[str, ...] = ()

    @property
    def wall_time(self) -> str:
        """The local time as a text: templates would turn the time itself into the server's zone."""
        return f"{self.local:%a %Y-%m-%d %H:%M:%S %Z}"


def explain(spec: DagSpec, runs: Sequence[NextRun]) -> list[Upcoming]:
    """Return the runs, oldest first as given, with what is remarkable about each."""
    timetable = from_json(dict(spec.timetable))
    crons = list(crons_of(timetable))
    zone = crons[0].zone if crons else ZoneInfo(spec.timezone)
    found: list[Upcoming] = []
    for number, run in enumerate(runs):
        local = run.run_after.astimezone(zone)
        before = found[number - 1].local if number else None
        notes = [note for cron in crons if (note := _of_cron(cron, local))]
        if not notes and before is not None and timetable.type.startswith("delta"):
            notes = list(_of_elapsed_time(before, local))
        found.append(Upcoming(run, local, (*dict.fromkeys(notes), *_of_interval(run, crons, zone))))
    return found


def zone_of(spec: DagSpec) -> str:
    """The name of the zone that :func:`explain` shows local times of."""
    crons = list(crons_of(from_json(dict(spec.timetable))))
    return crons[0].timezone if crons else spec.timezone


def crons_of(timetable: Any) -> Iterable[ZonedCron]:
    """The expressions a timetable goes by."""
    inner = getattr(timetable, "timetable", None)
    if inner is not None:
        yield from crons_of(inner)
    for part in getattr(timetable, "parts", [timetable]):
        cron = getattr(part, "cron", None)
        if isinstance(cron, ZonedCron):
            yield cron


def _of_cron(cron: ZonedCron, local: datetime) -> str | None:
    jump = _offset(local) - _offset(_earlier(local, LONGEST_JUMP))
    naive = local.replace(tzinfo=None, fold=0)
    if jump > timedelta():
        lost = naive - jump
        if _matches(cron, lost) and _is_left_out(lost, cron.zone):
            if cron.cron.hour.every:
                return said(
                    "{clock} does not exist on {date} (clocks go forward): no run at that time",
                    clock=_clock(lost),
                    date=f"{lost:%Y-%m-%d}",
                )
            both = said(", one run for both times") if _matches(cron, naive) else ""
            return said(
                "{clock} does not exist on {date} (clocks go forward): runs at {other}{both}",
                clock=_clock(lost),
                date=f"{lost:%Y-%m-%d}",
                other=_clock(naive),
                both=both,
            )
    if _is_repeated(local):
        values = {"clock": _clock(naive), "date": f"{naive:%Y-%m-%d}"}
        if not cron.cron.hour.every:
            return said("{clock} comes twice on {date} (clocks go back): runs once, the second time", **values)
        if local.fold:
            return said("{clock} comes twice on {date} (clocks go back): runs twice, this is the second", **values)
        return said("{clock} comes twice on {date} (clocks go back): runs twice, this is the first", **values)
    return None


def _of_elapsed_time(before: datetime, local: datetime) -> Iterable[str]:
    """Schedules that count elapsed time keep their distance, so the wall clock shows another time from here on."""
    change = _offset(local) - _offset(before)
    if change:
        span = _span(abs(change))
        if change > timedelta():
            yield said(
                "clocks go forward by {span} before this run: the wall time moves, the distance stays", span=span
            )
        else:
            yield said("clocks go back by {span} before this run: the wall time moves, the distance stays", span=span)


def _of_interval(run: NextRun, crons: Sequence[ZonedCron], zone: ZoneInfo) -> Iterable[str]:
    """Between two wall times with a change of clocks lie more or fewer hours than on other days."""
    start, end = run.interval.start, run.interval.end
    changed = _offset(start.astimezone(zone)) != _offset(end.astimezone(zone))
    if start != end and changed and crons and not crons[0].cron.hour.every:
        yield said("its data interval is {span} long", span=_span(end - start))


def _matches(cron: ZonedCron, naive: datetime) -> bool:
    try:
        return cron.cron.after(naive - timedelta(seconds=1)) == naive
    except ValueError:
        return False


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta()


def _earlier(local: datetime, by: timedelta) -> datetime:
    """The moment that lies elapsed time before; plain subtraction would go by the wall clock."""
    zone = local.tzinfo
    return datetime.fromtimestamp(local.timestamp() - by.total_seconds(), zone)


def _is_left_out(naive: datetime, zone: ZoneInfo) -> bool:
    local = naive.replace(tzinfo=zone)
    back = datetime.fromtimestamp(local.timestamp(), zone)
    return back.replace(tzinfo=None, fold=0) != naive


def _is_repeated(local: datetime) -> bool:
    one, other = local.replace(fold=0).utcoffset(), local.replace(fold=1).utcoffset()
    return one is not None and other is not None and one > other


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"


def _span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    return (
        " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)
        or f"{seconds} s"
    )
