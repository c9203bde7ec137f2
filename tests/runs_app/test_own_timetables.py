"""Timetables of the author's own: asked where files are parsed, followed by a scheduler that never imports them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from dags_app import ranges, schedule
from dags_app.models import Dag
from dags_app.processor import Processor
from dags_app.versions import load_spec
from orchestrator.core.ahead import COUNT, Ahead, ahead_from, ask, ask_between, runs_from
from orchestrator.core.timetables import DataInterval, NextRun, Restriction, TimetableError
from runs_app import actions, backfills, tick
from runs_app.exceptions import BackfillRefused
from runs_app.models import DagRun

pytestmark = pytest.mark.django_db

PLUGIN = """
from datetime import timedelta
from pendulum import UTC, Date, DateTime, Time
from airflow.plugins_manager import AirflowPlugin
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable

class Workdays(Timetable):
    description = "each workday, after it is over"

    @property
    def summary(self):
        return "workdays"

    def infer_manual_data_interval(self, run_after):
        start = DateTime.combine((run_after - timedelta(days=1)).date(), Time.min).replace(tzinfo=UTC)
        return DataInterval(start=start, end=start + timedelta(days=1))

    def next_dagrun_info(self, *, last_automated_data_interval, restriction):
        if last_automated_data_interval is not None:
            start = last_automated_data_interval.start + timedelta(days=1)
        elif restriction.earliest is None:
            return None
        else:
            start = restriction.earliest
            if not restriction.catchup:
                start = max(start, DateTime.combine(Date.today(), Time.min).replace(tzinfo=UTC))
        while start.weekday() in (5, 6):
            start += timedelta(days=1)
        if restriction.latest is not None and start > restriction.latest:
            return None
        return DagRunInfo.interval(start=start, end=start + timedelta(days=1))

class P(AirflowPlugin):
    name = "workdays"
    timetables = [Workdays]
"""
DAG_FILE = """
from datetime import datetime, timezone
from workdays import Workdays
from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
with DAG("d", schedule={schedule}, start_date=datetime(2026, 3, 6, tzinfo=timezone.utc), {more}):
    EmptyOperator(task_id="t")
