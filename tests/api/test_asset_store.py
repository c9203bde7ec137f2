"""The endpoints of assets' state stores, in Airflow's shapes."""

from __future__ import annotations

import pytest

from dags_app.models import Asset, AuditEntry
from runs_app import asset_store
from tests.support import factories


@pytest.fixture
def base(db) -> str:
    made = Asset.objects.create(name="orders", uri="s3://orders", created_at=factories.DAY, updated_at=factories.DAY)
    return f"assets/{made.pk}/state-store"


def test_a_key_is_written_read_listed_and_deleted(api, base):
    api.call("put", f"{base}/water/mark", {"value": {"to": 5}}, status=204)
    found = api.call("get", f"{base}/water/mark")
    assert (found["key"], found["value"], found["last_updated_by"]["kind"]) == ("water/mark", {"to": 5}, "api")
    api.call("put", f"{base}/b", {"value": 0}, status=204)
    listed = api.call("get", base, limit=1)
    assert listed["total_entries"] == 2 and [each["key"] for each in listed["asset_state_store"]] == ["b"]
    api.call("delete", f"{base}/b", status=204)
    api.call("delete", base, status=204)
    assert api.call("get", base) == {"asset_state_store": [], "total_entries": 0}
    assert set(AuditEntry.objects.values_list("event", flat=True)) == {
        "set_asset_state_store", "clear_asset_state_store",
    }  # fmt: skip


def test_who_wrote_it_is_told(api, base):
    by = {"kind": "task", "dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1}
    asset_store.put(Asset.objects.get().pk, "k", 1, by=by, now=factories.DAY)
    assert api.call("get", f"{base}/k")["last_updated_by"] == by


@pytest.mark.parametrize("body", [{"value": None}, {}, {"value": "x" * 70000}, {"value": 1, "expires_at": None}])
def test_a_wrong_body_is_refused(api, base, body):
    api.call("put", f"{base}/k", body, status=422)


def test_what_is_not_there_is_told(api, base):
    assert "'k' not found" in api.call("get", f"{base}/k", status=404)["detail"]
    assert "999999 not found" in api.call("get", "assets/999999/state-store", status=404)["detail"]
