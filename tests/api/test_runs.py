"""Dag runs over the API."""

from __future__ import annotations

import pytest

from dags_app.models import AuditEntry
from orchestrator.core.states import RunState, TaskState
from runs_app.models import DagRun
from tests.support import factories

REQUIRED = {
    *("dag_run_id", "dag_id", "logical_date", "queued_at", "start_date", "end_date", "duration", "run_after", "state"),
    *("data_interval_start", "data_interval_end", "last_scheduling_decision", "run_type", "triggered_by", "conf"),
    *("triggering_user_name", "note", "dag_versions", "bundle_version", "dag_display_name", "partition_key"),
    "partition_date",
}


@pytest.fixture
def alpha(db):
    return factories.make_dag("alpha")


def trigger(api, body, status=200):
    return api.call("post", "dags/alpha/dagRuns", body, status)


def test_a_trigger_needs_the_key_logical_date_which_may_be_null(api, alpha):
    problem = trigger(api, {}, status=422)["detail"][0]
    assert (problem["type"], problem["loc"], problem["msg"]) == ("missing", ["body", "logical_date"], "Field required")
    run = trigger(api, {"logical_date": None})
    assert run.keys() == REQUIRED
    assert run["run_type"] == "manual" and run["triggered_by"] == "rest_api"
    assert run["logical_date"] is None and run["data_interval_start"] is None
    assert run["dag_run_id"].startswith("manual__")
    entry = AuditEntry.objects.get(event="trigger_dag_run")
    assert entry.run_id == run["dag_run_id"] and entry.actor == run["triggering_user_name"]


def test_a_trigger_takes_id_date_conf_and_note(api, alpha):
    body = {"dag_run_id": "mine", "logical_date": "2026-01-02T03:04:05+01:00", "conf": {"a": [1]}, "note": "why"}
    run = trigger(api, body)
    assert run["logical_date"] == "2026-01-02T02:04:05Z"
    assert (run["dag_run_id"], run["conf"], run["note"]) == ("mine", {"a": [1]}, "why")
    assert "already has a run" in trigger(api, body, status=409)["detail"]
    assert "already has a run" in trigger(api, {"logical_date": body["logical_date"]}, status=409)["detail"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"logical_date": "2026-01-01T00:00:00"}, 422),  # no offset
        ({"logical_date": "0001-01-01T00:00:00+14:00"}, 422),
        ({"logical_date": "x"}, 422),
        ({"logical_date": 5}, 422),
        ({"logical_date": None, "conf": []}, 422),
        ({"logical_date": None, "conf": {"a": "\x00"}}, 422),
        ({"logical_date": None, "conf": {"a": "\ud800"}}, 422),
        ({"logical_date": None, "dag_run_id": "a/b"}, 400),
        ({"logical_date": None, "dag_run_id": ".."}, 400),
        ({"logical_date": None, "dag_run_id": "~"}, 422),
        ({"logical_date": None, "dag_run_id": "a" * 251}, 422),
        ({"logical_date": None, "dag_run_id": "scheduled__2026-01-01T00:00:00+00:00"}, 400),
        ({"logical_date": None, "extra": 1}, 422),
        ({"logical_date": None, "data_interval_start": "2026-01-01T00:00:00Z"}, 422),
    ],
)
def test_a_wrong_trigger_makes_no_run(api, alpha, body, status):
    trigger(api, body, status)
    assert not DagRun.objects.exists()


def test_conf_must_fit_the_params(api):
    from orchestrator.sdk import Param

    factories.make_dag(spec=factories.make_spec("alpha", params={"n": Param(1, type="integer")}))
    assert "n" in trigger(api, {"logical_date": None, "conf": {"n": "x"}}, status=400)["detail"]
    assert trigger(api, {"logical_date": None, "conf": {"n": 2}})["conf"] == {"n": 2}


def test_a_dag_whose_file_is_gone_is_not_triggered(api):
    factories.make_dag("alpha", is_stale=True)
    trigger(api, {"logical_date": None}, status=400)


def test_runs_are_listed_filtered_and_ordered(api, alpha):
    factories.make_run(alpha, "r1", note="n")
    factories.make_run(alpha, "r2", state=RunState.FAILED)
    other = factories.make_run(factories.make_dag("beta"), "r3")

    def ids(path="dags/alpha/dagRuns", **query):
        return [each["dag_run_id"] for each in api.call("get", path, **query)["dag_runs"]]

    assert ids() == ["r1", "r2"]
    assert ids("dags/~/dagRuns") == ["r1", "r2", "r3"]
    assert ids(state="failed") == ["r2"]
    assert ids(state=["failed", "success"], order_by="-run_id") == ["r2", "r1"]
    assert ids("dags/~/dagRuns", logical_date_gte=other.logical_date.isoformat()) == ["r3"]
    assert ids(run_id_pattern="R2") == ["r2"]
    assert ids("dags/~/dagRuns", dag_id_pattern="BET") == ["r3"]
    assert ids("dags/~/dagRuns", dag_id_prefix_pattern="alp") == ["r1", "r2"]
    assert ids(duration_gt="9", duration_lt="11") == ["r1", "r2"]
    assert ids(duration_gt="11") == []
    assert ids(order_by="-duration") == ["r2", "r1"]
    assert ids(run_type="scheduled") == []
    for wrong in ({"state": "zzz"}, {"duration_gt": "x"}, {"duration_gt": "inf"}, {"run_after_gte": "2026-01-01"}):
        api.call("get", "dags/alpha/dagRuns", status=422, **wrong)
    api.call("get", "dags/nope/dagRuns", status=404)


