"""Set ``timetables``: when runs come due."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from dags_app.versions import load_spec
from orchestrator.core.due import next_run
from orchestrator.core.spec import DagSpec
from orchestrator.core.timetables import DataInterval, TimetableError, from_json

from .compare import differences, refused_alike
from .engine import ENGINE, Refused, refusal

MOST_BETWEEN = 20


def answer(case: Any) -> Any:
    given = case["input"]
    try:
        spec = load_spec(ENGINE.store(case["spec"]).version_id)
    except Refused as error:
        return refusal(error)
    timetable = from_json(dict(spec.timetable))
    found: dict[str, Any] = {
        **{"timetable": type(timetable).__name__, "summary": timetable.summary, "description": timetable.description},
        **{"timezone": spec.timezone, "catchup": spec.catchup, "infos": []},
    }
    try:
        found["infos"] += _infos(spec, given)
    except TimetableError as error:
        found["error"] = type(error).__name__
    if "manual" in given:
        found["manual"] = [_pair(timetable.infer_manual_interval(_moment(each))) for each in given["manual"]]
    if "between" in given:
        found["between"] = list(_between(spec, *map(_moment, given["between"]), _moment(given["now"])))
    return found


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _infos(spec: DagSpec, given: Any) -> Iterator[Any]:
    last, now = given.get("last"), _moment(given["now"])
    interval = None if last is None else DataInterval(*map(_moment, last))
    for _ in range(given["steps"]):
        found = next_run(spec, last=interval, now=now)
        yield _info(found)
        if found is None:
            return
        interval, now = found.interval, max(now, found.run_after)


def _between(spec: DagSpec, start: datetime, end: datetime, now: datetime) -> Iterator[Any]:
    """The runs that a backfill makes."""
    bounded = replace(spec, catchup=True, start_date=start, end_date=end, tasks={})
    last = None
    for _ in range(MOST_BETWEEN):
        found = next_run(bounded, last=last, now=now)
        if found is None:
            return
        yield _info(found)
        last = found.interval


def _info(found: Any) -> Any:
    if found is None:
        return None
    if found.partition_key is not None:  # a run for a partition has that instead of a date and an interval
        key, date = found.partition_key, _text(found.partition_date)
        partition = {"partition_key": key, "partition_date": date}
        return {"logical_date": None, "data_interval": None, "run_after": _text(found.run_after), **partition}
    return {
        "logical_date": _text(found.logical_date),
        "data_interval": _pair(found.interval),
        "run_after": _text(found.run_after),
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def _pair(found: DataInterval | None) -> list[str | None] | None:
    return None if found is None else [_text(found.start), _text(found.end)]


def compare(expected: Any, got: Any) -> list[str]:
    """That asking for the next run fails is what counts; the class of that error is a library's."""
    return differences(*refused_alike(*({**one, "error": "error" in one} for one in (expected, got))))
