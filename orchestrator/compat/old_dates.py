"""``airflow.utils.dates`` of Airflow 1 and 2: lists of dates, rounding, units of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from orchestrator.core.cron import PRESETS, Cron

from .dates import utcnow

cron_presets = {name: text for name, text in PRESETS.items() if name != "@annually"}
_UNITS = (("seconds", 1.0), ("minutes", 60.0), ("hours", 3600.0), ("days", 86400.0))


def _steps(delta: Any) -> tuple[Callable[[datetime], datetime], Callable[[datetime], datetime]]:
    """How one comes to the next date and to the one before."""
    if isinstance(delta, str):
        cron = Cron(cron_presets.get(delta, delta))

        def over(step: Callable[[datetime], datetime]) -> Callable[[datetime], datetime]:
            return lambda date: step(date.replace(tzinfo=None)).replace(tzinfo=date.tzinfo)

        return over(cron.after), over(cron.before)
    return (lambda date: date + delta), (lambda date: date - delta)


def date_range(
    start_date: datetime, end_date: datetime | None = None, num: int | None = None, delta: Any = None
) -> list[datetime]:
    """The dates from ``start_date`` on, every ``delta`` (a timedelta or cron text), until ``end_date`` or ``num`` of them."""
    if not delta:
        return []
    if end_date is not None and start_date > end_date:
        raise ValueError("Wait. start_date needs to be before end_date")
    if end_date is not None and num:
        raise ValueError("Wait. Either specify end_date OR num")
    if end_date is None and not num:
        end_date = utcnow()
    forward, backward = _steps(delta)
    if end_date is not None and end_date.tzinfo is not None and start_date.tzinfo is None:
        start_date = start_date.replace(tzinfo=end_date.tzinfo)
    date = start_date
    if isinstance(delta, str):
        date = forward(date - timedelta(seconds=1))  # the first one is on the schedule
    found = []
    if num:
        for _ in range(abs(num)):
            found.append(date)
            date = forward(date) if num > 0 else backward(date)
        return sorted(found)
    while end_date is not None and date <= end_date:
        found.append(date)
        date = forward(date)
    return found


def round_time(dt: datetime, delta: Any, start_date: datetime = datetime(1970, 1, 1)) -> datetime:
    """The time nearest to ``dt`` that is whole deltas after ``start_date``; by a cron text, the last one up to ``dt``."""
    if isinstance(delta, str):
        backward = _steps(delta)[1]
        return backward(dt + timedelta(seconds=1))
    if dt.tzinfo is not None and start_date.tzinfo is None:
        start_date = start_date.replace(tzinfo=dt.tzinfo)
    dt -= timedelta(microseconds=dt.microsecond)
    count = round((dt - start_date) / delta)
    return start_date + max(0, count) * delta


def infer_time_unit(time_seconds_arr: Iterable[float]) -> str:
    """The unit in which the longest of these reads well."""
    longest = max(time_seconds_arr, default=None)
    if longest is None:
        return "hours"
    limits = (("seconds", 120), ("minutes", 2 * 3600), ("hours", 48 * 3600))
    return next((name for name, most in limits if longest <= most), "days")


def scale_time_units(time_seconds_arr: Iterable[float], unit: str) -> list[float]:
    """Seconds in another unit."""
    size = dict(_UNITS).get(unit, 1.0)
    return [each / size for each in time_seconds_arr]


def parse_execution_date(execution_date_str: str) -> Any:
    import pendulum

    return pendulum.parse(execution_date_str)


def datetime_to_nano(datetime_: datetime | None) -> int | None:
    """Nanoseconds since 1970."""
    return None if datetime_ is None else int(datetime_.timestamp() * 1_000_000_000)
