"""How much all DAGs have planned for each minute of the coming day, and who could as well go at another one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from django.utils.translation import gettext

from orchestrator import access
from orchestrator.core import doctor
from orchestrator.core.preview import crons_of
from orchestrator.core.timetables import DataInterval, Restriction, TimetableError, from_json
from orchestrator.core.timetables.cron import ZonedCron

DAY = timedelta(days=1)
SHADES = 4
BUSIEST = 5
HERD_SHOWN = 50


@dataclass
class Load:
    """Which DAGs are due at which minute (UTC) of the day from ``start`` on."""

    start: datetime
    at: dict[datetime, list[str]] = field(default_factory=lambda: defaultdict(list))
    crons: dict[str, ZonedCron] = field(default_factory=dict)  # of those that one expression says all about

    @property
    def end(self) -> datetime:
        return self.start + DAY

    @property
    def counts(self) -> dict[datetime, int]:
        return {at: len(dags) for at, dags in self.at.items()}

    def busiest(self) -> list[tuple[datetime, int]]:
        """Return the fullest minutes, those with a herd only."""
        full = sorted(((at, len(dags)) for at, dags in self.at.items()), key=lambda each: (-each[1], each[0]))
        return [each for each in full[:BUSIEST] if each[1] >= doctor.HERD]

    def better(self, dag_id: str) -> doctor.Suggestion | None:
        cron = self.crons.get(dag_id)
        return doctor.better_minute(cron, self.counts, self.start, self.end) if cron else None

    def spread(self, at: datetime) -> list[tuple[str, doctor.Suggestion | None]]:
        """Return the DAGs of one minute with a better one for each: not the same for all, and the first may stay."""
        counts, found = self.counts, []
        for number, dag_id in enumerate(sorted(self.at.get(at, ()))[:HERD_SHOWN]):
            cron = self.crons.get(dag_id)
            better = doctor.better_minute(cron, counts, self.start, self.end) if cron and number else None
            found.append((dag_id, better))
            if cron and better:
                for step, times in ((-1, cron), (1, ZonedCron(better.expression, cron.timezone))):
                    for moved in {_minute(each) for each in doctor.instants(times, self.start, self.end)}:
                        counts[moved] = counts.get(moved, 0) + step
        return found


def of_all(user: Any, now: datetime) -> Load:
    """Return the load of the DAGs that the user may see: one query, and no DAG's whole spec."""
    found = Load(now.replace(second=0, microsecond=0) + timedelta(minutes=1))
    dags = access.visible_dags(user).filter(is_paused=False, is_stale=False, next_run_after__isnull=False)
    columns = ("pk", "version__spec__timetable", "next_run_after", "next_interval_start", "next_interval_end")
    for dag_id, document, due, start, end in dags.order_by("pk").values_list(*columns):
        try:
            timetable = from_json(dict(document or {}))
            crons = list(crons_of(timetable))
            times = _of_crons(crons, found) if crons else _of_others(timetable, due, start, end, found)
            for at in sorted({_minute(each) for each in times}):
                found.at[at].append(dag_id)
        except (TimetableError, TypeError, ValueError):
            continue  # its own page says what is wrong with it
        if len(crons) == 1:
            found.crons[dag_id] = crons[0]
    return found


def _of_crons(crons: list[ZonedCron], load: Load) -> Iterator[datetime]:
    for cron in crons:
        yield from doctor.instants(cron, load.start, load.end)


def _of_others(timetable: Any, due: datetime, start: Any, end: Any, load: Load) -> Iterator[datetime]:
    last = DataInterval(start, end) if start and end else None
    at: datetime | None = due
    while at is not None and at < load.end:
        if at >= load.start:
            yield at
        if last is None:
            return
        run = timetable.next_run(last=last, restriction=Restriction(None, None, True), now=at)
        if run is None or run.run_after <= at:
            return
        at, last = run.run_after, run.interval


def _minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)


@dataclass(frozen=True)
class Spot:
    """One minute of the heat map; ``x`` and ``y`` are minute and hour on the reader's clock."""

    at: datetime
    x: int
    y: int
    count: int
    shade: int
    dags: str


def heat_map(load: Load, zone: tzinfo) -> list[Spot]:
    """Return the minutes at which something is due."""
    most = max(map(len, load.at.values()), default=1)
    spots = []
    for at, dags in sorted(load.at.items()):
        local, shade = at.astimezone(zone), -(-SHADES * len(dags) // most)
        told = ", ".join(dags[:8]) + _more(len(dags) - 8)
        spots.append(Spot(at, local.minute, local.hour, len(dags), shade, told))
    return spots


def _more(count: int) -> str:
    return " " + gettext("and {count} more").format(count=count) if count > 0 else ""