def test_the_batch_list_takes_its_filters_from_the_body(api, alpha):
    factories.make_run(alpha, "r1")
    factories.make_run(factories.make_dag("beta"), "r2", state=RunState.FAILED)

    def ids(body, status=200):
        found = api.call("post", "dags/~/dagRuns/list", body, status)
        return [each["dag_run_id"] for each in found["dag_runs"]] if status == 200 else found

    assert ids({}) == ["r1", "r2"]
    assert ids({"dag_ids": ["beta"]}) == ["r2"]
    assert ids({"states": ["success"], "order_by": "-id"}) == ["r1"]
    assert ids({"page_limit": 1, "page_offset": 1}) == ["r2"]
    ids({"page_limit": "x"}, status=422)
    ids({"states": ["zzz"]}, status=422)


def test_a_run_is_read_patched_and_deleted(api, alpha):
    run = factories.make_run(alpha, "r1", state=RunState.RUNNING, states={"a": TaskState.SUCCESS})
    path = "dags/alpha/dagRuns/r1"
    assert api.call("get", path)["state"] == "running"
    assert "running state" in api.call("delete", path, status=409)["detail"]
    assert api.call("patch", path, {"state": "failed", "note": "enough"})["state"] == "failed"
    assert api.call("get", path)["note"] == "enough"
    assert [each.state for each in run.task_instances.order_by("task_id")] == ["success", "skipped"]
    assert api.call("patch", path, {"state": "success", "note": "no"}, update_mask="note")["state"] == "failed"
    for wrong in ({"state": "running"}, {"state": 3}, {"note": 5}, {"x": 1}, {"note": "a" * 1001}):
        api.call("patch", path, wrong, status=422)
    api.call("patch", path, {"note": "x"}, status=400, update_mask="state")
    assert api.call("delete", path, status=204) is None
    missing = "The DagRun with dag_id: `alpha` and run_id: `r1` was not found"
    assert api.call("get", path, status=404) == {"detail": missing}
    assert AuditEntry.objects.filter(event="delete_dag_run", run_id="r1").exists()


def test_clearing_a_run_only_says_what_it_would_unless_told_otherwise(api, alpha):
    run = factories.make_run(alpha, "r1", state=RunState.FAILED, states={"a": TaskState.SUCCESS})
    path = "dags/alpha/dagRuns/r1/clear"
    assert api.call("post", path, {})["total_entries"] == 2
    assert api.call("post", path, {"only_failed": True})["total_entries"] == 1
    run.refresh_from_db()
    assert run.state == "failed"
    answer = api.call("post", path, {"dry_run": False, "note": "again"})
    assert answer["dag_run_id"] == "r1" and answer["state"] in {"queued", "running"} and answer["note"] == "again"
    api.call("post", path, {"dry_run": None}, status=422)


def test_viewers_read_and_users_act(as_role, alpha):
    factories.make_run(alpha, "r1")
    viewer = as_role("viewer")
    viewer.call("get", "dags/alpha/dagRuns/r1")
    viewer.call("post", "dags/alpha/dagRuns", {"logical_date": None}, status=403)
    viewer.call("patch", "dags/alpha/dagRuns/r1", {"note": "x"}, status=403)
    viewer.call("delete", "dags/alpha/dagRuns/r1", status=403)
    viewer.call("post", "dags/alpha/dagRuns/r1/clear", {}, status=403)
    as_role("").call("get", "dags/alpha/dagRuns/r1", status=404)
    as_role("user").call("delete", "dags/alpha/dagRuns/r1", status=204)


def test_a_cancelled_run_reads_failed_and_is_found_as_such(api, alpha):
    run = factories.make_run(alpha, "going", state=RunState.RUNNING, states={"a": TaskState.SCHEDULED})
    answer = api.call("post", "dags/alpha/dagRuns/going/cancel", {"reason": "wrong day"})
    assert (answer.keys(), answer["state"]) == (REQUIRED, "failed")
    assert DagRun.objects.get(pk=run.pk).state == "cancelled"
    for state in ("failed", "cancelled"):
        assert api.call("get", "dags/alpha/dagRuns", state=state)["total_entries"] == 1
        assert api.call("get", "dags/alpha/dagRuns/going/taskInstances", state=state)["total_entries"] == 2
        assert api.call("get", "dags", last_dag_run_state=state, order_by="state")["total_entries"] == 1
    instances = api.call("get", "dags/alpha/dagRuns/going/taskInstances")["task_instances"]
    assert {each["state"] for each in instances} == {"failed"}
    assert "nothing to cancel" in api.call("post", "dags/alpha/dagRuns/going/cancel", {}, status=409)["detail"]


def test_a_trigger_is_answered_with_the_run_as_it_was_made(api, alpha, django_assert_max_num_queries):
    trigger(api, {"logical_date": None})
    with django_assert_max_num_queries(18):  # 29 of them were most of what a trigger took
        run = trigger(api, {"logical_date": None, "conf": {"a": 1}})
    assert (run["state"], run["start_date"], run["last_scheduling_decision"]) == ("queued", None, None)
    now = api.call("get", f"dags/alpha/dagRuns/{run['dag_run_id']}")
    assert now["state"] == "running"
    moving = {"state", "start_date", "last_scheduling_decision"}
    assert {name: each for name, each in run.items() if name not in moving} == {
        name: each for name, each in now.items() if name not in moving
    }
