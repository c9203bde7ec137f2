"""Which intervals a backfill has, and what it does about runs that are there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core import backfill
from orchestrator.core.backfill import Action, BackfillError, Reprocess, check, intervals, is_backfillable, verdict
from orchestrator.core.spec import DagSpec, TaskSpec
from orchestrator.core.states import RunState
from orchestrator.core.timetables import (
    ContinuousTimetable,
    CronDataIntervalTimetable,
    CronTriggerTimetable,
    DeltaDataIntervalTimetable,
    DeltaTriggerTimetable,
    EventsTimetable,
    MultipleCronTriggerTimetable,
    NullTimetable,
    OnceTimetable,
)

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, number, hour, tzinfo=UTC)


def spec(timetable: object = None, **task: object) -> DagSpec:
    timetable = timetable or CronDataIntervalTimetable("@daily")
    return DagSpec("d", {"t": TaskSpec("t", **task)}, timetable=timetable.to_json())  # type: ignore[attr-defined, arg-type]


def dates(timetable: object, first: datetime, last: datetime, **more: bool) -> list[datetime]:
    found = intervals(spec(timetable), from_date=first, to_date=last, now=NOW, **more)
    return [each.logical_date for each in found]


@pytest.mark.parametrize(
    "timetable",
    [
        CronDataIntervalTimetable("@daily"),
        CronTriggerTimetable("0 0 * * *"),
        DeltaDataIntervalTimetable(timedelta(days=1)),
        DeltaTriggerTimetable(timedelta(days=1)),
        EventsTimetable([day(number) for number in range(1, 20)]),
        MultipleCronTriggerTimetable("0 0 * * *", "0 0 1 * *", timezone="UTC"),
    ],
    ids=lambda each: each.type,
)
def test_both_ends_of_the_range_count_and_only_what_is_past(timetable):
    assert dates(timetable, day(2), day(4)) == [day(2), day(3), day(4)]
    newest = dates(timetable, day(8), day(30))[-1]
    assert newest == (day(9) if "data_interval" in timetable.type else day(10))


def test_backwards_begins_with_the_newest():
    assert dates(CronDataIntervalTimetable("@daily"), day(2), day(4), backwards=True) == [day(4), day(3), day(2)]


def test_dates_between_two_times_of_the_schedule_are_moved_inwards():
    assert dates(CronDataIntervalTimetable("@daily"), day(2, 5), day(4, 23)) == [day(3), day(4)]


def test_the_start_date_of_the_dag_does_not_bound_a_backfill():
    late = replace(spec(), start_date=day(9))
    assert len(intervals(late, from_date=day(2), to_date=day(4), now=NOW)) == 3


def test_a_range_without_an_interval_is_refused():
    with pytest.raises(BackfillError, match="no interval that is over"):
        dates(CronDataIntervalTimetable("@monthly"), day(2), day(4))


def test_a_range_of_too_many_intervals_is_refused(monkeypatch):
    monkeypatch.setattr(backfill, "MOST_RUNS", 3)
    assert len(dates(CronDataIntervalTimetable("@daily"), day(1), day(3))) == 3
    with pytest.raises(BackfillError, match="at most 3"):
        dates(CronDataIntervalTimetable("@daily"), day(1), day(4))


@pytest.mark.parametrize("timetable", [NullTimetable(), OnceTimetable(), ContinuousTimetable()])
def test_a_schedule_without_a_rhythm_cannot_be_backfilled(timetable):
    assert not is_backfillable(spec(timetable))
    assert is_backfillable(spec())


STATES = [None, *RunState]


@pytest.mark.parametrize(("state", "reprocess"), list(product(STATES, Reprocess)))
def test_what_becomes_of_a_run_that_is_there(state, reprocess):
    found = verdict(state, reprocess)
    if state is None:
        assert found.action == Action.CREATE
    elif state in {"queued", "running"}:
        assert (found.action, found.reason) == (Action.SKIP, "in flight")
    elif reprocess == "completed" or (reprocess == "failed" and state in {"failed", "cancelled"}):
        assert found.action == Action.CLEAR
    else:
        assert (found.action, found.reason) == (Action.SKIP, "already exists")


def refusal(found: DagSpec, first: datetime, last: datetime, backwards: bool = False, again: str = "none") -> str:
    try:
        check(found, from_date=first, to_date=last, backwards=backwards, reprocess=Reprocess(again), now=NOW)
    except BackfillError as error:
        return str(error)
    return ""


def test_what_is_refused_and_why():
    assert "must not be after" in refusal(spec(), day(4), day(3))
    assert "future" in refusal(spec(), day(11), day(12))
    assert refusal(spec(), day(9), day(12)) == ""  # what is past of it
    assert refusal(spec(), day(1), day(2), backwards=True) == ""
    for looking_back in (spec(depends_on_past=True), spec(wait_for_downstream=True)):
        assert "reverse" in refusal(looking_back, day(1), day(2), backwards=True, again="failed")
        assert "reprocess_behavior" in refusal(looking_back, day(1), day(2))
        assert refusal(looking_back, day(1), day(2), again="completed") == ""


@given(st.integers(0, 30), st.integers(0, 60), st.booleans())
def test_each_interval_is_in_the_range_once_and_in_order(first, length, backwards):
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=first, hours=7)
    end = start + timedelta(days=length)
    try:
        found = dates(CronDataIntervalTimetable("0 */6 * * *"), start, end, backwards=backwards)
    except BackfillError:
        return
    assert len(set(found)) == len(found)
    assert found == sorted(found, reverse=backwards)
    assert all(start <= each <= end for each in found)
