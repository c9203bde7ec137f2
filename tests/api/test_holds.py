"""Holding and releasing over the API."""

from __future__ import annotations

import pytest

from orchestrator.core.states import RunState, TaskState
from runs_app.models import Hold, TaskInstance
from tests.support import factories


@pytest.fixture
def run(db):
    return factories.make_run(
        factories.make_dag("alpha"), "r1", state=RunState.RUNNING, states={"a": TaskState.SCHEDULED}
    )


def test_holding_a_task_instance_and_releasing_it(api, run):
    place = "dags/alpha/dagRuns/r1/taskInstances/a"
    body = {"reason": "look first", "until": "2999-01-01T00:00:00Z"}
    held = api.call("put", f"{place}/hold", body)
    assert (held["dag_run_id"], held["task_id"], held["map_index"]) == ("r1", "a", -1)
    assert (held["reason"], held["until"]) == ("look first", "2999-01-01T00:00:00Z")
    assert api.call("get", place)["state"] is None
    assert api.call("get", "dags/alpha/holds") == {"holds": [held], "total_entries": 1}
    api.call("delete", f"{place}/hold", status=204)
    assert api.call("get", place)["state"] == "scheduled"
    assert "is not held" in api.call("delete", f"{place}/hold", status=404)["detail"]


def test_holding_a_task_in_every_run(api, run):
    assert api.call("put", "dags/alpha/tasks/b/hold", {})["dag_run_id"] is None
    assert TaskInstance.objects.get(task_id="b").held
    api.call("delete", "dags/alpha/tasks/b/hold", status=204)
    assert not Hold.objects.exists()


@pytest.mark.parametrize(
    ("place", "body", "status", "says"),
    [
        ("tasks/x", {}, 404, "has no task `x`"),
        ("tasks/a", {"until": "2020-01-01T00:00:00Z"}, 400, "time to come"),
        ("tasks/a", {"until": "2999-01-01"}, 422, "timezone"),
        ("tasks/a", {"who": "me"}, 422, "Extra inputs"),
        ("dagRuns/r2/taskInstances/a", {}, 404, "was not found"),
        ("dagRuns/r1/taskInstances/a", {"reason": 5}, 422, "valid string"),
    ],
)
def test_what_cannot_be_held(api, run, place, body, status, says):
    assert says in str(api.call("put", f"dags/alpha/{place}/hold", body, status)["detail"])
    assert not Hold.objects.exists()
