"""The long lists: as many queries for many rows as for few, and times as everywhere else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orchestrator.api import shapes
from orchestrator.written import Written
from runs_app.models import DagRun, Trigger
from tests.support import factories

TIMES = (
    datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2026, 1, 31, 23, 59, 59, 500_000, tzinfo=UTC),
    datetime(2026, 1, 31, 0, 0, 0, 7, tzinfo=UTC),
    datetime(987, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
)


@pytest.mark.parametrize("at", TIMES, ids=str)
def test_the_database_writes_a_time_as_the_api_does(db: None, at: datetime):
    run = factories.make_run(factories.make_dag("one"))
    DagRun.objects.filter(pk=run.pk).update(run_after=at)
    rows = DagRun.objects.annotate(text=Written("run_after"), none=Written("timeout_at"))
    assert rows.values_list("text", "none").get() == (shapes.moment(at), None)


def _asked(api: Any, path: str) -> int:
    api.call("get", path)
    with CaptureQueriesContext(connection) as queries:
        api.call("get", path)
    return len(queries)


def test_more_rows_are_no_more_queries(api: Any):
    dag = factories.make_dag("one", spec=factories.make_spec("one", {"a": (), "b": ("a",)}), tags=("x",))
    first = factories.make_run(dag, "first")
    paths = ("dags", "dags/one/dagRuns", "dags/one/dagRuns/first/taskInstances", "dags/~/dagRuns/~/taskInstances")
    few = [_asked(api, path) for path in paths]
    factories.make_mapped(first, "b", 9)
    for number in range(9):
        factories.make_run(dag, f"run {number}")
        factories.make_dag(f"dag_{number}", tags=("x", "y"))
    assert [_asked(api, path) for path in paths] == few


def test_instances_of_all_runs_each_have_their_own_run_version_and_trigger(api: Any):
    dag = factories.make_dag("one", spec=factories.make_spec("one", {"a": ()}))
    runs = [factories.make_run(dag, name, state="running") for name in ("first", "second")]
    waiting = factories.set_state(factories.instance_of(runs[1], "a"), "deferred")
    Trigger.objects.create(task_instance=waiting, token=1, classpath="a.b", kwargs={"n": 1})
    found = api.call("get", "dags/~/dagRuns/~/taskInstances", task_id="a")["task_instances"]
    by_run = {each["dag_run_id"]: each for each in found}
    assert by_run["first"]["trigger"] is None
    trigger = by_run["second"]["trigger"]
    assert (trigger["classpath"], trigger["kwargs"]) == ("a.b", '{"n": 1}')
    assert trigger["created_date"].endswith("Z")
    for run in runs:
        assert by_run[run.run_id]["logical_date"] == shapes.moment(run.logical_date)
        assert by_run[run.run_id]["dag_version"]["version_number"] == run.version.version_number