"""
MONDAY = datetime(2026, 3, 9, tzinfo=UTC)
DAY = timedelta(days=1)


class Folders:
    def __init__(self, home: Path) -> None:
        self.dags, self.plugins = home / "dags", home / "plugins"
        for each in (self.dags, self.plugins):
            each.mkdir()
        (self.plugins / "workdays.py").write_text(PLUGIN)
        self.processor = Processor(str(self.dags))

    def write(self, more: str = "catchup=True", schedule: str = "Workdays()") -> Dag:
        (self.dags / "d.py").write_text(DAG_FILE.format(more=more, schedule=schedule))
        return self.sync()

    def sync(self) -> Dag:
        self.processor._plugins_at = 0.0
        self.processor.settle()
        return Dag.objects.get()


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setattr(settings.ORCH, "plugins_folder", tmp_path / "plugins")
    load_spec.cache_clear()  # a test that was rolled back gives its ids to the next one
    made = Folders(tmp_path)
    yield made
    made.processor.close()


def days() -> list[str]:
    return [f"{each:%a %d}" for each in DagRun.objects.order_by("pk").values_list("logical_date", flat=True)]


def test_runs_follow_the_authors_class_over_a_weekend(folders):
    dag = folders.write()
    assert (dag.timetable_summary, dag.timetable_description) == ("workdays", "each workday, after it is over")
    assert (dag.schedule_error, dag.next_logical_date) == ("", datetime(2026, 3, 6, tzinfo=UTC))
    Dag.objects.update(is_paused=False)
    tick.tick(MONDAY + 2 * DAY)
    assert days() == ["Fri 06", "Mon 09", "Tue 10"]
    run = DagRun.objects.latest("pk")
    assert (run.data_interval_start, run.data_interval_end, run.run_after) == (
        MONDAY + DAY,
        MONDAY + 2 * DAY,
        MONDAY + 2 * DAY,
    )


def test_where_the_answers_run_out_the_file_is_asked_again(folders):
    folders.write("catchup=True, max_active_runs=1000")
    Dag.objects.update(is_paused=False)
    far = MONDAY + timedelta(days=7 * 10 + 4)
    made = 0
    for _ in range(3):
        made += tick.tick(far)
        dag = Dag.objects.get()
        if dag.plan_wanted:
            folders.processor.asked_at.clear()
            folders.sync()
    assert made == 55 and not Dag.objects.get().plan_wanted
    assert len(set(DagRun.objects.values_list("logical_date", flat=True))) == 55


def test_without_catchup_a_dag_that_was_off_gets_its_newest_run_only(folders):
    dag = folders.write("catchup=False")
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert dag.next_logical_date >= today
    Dag.objects.update(planned_ahead={**dag.planned_ahead, "asked_at": (today - 90 * DAY).isoformat()}, is_paused=False)
    dag = Dag.objects.get()
    schedule.plan(dag, dag.next_run_after + 30 * DAY, None)
    assert dag.plan_wanted and dag.next_run_after is None


def test_a_run_by_hand_gets_the_interval_that_the_class_infers(folders):
    folders.write()
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    run = actions.trigger_dag("d")
    assert (run.data_interval_start, run.data_interval_end) == (today - DAY, today)


def test_the_preview_shows_what_was_answered(folders):
    dag = folders.write("catchup=True, end_date=datetime(2026, 3, 12, tzinfo=timezone.utc)")
    found = schedule.preview(dag, 20, MONDAY)
    assert [f"{each.run.logical_date:%a %d}" for each in found.runs] == [
        "Fri 06",
        "Mon 09",
        "Tue 10",
        "Wed 11",
        "Thu 12",
    ]
    assert "end date" in found.ending


def test_a_class_that_fails_is_told_on_the_dag_and_stops_nothing_else(folders):
    dag = folders.write(schedule="type('Bad', (Workdays,), {'next_dagrun_info': lambda self, **_: 1 / 0})()")
    assert "ZeroDivisionError" in dag.schedule_error and dag.next_run_after is None
    assert folders.write().schedule_error == ""


def test_an_edit_of_the_class_changes_what_comes_next(folders):
    folders.write()
    text = PLUGIN.replace("in (5, 6)", "in (0, 1, 2, 3, 4, 5)").replace("workdays, after", "Sunday, after")
    (folders.plugins / "workdays.py").write_text(text)
    dag = folders.sync()
    assert f"{dag.next_logical_date:%a %d}" == "Sun 08"
    assert dag.version.version_number == 2


# ---- what is kept of answers


def run_on(day: int) -> NextRun:
    start = MONDAY + day * DAY
    return NextRun(start + DAY, start, DataInterval(start, start + DAY))


class Daily:
    summary = "daily"

    def next_run(self, *, last, restriction, now):
        return run_on(0 if last is None else (last.end - MONDAY).days)

    def infer_manual_interval(self, run_after):
        raise RuntimeError("not asked for")


ANYTIME = Restriction(None, None, True)


def test_answers_survive_being_stored_and_are_found_by_the_run_before():
    found = ask(Daily(), last=None, restriction=ANYTIME, now=MONDAY)
    again = ahead_from(found.to_json())
    assert again == found and len(again.runs) == COUNT and not again.ends and again.manual is None
    assert again.after(None)[0] == run_on(0) and again.after(run_on(3).interval)[0] == run_on(4)
    assert again.after(DataInterval(MONDAY - DAY, MONDAY)) is None
    assert again.after(run_on(COUNT - 1).interval) == ()
    assert again.manual_interval(MONDAY + 3 * DAY) == run_on(2).interval


def test_a_timetable_that_stands_still_is_an_error_and_no_endless_loop():
    class Still(Daily):
        def next_run(self, *, last, restriction, now):
            return run_on(0)

    found = ask(Still(), last=None, restriction=ANYTIME, now=MONDAY)
    with pytest.raises(TimetableError, match="does not go on"):
        found.after(None)


@pytest.mark.parametrize(
    "document", [{}, {"runs": "x"}, {**Ahead(MONDAY, None, (), True).to_json(), "runs": [["2026"]]}]
)
def test_what_is_no_answer_is_refused(document):
    with pytest.raises(TimetableError, match="cannot be read"):
        ahead_from(document)


# ---- backfills


@pytest.fixture
def answering(folders, monkeypatch):
    """While somebody waits for an answer, the processor works."""
    parses: list[None] = []
    monkeypatch.setattr(ranges.time, "sleep", lambda seconds: (parses.append(None), folders.sync()))
    monkeypatch.setattr("dags_app.processor.ASK_SECONDS", 0.0)
    return parses


def asked(first: datetime, last: datetime, **more: object) -> backfills.Request:
    return backfills.Request("d", first, last, **more)


def test_a_backfill_asks_the_timetable_for_its_range(folders, answering, invitations):
    folders.write(more="catchup=False")
    request = asked(MONDAY - 7 * DAY, MONDAY)

    planned = backfills.plan(request)
    backfill = backfills.create(request)

    days = [MONDAY + number * DAY for number in (-7, -6, -5, -4, -3, 0)]
    assert [each.run.logical_date for each in planned] == days
    runs = DagRun.objects.filter(backfill=backfill).order_by("logical_date")
    assert [run.logical_date for run in runs] == days
    assert (runs[0].data_interval_end, runs[0].run_type) == (days[0] + DAY, "backfill")
    assert len(answering) == 1, "the plan that was looked at is the one that is carried out"
    assert Dag.objects.get().range_asked is None


def test_what_has_no_end_yet_and_what_lies_outside_is_left_out(folders, answering):
    folders.write()
    with pytest.raises(BackfillRefused, match="No runs to create"):
        backfills.plan(asked(MONDAY + 5 * DAY, MONDAY + 6 * DAY))  # a weekend


def test_a_timetable_that_fails_is_told(folders, answering):
    folders.write(schedule='type("Bad", (Workdays,), {"next_dagrun_info": lambda self, **k: 1 / 0})()')
    with pytest.raises(BackfillRefused, match="ZeroDivisionError"):
        backfills.plan(asked(MONDAY, MONDAY + DAY))


def test_without_a_processor_a_plan_is_refused_and_says_why(folders, monkeypatch):
    folders.write()
    monkeypatch.setattr(ranges, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(ranges.time, "sleep", lambda seconds: None)
    with pytest.raises(BackfillRefused, match="asked by the DAG processor"):
        backfills.plan(asked(MONDAY, MONDAY + DAY))


def test_a_timetable_that_never_ends_is_asked_for_so_many_runs_only():
    question = {"from": MONDAY.isoformat(), "to": (MONDAY + 400 * DAY).isoformat(), "most": 5, "version": 1}
    assert len(runs_from(ask_between(Daily(), question, MONDAY))) == 5


@pytest.mark.parametrize("answer", [{}, {"runs": 3}, {"runs": [["x"] * 4]}, {"runs": [["2026-03-01"] * 4]}])
def test_an_answer_that_is_none_is_refused(answer):
    with pytest.raises(TimetableError, match="cannot be read"):
        runs_from(answer)
