"""What tasks ask people, over the API: the shapes, the filters, and one answer each."""

from __future__ import annotations

import pytest

from orchestrator.core.states import RunState
from runs_app.models import DagRun
from tests.support import factories

PARAMS = {"n": {"value": 3, "schema": {"type": "integer"}, "description": "How many"}, "plain": {"schema": {}}}


@pytest.fixture
def run(db: None) -> DagRun:
    dag = factories.make_dag(spec=factories.make_spec("alpha", {"a": (), "b": (), "c": ()}))
    return factories.make_run(dag, "r1", state=RunState.RUNNING)


BASE = "dags/alpha/dagRuns/r1"
ONE = f"{BASE}/taskInstances/a/-1/hitlDetails"


def test_a_question_is_read_and_answered_once(api, run):
    instance = factories.instance_of(run, "a")
    factories.make_question(instance, params=PARAMS, body="*really*", defaults=["no"])

    found = api.call("get", ONE)
    assert found.pop("task_instance")["state"] == "awaiting_input"
    assert found == {
        "subject": "Go on?",
        "body": "*really*",
        "options": ["yes", "no"],
        "defaults": ["no"],
        "multiple": False,
        "params": {
            "n": {"value": 3, "schema": {"type": "integer"}, "description": "How many"},
            "plain": {"value": None, "schema": {}, "description": None},
        },
        "assigned_users": [],
        "created_at": "2026-03-01T00:00:00Z",
        "responded_by_user": None,
        "responded_at": None,
        "chosen_options": None,
        "params_input": {},
        "response_received": False,
    }
    for body, status in (({}, 422), ({"chosen_options": []}, 422), ({"chosen_options": ["maybe"]}, 400)):
        api.call("patch", ONE, body, status=status)
    assert "param n" in api.call("patch", ONE, {"chosen_options": ["yes"], "params_input": {"n": "x"}}, 400)["detail"]

    body = {"chosen_options": ["yes"], "params_input": {"n": 5, "plain": None}}
    answer = api.call("patch", ONE, body)
    assert answer.pop("responded_at") and answer.pop("responded_by")["name"].startswith("admin")
    assert answer == body
    assert "has already been updated" in api.call("patch", ONE, body, status=409)["detail"]
    assert api.call("get", ONE)["response_received"] is True
    instance.refresh_from_db()
    assert instance.state == "scheduled"


def test_who_is_not_asked_is_refused(api, as_role, run):
    factories.make_question(factories.instance_of(run, "a"), assigned_users=[{"id": "ada", "name": "Ada"}])
    assert "is not a respondent" in api.call("patch", ONE, {"chosen_options": ["yes"]}, status=403)["detail"]
    as_role("viewer").call("patch", ONE, {"chosen_options": ["yes"]}, status=403)


def test_a_task_instance_without_a_question(api, run):
    assert "detail does not exist" in api.call("get", ONE, status=404)["detail"]
    assert "was not found" in api.call("get", ONE.replace("/a/", "/z/"), status=404)["detail"]


def test_each_try_has_its_question(api, run):
    instance = factories.instance_of(run, "a")
    factories.set_state(instance, "failed")
    factories.make_attempt(instance)
    factories.make_question(instance, waiting=False, subject="First")
    factories.set_state(instance, "running", try_number=2)
    factories.make_attempt(instance)
    factories.make_question(instance, waiting=False, subject="Second")

    assert api.call("get", ONE)["subject"] == "Second"
    first = api.call("get", f"{ONE}/tries/1")
    assert (first["subject"], first["task_instance"]["try_number"]) == ("First", 1)
    api.call("get", f"{ONE}/tries/3", status=404)
    assert api.call("get", f"{BASE}/hitlDetails")["total_entries"] == 1


def test_the_list_filters_and_orders(api, run):
    for task_id, subject in (("a", "Ship it?"), ("b", "Pay?"), ("c", "Ship more?")):
        factories.make_question(factories.instance_of(run, task_id), subject=subject, body=f"about {task_id}")
    api.call("patch", ONE.replace("/a/", "/b/"), {"chosen_options": ["no"]})

    def subjects(**query: object) -> list[str]:
        return [each["subject"] for each in api.call("get", "dags/~/dagRuns/~/hitlDetails", **query)["hitl_details"]]

    assert subjects() == ["Ship it?", "Pay?", "Ship more?"]
    assert subjects(order_by="subject") == ["Pay?", "Ship it?", "Ship more?"]
    assert subjects(order_by="-task_display_name", limit=2) == ["Ship more?", "Pay?"]
    assert subjects(response_received="false") == ["Ship it?", "Ship more?"]
    assert subjects(response_received="true") == ["Pay?"]
    assert subjects(state="awaiting_input") == ["Ship it?", "Ship more?"]
    assert subjects(subject_search="ship") == ["Ship it?", "Ship more?"]
    assert subjects(body_search="about b") == ["Pay?"]
    assert subjects(task_id=["a", "b"]) == ["Ship it?", "Pay?"]
    assert subjects(task_id_pattern="A|c") == ["Ship it?", "Ship more?"]
    assert subjects(dag_id_prefix_pattern="al", map_index=-1, created_at_gte="2026-03-01T00:00:00Z") == subjects()
    assert subjects(responded_by_user_name="nobody") == []
    api.call("get", "dags/~/dagRuns/~/hitlDetails", status=400, order_by="body")
    api.call("get", "dags/beta/dagRuns/~/hitlDetails", status=404)
