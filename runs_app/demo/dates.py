"""When the runs of a schedule were, going back from a moment."""

from __future__ import annotations

from datetime import datetime, timedelta

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def dates_of(cron: str | None, until: datetime, count: int) -> list[datetime]:
    """Return the last ``count`` times of one of the demo's schedules up to ``until``, oldest first; None: every 17 h."""
    if not cron or len(cron.split()) != 5:
        step, last = 17 * HOUR, until - timedelta(minutes=47)
    else:
        step, last = _last(cron, until)
    return [last - step * (count - 1 - at) for at in range(count)]


def _last(cron: str, until: datetime) -> tuple[timedelta, datetime]:
    minute, hour, _, _, weekday = cron.split()
    midnight = until.replace(hour=0, minute=0, second=0, microsecond=0)
    if minute.startswith("*/"):
        step, first = timedelta(minutes=int(minute[2:])), midnight
    elif hour == "*" or hour.startswith("*/"):
        step, first = HOUR * int(hour[2:] or 1), midnight + timedelta(minutes=int(minute))
    else:
        step, first = DAY, midnight + timedelta(hours=int(hour), minutes=int(minute))
        if weekday != "*":
            step, first = 7 * DAY, first - DAY * ((midnight.isoweekday() - int(weekday)) % 7)
    while first > until:
        first -= step
    while first + step <= until:
        first += step
    return step, first
