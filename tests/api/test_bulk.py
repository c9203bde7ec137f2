"""Many things in one request: each answered for, and nothing half done."""

from __future__ import annotations

from dags_app import secrets
from dags_app.models import AuditEntry, Pool
from orchestrator.api.auth import issue_token
from runs_app.models import DagRun, TaskInstance
from tests.support import factories

from .conftest import ApiClient


def actions(*each):
    return {"actions": list(each)}


def create(*entities, **more):
    return {"action": "create", "entities": list(entities), **more}


def update(*entities, **more):
    return {"action": "update", "entities": list(entities), **more}


def delete(*entities, **more):
    return {"action": "delete", "entities": list(entities), **more}


def test_pools_are_made_changed_and_deleted_in_one_request(api):
    body = actions(
        create({"name": "a", "slots": 1}, {"name": "b", "slots": 2, "description": "d"}),
        update({"name": "b", "slots": 5, "description": "x"}, update_mask=["slots"]),
        delete("a"),
    )
    assert api.call("patch", "pools", body) == {
        "create": {"success": ["a", "b"], "errors": []},
        "update": {"success": ["b"], "errors": []},
        "delete": {"success": ["a"], "errors": []},
    }
    pool = Pool.objects.get(pk="b")
    assert (pool.slots, pool.description) == (5, "d")
    assert AuditEntry.objects.filter(event__contains="pool").count() == 4


def test_one_that_is_there_keeps_a_whole_action_from_being_done_unless_it_may_be_skipped(api):
    api.call("post", "pools", {"name": "a", "slots": 1}, 201)
    both = ({"name": "a", "slots": 9}, {"name": "b", "slots": 9})
    found = api.call("patch", "pools", actions(create(*both)))["create"]
    message = "The pools with these pool names: {'a'} already exist."
    assert found == {"success": [], "errors": [{"error": message, "status_code": 409}]}
    assert not Pool.objects.filter(pk="b").exists()
    found = api.call("patch", "pools", actions(create(*both, action_on_existence="skip")))
    assert found == {"create": {"success": ["b"], "errors": []}, "update": None, "delete": None}
    api.call("patch", "pools", actions(create({"name": "a", "slots": 7}, action_on_existence="overwrite")))
    assert Pool.objects.get(pk="a").slots == 7


def test_what_one_thing_refuses_leaves_the_others_done(api):
    found = api.call(
        "patch", "pools", actions(create({"name": "a", "slots": 1, "rate_per_minute": -1}, {"name": "b", "slots": 1}))
    )
    assert found["create"]["success"] == ["b"]
    assert [each["status_code"] for each in found["create"]["errors"]] == [400]
    found = api.call("patch", "pools", actions(delete("b", "default_pool")))["delete"]
    assert (found["success"], found["errors"][0]["error"]) == (["b"], "Default Pool can't be deleted")


def test_a_body_that_is_wrong_anywhere_does_nothing_and_names_the_place(api):
    good, wrong = {"name": "a", "slots": 1}, {"name": "b", "slots": "many"}
    [problem] = api.call("patch", "pools", actions(create(good), create(good, wrong)), 422)["detail"]
    assert problem["loc"] == ["body", "actions", 1, "entities", 1, "slots"]
    assert not Pool.objects.filter(pk="a").exists()
    for body in (
        {},
        {"actions": 1},
        {"actions": [1]},
        actions({"action": "drop", "entities": []}),
        actions(update("a")),
        actions(create(good, action_on_existence="maybe")),
        actions(create(good, update_mask=[])),
    ):
        api.call("patch", "pools", body, 422)


def test_variables_take_any_json_and_connections_keep_a_secret_that_comes_back_hidden(api):
    made = create({"key": "text", "value": "a"}, {"key": "json", "value": {"n": [1]}})
    assert api.call("patch", "variables", actions(made))["create"]["success"] == ["text", "json"]
    assert (secrets.get_variable("text"), secrets.get_variable("json")) == ("a", '{"n": [1]}')
    connection = {"connection_id": "c", "conn_type": "http", "password": "p4ss"}
    api.call("patch", "connections", actions(create(connection)))
    changed = update({**connection, "password": "***", "host": "h"})
    assert api.call("patch", "connections", actions(changed))["update"]["success"] == ["c"]
    found = secrets.get_connection("c")
    assert (found["password"], found["host"]) == ("p4ss", "h")


