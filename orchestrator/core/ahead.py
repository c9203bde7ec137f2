"""Schedules of one's own making, worked out ahead: in the process that parses the file, for the scheduler to go by.

The scheduler never runs user code, so a timetable of the author's own is asked while its file is parsed: for the
runs to come after the last one that was made, some way ahead. As they are made the answers are used up; well before
the last, or where an answer is missing, the file is parsed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .timetables.base import DataInterval, NextRun, Restriction, TimetableError

COUNT = 50
"""Runs that are worked out ahead."""
FRESH = timedelta(seconds=60)
"""For so long a first answer counts though it is due already: without catchup it is the newest that is."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a timetable answered at ``asked_at``: the runs after the one with the interval ``last``."""

    asked_at: datetime
    last: DataInterval | None
    runs: tuple[NextRun, ...]
    ends: bool  # the timetable has no run after these
    manual: DataInterval | None = None  # of a run that somebody triggered then
    error: str = ""

    def after(self, last: DataInterval | None) -> tuple[NextRun, ...] | None:
        """The runs after the one with this interval, soonest first; None where that is not known.

        Raises:
            TimetableError: the timetable failed.
        """
        if self.error:
            raise TimetableError(self.error)
        if last == self.last:
            return self.runs
        for place, run in enumerate(self.runs):
            if run.interval == last:
                return self.runs[place + 1 :]
        return None

    def manual_interval(self, at: datetime) -> DataInterval:
        """The interval of a run triggered at a moment: as was answered, or that of a run which came due since."""
        since = [run.interval for run in self.runs if self.asked_at < run.run_after <= at]
        return since[-1] if since else self.manual or DataInterval(at, at)

    def to_json(self) -> dict[str, Any]:
        return {
            "asked_at": self.asked_at.isoformat(),
            "last": _texts(self.last),
            "runs": _rows(self.runs),
            "ends": self.ends,
            "manual": _texts(self.manual),
            "error": self.error,
        }


def ahead_from(document: Mapping[str, Any]) -> Ahead:
    """The way back from :meth:`Ahead.to_json`. User code may have had a hand in it.

    Raises:
        TimetableError: it is no such document.
    """
    try:
        runs = _runs(document["runs"][: COUNT * 2])
        return Ahead(
            _time(document["asked_at"]),
            _interval(document["last"]),
            tuple(runs),
            bool(document["ends"]),
            _interval(document["manual"]),
            str(document["error"] or "")[:2000],
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise TimetableError(f"what the timetable answered cannot be read: {type(error).__name__}: {error}") from error


def ask(timetable: Any, *, last: DataInterval | None, restriction: Any, now: datetime) -> Ahead:
    """Ask a timetable for the runs after the one with the interval ``last``; what it raises becomes the error."""
    runs: list[NextRun] = []
    before, ends, manual = last, False, None
    try:
        while len(runs) < COUNT:
            run = timetable.next_run(last=before, restriction=restriction, now=now)
            if run is None:
                ends = True
                break
            if runs and run.run_after <= runs[-1].run_after:
                raise TimetableError(
                    f"{timetable.summary} does not go on: after {runs[-1].run_after.isoformat()} comes {run.run_after.isoformat()}"
                )
            runs.append(run)
            before = run.interval
    except Exception as error:  # the author's code
        return Ahead(now, last, (), True, None, f"{type(error).__name__}: {error}"[:2000])
    try:
        manual = timetable.infer_manual_interval(now)
    except Exception:  # then a run that is triggered has no length
        manual = None
    return Ahead(now, last, tuple(runs), ends, manual)


def ask_between(timetable: Any, question: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Ask a timetable for the runs of a range, at most so many; what it raises becomes the error."""
    restriction = Restriction(_time(question["from"]), _time(question["to"]), catchup=True)
    runs: list[NextRun] = []
    try:
        while len(runs) < question["most"]:
            run = timetable.next_run(last=runs[-1].interval if runs else None, restriction=restriction, now=now)
            if run is None or run.logical_date > restriction.latest:
                break
            if runs and run.run_after <= runs[-1].run_after:
                raise TimetableError(f"{timetable.summary} does not go on after {runs[-1].run_after.isoformat()}")
            runs.append(run)
    except Exception as error:  # the author's code
        return {"question": dict(question), "runs": [], "error": f"{type(error).__name__}: {error}"[:2000]}
    return {"question": dict(question), "runs": _rows(runs), "error": ""}


def runs_from(document: Mapping[str, Any]) -> list[NextRun]:
    """The runs of an answer of :func:`ask_between`. User code may have had a hand in it.

    Raises:
        TimetableError: the timetable failed, or it is no such answer.
    """
    if document.get("error"):
        raise TimetableError(str(document["error"])[:2000])
    try:
        return _runs(document["runs"])
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise TimetableError(f"what the timetable answered cannot be read: {type(error).__name__}: {error}") from error


def _rows(runs: Iterable[NextRun]) -> list[list[str]]:
    return [[run.run_after.isoformat(), run.logical_date.isoformat(), *(_texts(run.interval) or ())] for run in runs]


def _runs(rows: Any) -> list[NextRun]:
    times = [[_time(each) for each in row] for row in rows]
    return [NextRun(row[0], row[1], DataInterval(row[2], row[3])) for row in times]


def _texts(interval: DataInterval | None) -> list[str] | None:
    return None if interval is None else [interval.start.isoformat(), interval.end.isoformat()]


def _interval(texts: Any) -> DataInterval | None:
    return None if texts is None else DataInterval(_time(texts[0]), _time(texts[1]))


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    return found
