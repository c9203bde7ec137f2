"""The endpoints of state stores, in Airflow's shapes."""

from __future__ import annotations

import pytest

from dags_app.models import AuditEntry
from tests.support import factories

BASE = "dags/d/dagRuns/r/taskInstances/a/state-store"


@pytest.fixture
def run(db):
    return factories.make_run(factories.make_dag("d"), "r")


def test_a_key_is_written_read_changed_listed_and_deleted(api, run):
    assert api.call("put", f"{BASE}/job/1", {"value": {"id": 1}, "expires_at": None}, status=204) in (None, "")
    found = api.call("get", f"{BASE}/job/1")
    assert found == {"key": "job/1", "value": {"id": 1}, "updated_at": found["updated_at"], "expires_at": None}
    api.call("put", f"{BASE}/b", {"value": False, "expires_at": "2036-01-01T00:00:00Z"}, status=204)
    api.call("patch", f"{BASE}/b", {"value": 2})
    listed = api.call("get", BASE, limit=1)
    assert listed["total_entries"] == 2 and [each["key"] for each in listed["task_state_store"]] == ["b"]
    assert listed["task_state_store"][0]["value"] == 2
    assert listed["task_state_store"][0]["expires_at"] == "2036-01-01T00:00:00Z"
    api.call("delete", f"{BASE}/b", status=204)
    api.call("delete", f"{BASE}/b", status=204)
    api.call("delete", BASE, status=204)
    assert api.call("get", BASE) == {"task_state_store": [], "total_entries": 0}
    assert AuditEntry.objects.filter(event="set_task_state_store").count() == 3


def test_without_an_expiry_the_usual_one_holds(api, run):
    api.call("put", f"{BASE}/k", {"value": 1}, status=204)
    found = api.call("get", f"{BASE}/k")
    assert found["expires_at"] > found["updated_at"]


def test_all_map_indices_are_cleared_at_once(api, run):
    factories.make_mapped(run, "b", 2)
    base = BASE.replace("/a/", "/b/")
    for index in (0, 1):
        api.call("put", f"{base}/k?map_index={index}", {"value": index}, status=204)
    assert api.call("get", f"{base}/k", map_index=1)["value"] == 1
    api.call("delete", f"{base}?all_map_indices=true", status=204)
    assert api.call("get", base, map_index=0)["total_entries"] == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"value": None}, 422),
        ({}, 422),
        ({"value": 1, "expires_at": "soon"}, 422),
        ({"value": 1, "colour": "red"}, 422),
        ({"value": "x" * 70000}, 422),
    ],
)
def test_a_wrong_body_is_refused(api, run, body, status):
    api.call("put", f"{BASE}/k", body, status=status)


def test_what_is_not_there_is_told(api, run):
    assert "'k' not found" in api.call("get", f"{BASE}/k", status=404)["detail"]
    api.call("patch", f"{BASE}/k", {"value": 1}, status=404)
    api.call("get", BASE.replace("/a/", "/nope/"), status=404)
    api.call("delete", BASE.replace("/a/", "/nope/") + "?all_map_indices=true", status=404)
