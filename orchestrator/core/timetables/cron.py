"""Cron expressions over time zones, daylight-saving changes included."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orchestrator.core.cron import Cron, CronError

from .base import DataInterval, NextRun, Restriction, TimetableError
from .delta import delta_json


def zone_name(timezone: Any) -> str:
    """The name of a time zone given as text or as an object of zoneinfo, pendulum or pytz."""
    name = timezone if isinstance(timezone, str) else None
    for attribute in ("key", "name", "zone"):
        if name is None and isinstance(getattr(timezone, attribute, None), str):
            name = getattr(timezone, attribute)
    if name is None and timezone is UTC:
        name = "UTC"
    if name is None:
        raise TimetableError(f"time zone {timezone!r} has no name: give one such as 'Europe/Berlin'")
    return name


class ZonedCron:
    """One expression in one zone: the times before and after a moment, in UTC.

    Where every hour is in the expression, times are as far apart as the clock on the wall says, so both hours
    of the autumn change count. Else the wall time counts: one that the spring change leaves out comes as much
    later, one that the autumn change repeats comes the second time.
    """

    def __init__(self, expression: str, timezone: Any) -> None:
        if not isinstance(expression, str):
            raise TimetableError(f"a cron expression is a text, not {expression!r}")
        self.given, self.timezone = expression, zone_name(timezone)
        try:
            self.zone = ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise TimetableError(f"time zone {self.timezone!r} is not known") from error
        try:
            self.cron = Cron(expression)
        except CronError as error:
            raise TimetableError(f"cron expression {expression!r} is not valid: {error}") from error
        self.expression = self.cron.expression

    def after(self, moment: datetime) -> datetime:
        """The first time strictly after ``moment``."""
        return self._walk(moment, self.cron.after)

    def before(self, moment: datetime) -> datetime:
        """The last time strictly before ``moment``."""
        return self._walk(moment, self.cron.before)

    def _walk(self, moment: datetime, step: Callable[[datetime], datetime]) -> datetime:
        naive = moment.astimezone(self.zone).replace(tzinfo=None, fold=0)
        try:
            found = step(naive)
        except CronError as error:
            raise TimetableError(f"cron expression {self.given!r} cannot be followed: {error}") from error
        if self.cron.hour.every:
            return moment.astimezone(UTC) + (found - naive)
        local = found.replace(tzinfo=self.zone)
        offset = min(local.utcoffset(), local.replace(fold=1).utcoffset())  # type: ignore[type-var]
        return (found - offset).replace(tzinfo=UTC)  # type: ignore[operator]

    def at_or_after(self, moment: datetime) -> datetime:
        found = self.after(moment)
        return found if self.before(found) != moment else moment

    def at_or_before(self, moment: datetime) -> datetime:
        found = self.before(moment)
        return found if self.after(found) != moment else moment

    def words(self) -> str:
        """The expression in English; a day of the month and a day of the week together mean either."""
        from cron_descriptor import ExpressionDescriptor

        def describe(parts: list[str]) -> str:
            found = str(ExpressionDescriptor(" ".join(parts), use_24hour_time_format=True).get_description())
            if parts[0] == "0" and len(parts) == 5 and re.fullmatch(r"\d+-\d+", parts[1]):
                # As newer releases of the library say it, and with them Airflow; beat holds us to an older one.
                return f"At 0 minutes past the hour, {found[:1].lower()}{found[1:]}"
            return found

        fields = self.expression.split()
        try:
            if len(fields) >= 5 and fields[2] != "*" and fields[4] != "*":
                by_date, by_weekday = list(fields), list(fields)
                by_date[4] = by_weekday[2] = "*"
                return f"{describe(by_date)} (or) {describe(by_weekday)}"
            return describe(fields)
        except Exception:  # an expression that runs but that the describer does not know
            return ""


class CronTriggerTimetable:
    """Runs at the times of the expression; its interval is that moment."""

    type = "cron_trigger"
    periodic = True
    can_be_scheduled = True

    def __init__(
        self,
        cron: str,
        timezone: Any = "UTC",
        interval: Any = timedelta(),
        run_immediately: bool | timedelta = False,
    ) -> None:
        self.cron = ZonedCron(cron, timezone)
        self.interval = interval
        self.run_immediately = run_immediately
        self.summary = self.cron.expression

    @cached_property
    def description(self) -> str:
        return self.cron.words()

    def next_run(self, *, last: DataInterval | None, restriction: Restriction, now: datetime) -> NextRun | None:
        cron = self.cron
        if restriction.catchup:
            if last is not None:
                at = cron.after(last.end)
            elif restriction.earliest is not None:
                at = cron.at_or_after(restriction.earliest)
            else:
                at = self._first(now)
        else:
            candidates = [cron.at_or_before(now)]
            if last is not None:
                candidates.append(cron.after(last.end))
            elif restriction.earliest is None:
                candidates.append(self._first(now))
            if restriction.earliest is not None:
                candidates.append(cron.at_or_after(restriction.earliest))
            at = max(candidates)
        if restriction.latest is not None and at > restriction.latest:
            return None
        return NextRun(at, at - self.interval, DataInterval(at - self.interval, at))

    def _first(self, now: datetime) -> datetime:
        """Without a start date: the time just passed if ``run_immediately`` says so, or if it is only just past."""
        past, coming = self.cron.at_or_before(now), self.cron.at_or_after(now)
        if self.run_immediately is True:
            return past
        given = self.run_immediately
        wait = given if isinstance(given, timedelta) else max((coming - past) / 10, timedelta(minutes=5))
        return past if now - past <= wait else coming

    def infer_manual_interval(self, run_after: datetime) -> DataInterval:
        return DataInterval(run_after - self.interval, run_after)

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"type": self.type, "expression": self.cron.given, "timezone": self.cron.timezone}
        if self.interval:
            found["interval"] = delta_json(self.interval)
        if self.run_immediately:
            found["run_immediately"] = self.run_immediately is True or delta_json(self.run_immediately)
        return found


class CronDataIntervalTimetable(CronTriggerTimetable):
    """Runs at the end of each interval between two times of the expression."""

    type = "cron_data_interval"

    def __init__(self, cron: str, timezone: Any = "UTC") -> None:
        super().__init__(cron, timezone)

    def next_run(self, *, last: DataInterval | None, restriction: Restriction, now: datetime) -> NextRun | None:
        cron = self.cron
        earliest = restriction.earliest
        if not restriction.catchup:
            due = cron.at_or_before(now)
            newest = cron.before(due)
            earliest = newest if earliest is None else max(newest, earliest)
        if last is None:
            if earliest is None:
                return None
            start = cron.at_or_after(earliest)
        else:
            start = last.end if earliest is None else max(last.end, cron.at_or_after(earliest))
        if restriction.latest is not None and start > restriction.latest:
            return None
        end = cron.after(start)
        return NextRun(end, start, DataInterval(start, end))

    def infer_manual_interval(self, run_after: datetime) -> DataInterval:
        end = self.cron.at_or_before(run_after)
        return DataInterval(self.cron.before(end), end)
