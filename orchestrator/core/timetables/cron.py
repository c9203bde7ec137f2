"""Cron expressions over time zones, daylight-saving changes included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .base import DataInterval, NextRun, Restriction, TimetableError
from .delta import delta_json

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
WORDS = {
    "@hourly": "Hourly",
    "@daily": "At 00:00",
    "@weekly": "At 00:00, only on Sunday",
    "@monthly": "At 00:00, on day 1 of the month",
    "@quarterly": "At 00:00, on day 1 of the month, every 3 months",
    "@yearly": "At 00:00, on day 1 of the month, only in January",
}


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


class Cron:
    """One expression in one zone: the times before and after a moment."""

    def __init__(self, expression: str, timezone: Any) -> None:
        from cronsim import CronSim, CronSimError

        timezone = zone_name(timezone)
        if not isinstance(expression, str):
            raise TimetableError(f"a cron expression is a text, not {expression!r}")

        self.given = expression
        self.expression = PRESETS.get(expression, expression)
        try:
            self.zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise TimetableError(f"time zone {timezone!r} is not known") from error
        try:
            CronSim(self.expression, datetime(2024, 1, 1, tzinfo=UTC))
        except (CronSimError, ValueError, IndexError) as error:
            raise TimetableError(f"cron expression {expression!r} is not valid: {error}") from error
        self.timezone = timezone

    def after(self, moment: datetime) -> datetime:
        """The first time strictly after ``moment``."""
        return self._walk(moment, reverse=False)

    def before(self, moment: datetime) -> datetime:
        """The last time strictly before ``moment``."""
        return self._walk(moment, reverse=True)

    def _walk(self, moment: datetime, *, reverse: bool) -> datetime:
        from cronsim import CronSim

        try:
            found = next(CronSim(self.expression, moment.astimezone(self.zone), reverse=reverse))
        except StopIteration as error:
            raise TimetableError(f"cron expression {self.given!r} never comes due") from error
        return found.astimezone(UTC)

    def at_or_after(self, moment: datetime) -> datetime:
        return self.after(moment - timedelta(microseconds=1))

    def at_or_before(self, moment: datetime) -> datetime:
        return self.before(moment + timedelta(microseconds=1))

    def words(self) -> str:
        if self.given in WORDS:
            return WORDS[self.given]
        from cronsim import CronSim

        try:
            return str(CronSim(self.expression, datetime(2024, 1, 1, tzinfo=UTC)).explain())
        except (AttributeError, ValueError):
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
        self.cron = Cron(cron, timezone)
        self.interval = interval
        self.run_immediately = run_immediately
        self.summary = cron
        self.description = self.cron.words()

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
        wait = self.run_immediately
        if not isinstance(wait, timedelta):
            wait = max((coming - past) / 10, timedelta(minutes=5))
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
