"""Cron expressions over naive local time.

Five fields (minute, hour, day of month, month, day of week), then optionally second and year. Besides
numbers, names, ranges (which may wrap: ``fri-mon``), lists and steps: ``?`` as ``*``; ``L`` the last day
of a month, ``15W`` the weekday nearest the 15th, ``L5`` or ``5L`` the last Friday, ``5#2`` the second.
Day of month and day of week together mean either.
"""

from __future__ import annotations

import calendar
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
OTHER_NAMES = {"@midnight": "@daily"}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
YEARS_AHEAD = 50
"""How far a next time is looked for: 29 February on a given weekday comes within 40 years."""


class CronError(ValueError):
    """An expression that is none; the message names the field."""


class NeverError(CronError):
    """A valid expression that never comes due, such as 30 February."""


class Field:
    """One field: the numbers it allows, sorted; ``every`` where it restricts nothing."""

    def __init__(self, name: str, text: str, low: int, high: int, names: tuple[str, ...] = ()) -> None:
        self.name, self.low, self.high = name, low, high
        self.words = {word: number for number, word in enumerate(names, start=low)}
        self.text = text
        found: set[int] = set()
        for part in text.lower().split(","):
            found.update(self._part(part))
        self.numbers = sorted(found)
        self.every = len(found) == high - low + 1 and not (name == "day of week" and text not in {"*", "?"})

    def _part(self, part: str) -> Iterator[int]:
        span, slash, step_text = part.partition("/")
        step = self._number(step_text, 1, 10**6) if slash else 1
        if span in {"*", "?"}:
            yield from range(self.low, self.high + 1, step)
            return
        first_text, dash, last_text = span.partition("-")
        first = self._number(first_text, self.low, self.high)
        last = self._number(last_text, self.low, self.high) if dash else (self.high if slash else first)
        if last < first:  # over the end: fri-mon
            size = self.high - self.low + 1
            yield from ((number - self.low) % size + self.low for number in range(first, last + size + 1, step))
        else:
            yield from range(first, last + 1, step)

    def _number(self, text: str, low: int, high: int) -> int:
        if text in self.words:
            return self.words[text]
        if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
            raise CronError(f"{text or self.text!r} is no {self.name} ({low} to {high})")
        return int(text)


