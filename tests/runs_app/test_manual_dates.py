"""The dates of manual runs: Airflow's, or those that a scheduled run has."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator.runtime.context import TaskContext
from orchestrator.sdk import DAG
from orchestrator.sdk.exceptions import DagError
from runs_app import actions, assignment
from runs_app.answers import answer, run_json
from runs_app.models import DagRun
from tests.runs_app.engine import python_dag
from tests.support import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]

DATES = ("logical_date", "ds", "ts", "data_interval_start", "data_interval_end", "prev_data_interval_start_success")
HOUR = datetime(2026, 3, 1, 12, tzinfo=UTC)


def hourly(policy: str | None = None, schedule: Any = "0 * * * *") -> Any:
    """A DAG of data intervals of an hour."""
    from orchestrator.sdk import CronDataIntervalTimetable

    schedule = CronDataIntervalTimetable(schedule, timezone="UTC") if isinstance(schedule, str) else schedule
    return python_dag("hourly", {"a": ()}, schedule=schedule, manual_run_dates=policy)


def context_of(run: DagRun, monkeypatch: pytest.MonkeyPatch) -> TaskContext:
    """What a task of the run sees; its questions are answered as a slot answers them."""
    told = {"dag_id": run.dag_id, "task_id": "a", "run": run_json(run.pk), "started_at": HOUR.isoformat()}
    scope = assignment.scope_of(told, run.pk)
    monkeypatch.setattr("orchestrator.runtime.context.ask", lambda what, **args: answer(scope, what, args))
    with DAG(run.dag_id, schedule=None) as dag:
        pass
    return TaskContext(told, dag, None)


def keys(run: DagRun, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    context = context_of(run, monkeypatch)
    return {name for name in DATES if name in context}


def test_as_in_airflow_a_run_without_a_logical_date_has_no_date_keys(monkeypatch):
    run = actions.trigger_dag(hourly().pk, logical_date=None)
    assert keys(run, monkeypatch) == set()
    assert (run.logical_date, run.data_interval_start) == (None, None)


@pytest.mark.parametrize("by", ["dag", "setting"])
def test_by_dag_or_setting_it_has_the_keys_of_a_scheduled_run(by, monkeypatch, settings):
    if by == "setting":
        monkeypatch.setattr(settings.ORCH, "manual_run_dates", "scheduled")
    dag = hourly("scheduled" if by == "dag" else None)
    run = actions.trigger_dag(dag.pk, logical_date=None, run_after=HOUR.replace(minute=20))
    context = context_of(run, monkeypatch)
    assert keys(run, monkeypatch) == set(DATES)
    assert context["data_interval_start"] == HOUR.replace(hour=11)
    assert context["data_interval_end"] == HOUR
    assert (context["logical_date"], context["ts"]) == (HOUR.replace(hour=11), "2026-03-01T11:00:00+00:00")
    assert run.logical_date is None, "for the API it is still a run without one"
    assert context["dag_run"].logical_date is None


def test_the_dag_has_the_last_word(monkeypatch, settings):
    monkeypatch.setattr(settings.ORCH, "manual_run_dates", "scheduled")
    assert keys(actions.trigger_dag(hourly("airflow").pk, logical_date=None), monkeypatch) == set()


def test_ds_is_the_start_of_the_interval_whatever_moment_it_was_triggered_at(monkeypatch):
    at = HOUR.replace(minute=20)
    run = actions.trigger_dag(hourly("scheduled").pk, logical_date=at)
    assert context_of(run, monkeypatch)["ts"] == "2026-03-01T11:00:00+00:00"
    plain = factories.make_run(python_dag("plain", {"a": ()}), logical_date=at)
    assert context_of(plain, monkeypatch)["ts"] == "2026-03-01T12:20:00+00:00"


def test_a_chosen_date_of_the_schedule_begins_the_interval_as_in_the_run_that_was_missed():
    run = actions.trigger_dag(hourly("scheduled").pk, logical_date=HOUR)
    assert (run.data_interval_start, run.data_interval_end) == (HOUR, HOUR.replace(hour=13))
    as_airflow = actions.trigger_dag(python_dag("other", {"a": ()}, schedule=hourly_timetable()).pk, logical_date=HOUR)
    assert (as_airflow.data_interval_start, as_airflow.data_interval_end) == (HOUR.replace(hour=11), HOUR)


def hourly_timetable() -> Any:
    from orchestrator.sdk import CronDataIntervalTimetable

    return CronDataIntervalTimetable("0 * * * *", timezone="UTC")


def test_the_run_before_is_no_manual_one(monkeypatch):
    for policy, hour in (("airflow", 11), ("scheduled", 10)):
        DagRun.objects.all().delete()
        dag = python_dag(f"d{policy}", {"a": ()}, manual_run_dates=policy)
        for each, kind in ((10, "scheduled"), (11, "manual"), (12, "scheduled")):
            run = factories.make_run(dag, run_type=kind, logical_date=HOUR.replace(hour=each))
        found = context_of(run, monkeypatch)["prev_data_interval_start_success"]
        assert found == HOUR.replace(hour=hour)


def test_a_dag_without_a_schedule_has_the_moment_it_was_triggered_at(monkeypatch):
    run = actions.trigger_dag(hourly("scheduled", None).pk, logical_date=None, run_after=HOUR)
    assert context_of(run, monkeypatch)["ds"] == "2026-03-01"


def test_another_word_is_refused():
    with pytest.raises(DagError, match="manual_run_dates must be one of airflow, scheduled"):
        DAG("odd", manual_run_dates="utc").to_spec()
