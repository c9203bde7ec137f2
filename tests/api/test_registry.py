"""Pools, variables, connections and the audit log over the API."""

from __future__ import annotations

import json

import pytest
from django.conf import settings

from dags_app import secrets
from dags_app.models import AuditEntry, Connection
from orchestrator.core.states import RunState
from tests.support import factories


def test_a_pool_is_made_changed_and_deleted(as_role):
    op = as_role("op")
    made = op.call("post", "pools", {"name": "db", "slots": 3, "description": "d"}, 201)
    assert (made["slots"], made["open_slots"], made["occupied_slots"], made["team_name"]) == (3, 3, 0, None)
    assert "already exists" in op.call("post", "pools", {"name": "db", "slots": 3}, 409)["detail"]
    body = {"pool": "db", "slots": 5, "description": "new", "include_deferred": True}
    assert op.call("patch", "pools/db", body, update_mask="slots")["description"] == "d"
    assert op.call("patch", "pools/db", body)["include_deferred"] is True
    for wrong in (
        {"name": "x"},
        {"name": "x", "slots": "1"},
        {"name": "a\nb", "slots": 1},
        {"name": "x", "slots": 2**40},
    ):
        op.call("post", "pools", wrong, 422)
    op.call("post", "pools", {"name": "x", "slots": -2}, 422)
    op.call("patch", "pools/db", {**body, "pool": "other"}, 400)
    assert op.call("delete", "pools/db", status=204) is None
    assert op.call("delete", "pools/db", status=404) == {"detail": "The Pool with name: `db` was not found"}
    assert op.call("delete", "pools/default_pool", status=400) == {"detail": "Default Pool can't be deleted"}
    assert op.call("patch", "pools/default_pool", {"slots": 64, "include_deferred": False})["slots"] == 64


def test_a_pool_may_have_a_rate_that_clients_of_airflow_leave_alone(as_role):
    op = as_role("op")
    assert op.call("post", "pools", {"name": "api", "slots": -1, "rate_per_minute": 30}, 201)["rate_per_minute"] == 30
    whole = {"pool": "api", "slots": 5, "include_deferred": False}
    assert op.call("patch", "pools/api", {**whole, "description": "d"})["rate_per_minute"] == 30
    faster = {**whole, "slots": 6, "rate_per_minute": 9}
    assert op.call("patch", "pools/api", faster, update_mask="rate_per_minute")["slots"] == 5
    assert "rate of 1 to" in op.call("patch", "pools/api", {**whole, "rate_per_minute": 0}, 400)["detail"]
    op.call("patch", "pools/api", {**whole, "rate_per_minute": "fast"}, 422)
    assert op.call("patch", "pools/api", {**whole, "rate_per_minute": None})["rate_per_minute"] is None


def test_a_change_of_a_pool_says_the_whole_pool_with_a_mask_and_without(as_role):
    op = as_role("op")
    op.call("post", "pools", {"name": "db", "slots": 3}, 201)
    for mask in ({}, {"update_mask": "slots"}):
        problems = op.call("patch", "pools/db", {"slots": 7}, 422, **mask)["detail"]
        assert [each["loc"] for each in problems] == [["body", "pool"], ["body", "include_deferred"]]
    assert op.call("get", "pools/db")["slots"] == 3
    assert op.call("patch", "pools/db", {"name": "db", "slots": 7, "include_deferred": False})["slots"] == 7


def test_a_pool_counts_the_slots_in_use(api):
    spec = factories.make_spec("alpha", {"a": (), "b": (), "c": ()}, tasks={"pool": "db", "pool_slots": 2})
    api.call("post", "pools", {"name": "db", "slots": 9}, 201)
    states = {"a": "running", "b": "scheduled", "c": "deferred"}
    factories.make_run(factories.make_dag(spec=spec), state=RunState.RUNNING, states=states)
    pool = api.call("get", "pools/db")
    assert (pool["running_slots"], pool["scheduled_slots"], pool["deferred_slots"]) == (2, 2, 2)
    assert (pool["occupied_slots"], pool["open_slots"]) == (2, 7)
    whole = {"pool": "db", "slots": 9, "include_deferred": True}
    assert api.call("patch", "pools/db", whole)["open_slots"] == 5
    assert api.call("patch", "pools/db", {**whole, "slots": -1})["open_slots"] == -1
    assert [each["name"] for each in api.call("get", "pools", order_by="-name")["pools"]] == ["default_pool", "db"]


def test_a_variable_is_written_and_never_shown(as_role):
    op = as_role("op")
    made = op.call("post", "variables", {"key": "greeting", "value": "hunter22", "description": "d"}, 201)
    assert made == {"key": "greeting", "value": "***", "description": "d", "is_encrypted": True, "team_name": None}
    assert secrets.get_variable("greeting") == "hunter22"
    op.call(
        "patch", "variables/greeting", {"key": "greeting", "value": "x", "description": "e"}, update_mask="description"
    )
    assert secrets.get_variable("greeting") == "hunter22"
    assert op.call("get", "variables/greeting")["description"] == "e"
    op.call("patch", "variables/greeting", {"key": "greeting", "value": "new"})
    assert secrets.get_variable("greeting") == "new"
    conflict = op.call("post", "variables", {"key": "greeting", "value": "1"}, 409)
    assert conflict == {"detail": "The Variable with key: `greeting` already exists"}
    op.call("patch", "variables/greeting", {"key": "other", "value": "1"}, 400)
    op.call("post", "variables", {"key": "", "value": "1"}, 422)
    op.call("post", "variables", {"key": "k"}, 422)
    op.call("post", "variables", {"key": "k", "value": None}, 422)
    op.call("post", "variables", {"key": "k", "value": 5}, 201)  # any JSON, as in Airflow
    assert secrets.get_variable("k") == "5"
    assert op.call("get", "variables", variable_key_pattern="GREET")["total_entries"] == 1
    op.call("delete", "variables/greeting", status=204)
    op.call("get", "variables/greeting", status=404)


