"""Lists by cursor: forth and back over every row once, whatever the order and whatever is null."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runs_app.models import DagRun
from tests.support import factories
from tests.support.factories import DAY


@pytest.fixture
def runs(db):
    dag = factories.make_dag("alpha")
    for number in range(7):
        run = factories.make_run(dag, f"r{number}", state="failed")
        DagRun.objects.filter(pk=run.pk).update(
            started_at=DAY if number % 3 else None, ended_at=DAY + timedelta(seconds=number % 2)
        )
    factories.make_run(factories.make_dag("beta"), "other")


def walk(api, cursor="", word="next_cursor", path="dags/alpha/dagRuns", **query):
    pages = []
    while cursor is not None:
        found = api.call("get", path, cursor=cursor, limit=2, **query)
        assert found["total_entries"] == 7
        pages.append([each["dag_run_id"] for each in found["dag_runs"]])
        last, cursor = found, found[word]
        assert len(pages) < 9
    return pages, last


@pytest.mark.parametrize(
    "order",
    [[], ["-id"], ["start_date"], ["-start_date", "-run_id"], ["duration", "id"], ["-duration"], ["end_date", "-id"]],
)
def test_a_walk_meets_every_row_once_in_order_and_back_again(api, runs, order):
    whole = [each["dag_run_id"] for each in api.call("get", "dags/alpha/dagRuns", order_by=order)["dag_runs"]]
    pages, last = walk(api, order_by=order)
    met = [each for page in pages for each in page]
    assert sorted(met) == sorted(whole) and len(pages) == 4
    if not any("date" in each or "duration" in each for each in order):
        assert met == whole  # with nulls the databases differ, and only the cursor's order is the same on both
    returned, first = walk(api, last["previous_cursor"], "previous_cursor", order_by=order)
    assert list(reversed(returned)) == pages[:-1] and first["next_cursor"] is not None


def test_rows_made_meanwhile_shift_nothing(api, runs):
    first = api.call("get", "dags/alpha/dagRuns", cursor="", limit=3, order_by="-id")
    factories.make_run(DagRun.objects.get(run_id="r0").dag, "new")
    after = api.call("get", "dags/alpha/dagRuns", cursor=first["next_cursor"], limit=3, order_by="-id")
    assert [each["dag_run_id"] for each in after["dag_runs"]] == ["r3", "r2", "r1"]


def test_a_cursor_that_is_none_or_of_another_order_is_refused(api, runs):
    token = api.call("get", "dags/alpha/dagRuns", cursor="", limit=1)["next_cursor"]
    for query in ({"cursor": "x"}, {"cursor": "~"}, {"cursor": token, "order_by": "run_id"}, {"cursor": token[:-2]}):
        api.call("get", "dags/alpha/dagRuns", status=400, **query)
    api.call("get", "dags/alpha/dagRuns", cursor="", order_by="conf", status=400)


def test_task_instances_have_cursors_and_a_constant_number_of_queries(api, django_assert_num_queries):
    factories.make_run(factories.make_dag("alpha"), "r1")
    path = "dags/alpha/dagRuns/r1/taskInstances"
    first = api.call("get", path, cursor="", limit=1, order_by="task_id")
    second = api.call("get", path, cursor=first["next_cursor"], limit=1, order_by="task_id")
    assert [each["task_id"] for each in (*first["task_instances"], *second["task_instances"])] == ["a", "b"]
    assert (second["next_cursor"], first["previous_cursor"]) == (None, None)
    with django_assert_num_queries(6):
        api.call("get", path, cursor="", limit=1)
    with django_assert_num_queries(6):
        api.call("get", path, cursor="", limit=100)