class Cron:
    """One expression: the times after and before a moment, strictly."""

    def __init__(self, expression: str) -> None:
        name = expression.strip().lower()
        self.expression = PRESETS.get(name, expression)
        fields = PRESETS.get(OTHER_NAMES.get(name, ""), self.expression).split()
        if not 5 <= len(fields) <= 7:
            raise CronError(
                f"it has {len(fields)} fields; 5 are wanted (minute hour day month weekday), up to 7 allowed"
            )
        self.minute = Field("minute", fields[0], 0, 59)
        self.hour = Field("hour", fields[1], 0, 23)
        self.month = Field("month", fields[3], 1, 12, MONTHS)
        self.second = Field("second", fields[5], 0, 59) if len(fields) > 5 else Field("second", "0", 0, 59)
        self.year = Field("year", fields[6], 1970, 2199) if len(fields) > 6 else None
        self._read_days(fields[2].lower())
        self._read_weekdays(fields[4].lower())
        self.times = [
            (hour, minute, second)
            for hour in self.hour.numbers
            for minute in self.minute.numbers
            for second in self.second.numbers
        ]

    def _read_days(self, text: str) -> None:
        plain, self.last_day, self.nearest = [], False, []
        for part in text.split(","):
            if part == "l":
                self.last_day = True
            elif part.endswith("w") and part[:-1].isdigit() and 1 <= int(part[:-1]) <= 31:
                self.nearest.append(int(part[:-1]))
            else:
                plain.append(part)
        self.day = Field("day of month", ",".join(plain), 1, 31) if plain else None
        self.any_day = self.day is not None and self.day.every and not self.last_day and not self.nearest

    def _read_weekdays(self, text: str) -> None:
        plain, self.last_weekdays, self.nth = [], [], []
        for part in text.split(","):
            name, hash_sign, which = part.partition("#")
            if hash_sign and which in set("12345"):
                self.nth.append((self._weekday(name), int(which)))
            elif len(part) > 1 and part.startswith("l"):
                self.last_weekdays.append(self._weekday(part[1:]))
            elif len(part) > 1 and part.endswith("l"):
                self.last_weekdays.append(self._weekday(part[:-1]))
            else:
                plain.append(part)
        self.weekdays = (
            {number % 7 for number in Field("day of week", _sevens(",".join(plain)), 0, 6, DAYS).numbers}
            if plain
            else set()
        )
        self.any_weekday = text in {"*", "?"}

    def _weekday(self, text: str) -> int:
        return Field("day of week", _sevens(text), 0, 6, DAYS).numbers[0]

    # ---- days

    def matches_day(self, day: date) -> bool:
        by_date, by_weekday = self._by_date(day), self._by_weekday(day)
        if self.any_day or self.any_weekday:
            return by_date and by_weekday
        return by_date or by_weekday

    def _by_date(self, day: date) -> bool:
        if self.any_day or (self.day is not None and day.day in self.day.numbers):
            return True
        last = calendar.monthrange(day.year, day.month)[1]
        if self.last_day and day.day == last:
            return True
        return any(day.day == _nearest_weekday(day.year, day.month, wanted, last) for wanted in self.nearest)

    def _by_weekday(self, day: date) -> bool:
        number = day.isoweekday() % 7
        if self.any_weekday or number in self.weekdays:
            return True
        if any(number == weekday and (day.day - 1) // 7 + 1 == which for weekday, which in self.nth):
            return True
        last = calendar.monthrange(day.year, day.month)[1]
        return number in self.last_weekdays and day.day + 7 > last

    def _days(self, start: date, step: int) -> Iterator[date]:
        """The days that match, from ``start`` on, forwards or backwards."""
        day, end_year = start, start.year + step * YEARS_AHEAD
        while (end_year - day.year) * step >= 0:
            allowed = day.month in self.month.numbers and (self.year is None or day.year in self.year.numbers)
            if not allowed:
                first = day.replace(day=1)
                day = _next_month(first) if step > 0 else first - timedelta(days=1)
                continue
            if self.matches_day(day):
                yield day
            try:
                day += timedelta(days=step)
            except OverflowError:
                return

    # ---- times

    def after(self, moment: datetime) -> datetime:
        """The first time strictly after a naive moment.

        Raises:
            NeverError: there is none within 50 years.
        """
        now = (moment.hour, moment.minute, moment.second)
        for day in self._days(moment.date(), 1):
            place = bisect_right(self.times, now) if day == moment.date() else 0
            if place < len(self.times):
                return datetime.combine(day, time(*self.times[place]))
        raise NeverError("it never comes due")

    def before(self, moment: datetime) -> datetime:
        """The last time strictly before a naive moment.

        Raises:
            NeverError: there is none within 50 years.
        """
        now = (moment.hour, moment.minute, moment.second)
        for day in self._days(moment.date(), -1):
            place = len(self.times)
            if day == moment.date():
                place = bisect_right(self.times, now) if moment.microsecond else bisect_left(self.times, now)
            if place:
                return datetime.combine(day, time(*self.times[place - 1]))
        raise NeverError("it never comes due")


def _sevens(text: str) -> str:
    """Sunday may be written 7: as the end of a range it stands for 6 and 0, elsewhere for 0."""
    parts = []
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if dash and last == "7" and first != "7":
            numbers = range(
                DAYS.index(first) if first in DAYS else int(first) if first.isdigit() else 0,
                8,
                int(step) if step.isdigit() and int(step) else 1,
            )
            parts += [str(number % 7) for number in numbers]
        else:
            parts.append(("0" if first == "7" else first) + dash + last + slash + step)
    return ",".join(parts)


def _next_month(first: date) -> date:
    return first.replace(year=first.year + 1, month=1) if first.month == 12 else first.replace(month=first.month + 1)


def _nearest_weekday(year: int, month: int, wanted: int, last: int) -> int:
    """The day from Monday to Friday nearest day ``wanted`` of a month, inside the month; 0 = none."""
    if wanted > last:
        return 0
    weekday = date(year, month, wanted).weekday()
    if weekday == 5:
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == 6:
        return wanted + 1 if wanted < last else wanted - 2
    return wanted
