"""XComs through the API: written by hand, read, changed, deleted."""

from __future__ import annotations

from typing import Any

import pytest

from dags_app.models import AuditEntry
from orchestrator.sdk.xcom_json import decode
from runs_app.models import XCom
from tests.support import factories


@pytest.fixture
def path(db: None) -> str:
    run = factories.make_run(factories.make_dag(spec=factories.make_spec("shop", {"a": ()})))
    return f"dags/shop/dagRuns/{run.run_id}/taskInstances/a/xcomEntries"


@pytest.mark.parametrize("value", [1, None, "text", [1, {"a": None}], {"__type": "set", "value": [1]}, 1.5, True])
def test_a_value_is_written_once_and_is_the_task_s(api: Any, path: str, value: Any):
    made = api.call("post", path, {"key": "k/1", "value": value}, status=201)
    assert (made["key"], made["map_index"], made["task_id"], made["dag_id"]) == ("k/1", -1, "a", "shop")
    entry = XCom.objects.get(key="k/1")
    assert decode(entry.value) == value, "what was sent is data: it stands for no object of any class"
    assert entry.length == (len(value) if isinstance(value, (list, dict)) else None)
    found = api.call("post", path, {"key": "k/1", "value": 2}, status=409)
    assert found["detail"] == "The XCom with key: `k/1` with mentioned task instance already exists."
    assert decode(XCom.objects.get(key="k/1").value) == value


def test_a_value_is_changed_and_deleted_and_who_did_so_is_noted(api: Any, path: str):
    gone = "The XCom with key: `k` with mentioned task instance doesn't exist."
    assert api.call("patch", f"{path}/k", {"value": 1}, status=404)["detail"] == gone
    assert api.call("delete", f"{path}/k", status=404)["detail"] == gone
    api.call("post", path, {"key": "k", "value": [1]}, status=201)
    assert api.call("patch", f"{path}/k", {"value": [1, 2]})["value"] == [1, 2]
    assert XCom.objects.get(key="k").length == 2
    api.call("delete", f"{path}/k", status=204)
    assert not XCom.objects.exists()
    noted = list(AuditEntry.objects.order_by("pk").values_list("event", flat=True))
    assert noted == ["create_xcom_entry", "update_xcom_entry", "delete_xcom_entry"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"key": "k"}, 422),
        ({"value": 1}, 422),
        ({"key": "k", "value": 1, "more": 1}, 422),
        ({"key": "k", "value": 1, "map_index": "x"}, 422),
        ({"key": "k", "value": 1, "map_index": 3}, 404),
        ({"key": "k", "value": "x" * 999}, 400),
    ],
)
def test_what_cannot_be_written_is_refused(
    api: Any, path: str, body: Any, status: int, settings: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(settings.ORCH, "xcom_max_bytes", 1000)
    api.call("post", path, body, status=status)
    assert not XCom.objects.exists()


def test_who_only_looks_cannot_write(as_role: Any, path: str):
    viewer = as_role("viewer")
    viewer.call("post", path, {"key": "k", "value": 1}, status=403)
    viewer.call("patch", f"{path}/k", {"value": 1}, status=403)
    viewer.call("delete", f"{path}/k", status=403)