CONNECTION = {
    "connection_id": "db",
    "conn_type": "postgres",
    "host": "db.example",
    "login": "me",
    "port": 5432,
    "schema": "public",
    "password": "hunter22",
    "extra": '{"token": "t0ken-value"}',
}


def test_a_connection_is_written_and_its_secrets_never_shown(as_role):
    op = as_role("op")
    made = op.call("post", "connections", CONNECTION, 201)
    assert (made["password"], made["extra"], made["host"], made["schema"]) == ("***", "***", "db.example", "public")
    assert secrets.get_connection("db")["password"] == "hunter22"
    # What the answer showed may be sent back: it keeps what is there.
    op.call(
        "patch", "connections/db", {name: each for name, each in {**made, "host": "new"}.items() if each is not None}
    )
    assert secrets.get_connection("db")["password"] == "hunter22"
    assert secrets.get_connection("db")["host"] == "new"
    op.call("patch", "connections/db", {**CONNECTION, "password": "changed!"}, update_mask="password")
    assert (secrets.get_connection("db")["password"], secrets.get_connection("db")["host"]) == ("changed!", "new")
    op.call("post", "connections", CONNECTION, 409)
    op.call("post", "connections", {**CONNECTION, "connection_id": "a b"}, 422)
    op.call("post", "connections", {**CONNECTION, "connection_id": "p", "port": 70000}, 400)
    op.call("post", "connections", {"connection_id": "p"}, 422)
    assert op.call("get", "connections")["total_entries"] == 1
    op.call("delete", "connections/db", status=204)
    assert not Connection.objects.exists()


def test_no_secret_is_in_the_audit_log_or_any_list(as_role):
    op = as_role("op")
    op.call("post", "variables", {"key": "greeting", "value": "hunter22"}, 201)
    op.call("post", "connections", CONNECTION, 201)
    op.call("patch", "connections/db", CONNECTION)
    shown = json.dumps([op.call("get", each) for each in ("variables", "connections", "eventLogs")])
    assert "hunter22" not in shown and "t0ken-value" not in shown
    assert "hunter22" not in json.dumps(list(AuditEntry.objects.values_list("extra", flat=True)))
    events = op.call("get", "eventLogs", order_by="event_log_id")["event_logs"]
    assert [each["event"] for each in events] == ["post_variable", "post_connection", "patch_connection"]
    assert op.call("get", f"eventLogs/{events[0]['event_log_id']}") == events[0]
    op.call("get", "eventLogs/99999999999999999999", status=404)


def test_conf_is_masked_in_the_audit_log(api):
    factories.make_dag("alpha")
    api.call("post", "dags/alpha/dagRuns", {"logical_date": None, "conf": {"api_key": "hunter22", "n": 1}})
    assert AuditEntry.objects.get().extra == {"conf": {"api_key": "***", "n": 1}}


@pytest.mark.parametrize("path", ["variables", "connections", "eventLogs"])
def test_users_see_neither_variables_nor_connections_nor_the_audit_log(as_role, path):
    as_role("user").call("get", path, status=403)
    as_role("").call("get", path, status=403)
    as_role("").call("get", "pools", status=403)
    as_role("viewer").call("get", "pools")
    as_role("viewer").call("post", "pools", {"name": "x", "slots": 1}, 403)


def test_a_connection_is_tried_and_nothing_is_stored(as_role, monkeypatch, tmp_path):
    op = as_role("op")
    body = {"connection_id": "c", "conn_type": "fs", "extra": json.dumps({"path": str(tmp_path)})}
    assert "disabled" in op.call("post", "connections/test", body, 403)["detail"]
    monkeypatch.setattr(settings.ORCH, "test_connection", "Enabled")
    found = op.call("post", "connections/test", body)
    assert found == {"status": True, "message": f"{tmp_path} is there"}
    assert not Connection.objects.exists()
    for wrong in ({"connection_id": "c"}, {**body, "port": "x"}, {**body, "strange": 1}, {**body, "host": "a\0b"}):
        op.call("post", "connections/test", wrong, 422)
    as_role("user").call("post", "connections/test", body, 403)
    secrets.set_connection("c", {"conn_type": "fs", "extra": json.dumps({"path": str(tmp_path / "absent")})})
    kept = {"connection_id": "c", "conn_type": "fs", "extra": "***"}
    assert op.call("post", "connections/test", kept)["status"] is False, "what is masked is what is stored"


def test_a_connection_may_be_called_test(as_role):
    op = as_role("op")
    op.call("post", "connections", {"connection_id": "test", "conn_type": "http"}, 201)
    assert op.call("get", "connections/test")["connection_id"] == "test"
    assert op.call("delete", "connections/test", status=204) is None