def test_runs_are_marked_and_deleted_and_what_runs_is_refused(api):
    dag = factories.make_dag("alpha")
    factories.make_run(dag, "r1", state="failed")
    factories.make_run(dag, "r2", state="running")
    done = api.call("patch", "dags/alpha/dagRuns", actions(update({"dag_run_id": "r1", "note": "n"})))
    assert done["update"] == {"success": ["alpha.r1"], "errors": []}
    found = api.call("patch", "dags/~/dagRuns", actions(delete({"dag_id": "alpha", "dag_run_id": "r1"}, "r2")))
    assert found["delete"]["success"] == ["alpha.r1"]
    assert [each["status_code"] for each in found["delete"]["errors"]] == [400]
    found = api.call("patch", "dags/alpha/dagRuns", actions(delete("r2")))
    assert [each["status_code"] for each in found["delete"]["errors"]] == [409]
    assert list(DagRun.objects.values_list("run_id", flat=True)) == ["r2"]
    found = api.call("patch", "dags/alpha/dagRuns", actions(update({"dag_run_id": "no"}), create({"dag_run_id": "x"})))
    assert found["update"]["errors"][0]["status_code"] == 404 and found["create"]["errors"][0]["status_code"] == 405


def test_task_instances_are_marked_and_deleted_together(api):
    dag = factories.make_dag(spec=factories.make_spec("alpha", {"a": (), "m": ("a",)}))
    run = factories.make_run(dag, "r1", state="failed", states={"a": "failed"})
    factories.make_mapped(run, "m", 2)
    path = "dags/alpha/dagRuns/r1/taskInstances"
    body = actions(update({"task_id": "a", "new_state": "success"}, {"task_id": "m", "map_index": 1, "note": "n"}))
    assert api.call("patch", path, body)["update"] == {
        "success": ["alpha.r1.a[-1]", "alpha.r1.m[1]"],
        "errors": [],
    }
    assert factories.instance_of(run, "a").state == "success"
    assert [each.note for each in run.task_instances.filter(task_id="m").order_by("map_index")] == [None, "n"]
    missing = api.call("patch", path, actions(update({"task_id": "zz", "note": "n"})))["update"]["errors"]
    assert missing[0]["status_code"] == 404
    DagRun.objects.filter(pk=run.pk).update(state="success")
    everywhere = api.call(
        "patch",
        "dags/~/dagRuns/~/taskInstances",
        actions(delete({"dag_id": "alpha", "dag_run_id": "r1", "task_id": "m"}, "a")),
    )["delete"]
    assert everywhere["success"] == ["alpha.r1.m[0]", "alpha.r1.m[1]"] and len(everywhere["errors"]) == 1
    assert list(TaskInstance.objects.values_list("task_id", flat=True)) == ["a"]


def test_a_task_instance_is_only_deleted_when_its_run_has_ended(api):
    run = factories.make_run(factories.make_dag("alpha"), "r1", state="running")
    path = "dags/alpha/dagRuns/r1/taskInstances/a"
    assert "end the run first" in api.call("delete", path, status=409)["detail"]
    DagRun.objects.filter(pk=run.pk).update(state="failed", ended_at=factories.DAY)
    assert api.call("delete", path) is None
    api.call("delete", path, status=404)


def test_what_the_caller_may_not_see_is_not_there_for_a_bulk_request_either(db):
    factories.make_run(factories.make_dag("alpha"), "r1", state="failed")
    nobody = ApiClient(issue_token(factories.make_user("")))
    body = actions(delete({"dag_id": "alpha", "dag_run_id": "r1"}))
    [error] = nobody.call("patch", "dags/~/dagRuns", body)["delete"]["errors"]
    assert error["status_code"] == 404 and DagRun.objects.count() == 1
    viewer = ApiClient(issue_token(factories.make_user("viewer")))
    [error] = viewer.call("patch", "dags/~/dagRuns", body)["delete"]["errors"]
    assert error["status_code"] == 403 and DagRun.objects.count() == 1


def test_runs_are_cleared_together_after_all_of_them_were_found(api):
    dag = factories.make_dag("alpha")
    for name in ("r1", "r2"):
        factories.make_run(dag, name, state="failed", states={"a": "failed", "b": "upstream_failed"})
    both = {"dag_runs": [{"dag_run_id": "r1"}, {"dag_run_id": "r2"}]}
    assert api.call("post", "dags/alpha/clearDagRuns", both)["total_entries"] == 4
    with_missing = {"dag_runs": [{"dag_run_id": "r1"}, {"dag_run_id": "no"}], "dry_run": False}
    api.call("post", "dags/alpha/clearDagRuns", with_missing, 404)
    assert set(DagRun.objects.values_list("state", flat=True)) == {"failed"}
    cleared = api.call("post", "dags/alpha/clearDagRuns", {**both, "dry_run": False, "note": "again"})
    assert [(each["dag_run_id"], each["note"]) for each in cleared["dag_runs"]] == [("r1", "again"), ("r2", "again")]
    for body in ({}, {**both, "partition_key": "p"}, {"dag_runs": [{}]}):
        api.call("post", "dags/alpha/clearDagRuns", body, 422)
    api.call("post", "dags/~/clearDagRuns", both, 400)
    api.call("post", "dags/~/clearDagRuns", {"partition_key": "p"}, 400)
    assert api.call("post", "dags/alpha/clearDagRuns", {"partition_key": "p"})["total_entries"] == 0
