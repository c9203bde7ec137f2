"""What people change of what a task left behind, and what its pages tell of it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from dags_app.models import AuditEntry
from runs_app import store
from runs_app.models import AssetEvent, Attempt, DagRun, TaskInstance, TaskStoreEntry, XCom
from tests.support import factories

TASK = "/dags/shop/runs/first/tasks/extract"
FETCH = {"X-Requested-With": "fetch"}


def post(client: Client, end: str, **values: str) -> Any:
    return client.post(TASK + end, values, headers=FETCH)


def test_an_xcom_is_added_changed_and_deleted(user: Client, shop_run: DagRun):
    assert "/xcom/edit" in user.get(f"{TASK}/xcom").content.decode()
    assert "saved" in post(user, "/xcom/edit", key="päth/a b", value='{"rows": 1}').json()["toast"]
    page = user.get(f"{TASK}/xcom").content.decode()
    assert "?key=p%C3%A4th%2Fa%20b" in page
    post(user, "/xcom/edit?key=p%C3%A4th%2Fa%20b", value="[2]")
    assert XCom.objects.get(key="päth/a b").value == [2]
    post(user, "/xcom/edit?key=p%C3%A4th%2Fa%20b", value="[2]", delete="1")
    assert not XCom.objects.filter(key="päth/a b").exists()
    assert AuditEntry.objects.filter(event__endswith="xcom_entry").count() == 3


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("", "1", "Give it a key"),
        ("a", "text", "not JSON"),
        ("a", "NaN", "not JSON"),
        ("a", "[" * 3000, "not JSON"),
        ("a", '"\\u0000"', "null character"),
        ("return_value", "1", "return_value"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_what_was_typed(
    user: Client, shop_run: DagRun, key: str, value: str, said: str
):
    answer = post(user, "/xcom/edit", key=key, value=value)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert XCom.objects.count() == 1


def test_the_state_store_is_written_and_cleared(user: Client, shop_run: DagRun):
    extract = factories.instance_of(shop_run, "extract")
    post(user, "/state-store/edit", key="offset", value="7")
    entry = TaskStoreEntry.objects.get(task_instance=extract)
    assert (entry.key, entry.value) == ("offset", 7)
    assert entry.expires_at > timezone.now()
    assert post(user, "/state-store/edit", key="offset", value="8").status_code == 422
    post(user, "/state-store/edit?key=offset", value="8")
    assert TaskStoreEntry.objects.get().value == 8
    store.put(extract.pk, "more", 1, expires_at=None, now=timezone.now())
    assert "2 keys" in post(user, "/state-store/clear").json()["toast"]
    assert not TaskStoreEntry.objects.exists()


def test_a_key_that_is_not_there_cannot_be_changed(user: Client, shop_run: DagRun):
    for end in ("/xcom/edit?key=nope", "/state-store/edit?key=nope"):
        assert user.get(TASK + end).status_code == 404


def test_a_viewer_sees_the_values_and_is_offered_no_change(viewer: Client, shop_run: DagRun):
    for end in ("/xcom", "/state-store"):
        assert "/edit" not in viewer.get(TASK + end).content.decode()
    assert post(viewer, "/xcom/edit", key="a", value="1").status_code == 403


def test_the_tries_tell_what_the_task_took_in_its_last_runs(viewer: Client, shop_run: DagRun):
    for number in range(4):
        run = factories.make_run(shop_run.dag, f"more {number}", state="success", states={"extract": "success"})
        factories.make_attempt(factories.instance_of(run, "extract"), cpu_seconds=number + 1.0, peak_bytes=2_000_000)
    page = viewer.get(f"{TASK}/tries").content.decode()
    assert "Over the last 5 runs" in page
    assert "median 2.0s" in page  # of 0.2, 1, 2, 3 and 4
    assert page.count("<rect") == 15


def test_the_events_tab_shows_what_people_did_to_whom_may_read_the_audit_log(client_of: Any, shop_run: DagRun):
    post(client_of("user"), "/xcom/edit", key="a", value="1")
    AuditEntry.objects.update(task_id="extract", run_id="first", dag_id="shop")
    assert "create xcom entry" not in client_of("viewer").get(f"{TASK}/events").content.decode()
    assert "create xcom entry" in client_of("op").get(f"{TASK}/events").content.decode()


def test_the_asset_events_of_a_task_are_on_its_page(viewer: Client, shop_run: DagRun):
    asset = factories.make_asset("s3://bucket/orders", producer=shop_run.dag)
    AssetEvent.objects.create(
        asset=asset,
        source_dag_id="shop",
        source_run_id="first",
        source_task_id="extract",
        timestamp=factories.DAY,
        extra={"rows": 3, "password": "hunter22"},
    )
    page = viewer.get(f"{TASK}/asset_events").content.decode()
    assert "orders" in page and "&quot;rows&quot;: 3" in page
    assert "hunter22" not in page


def test_a_value_is_a_tree_that_needs_no_script_and_can_be_copied(viewer: Client, shop_run: DagRun):
    value = {"rows": [{"id": 1, "name": "<b>"}, 2], "empty": [], "text": "a"}
    XCom.objects.filter(run=shop_run, task_id="extract").update(value=value)
    page = viewer.get(f"{TASK}/xcom").content.decode()
    assert '<div class="tree">' in page and "data-copy" in page
    assert "2 items" in page and "&quot;&lt;b&gt;&quot;" in page and "<b>&quot;" not in page
    DagRun.objects.filter(pk=shop_run.pk).update(conf={"deep": {"er": 1}})
    assert '<div class="tree">' in viewer.get("/dags/shop/runs/first/details").content.decode()


@pytest.mark.parametrize("value", ["text", [], 1, list(range(2000)), json.loads("[" * 60 + "]" * 60)])
def test_what_is_no_tree_or_too_large_for_one_is_text(viewer: Client, shop_run: DagRun, value: Any):
    XCom.objects.filter(run=shop_run, task_id="extract").update(value=value)
    page = viewer.get(f"{TASK}/xcom").content.decode()
    assert '<div class="tree">' not in page and "data-copy" in page


def test_when_a_key_of_the_store_expires_can_be_set(user: Client, shop_run: DagRun):
    user.cookies["zone"] = "Europe/Berlin"
    later = timezone.now() + timedelta(days=400)
    typed = later.astimezone(ZoneInfo("Europe/Berlin")).strftime("%Y-%m-%dT%H:%M:%S")
    post(user, "/state-store/edit", key="k", value="1", expires_at=typed)
    row = TaskStoreEntry.objects.get(key="k")
    assert abs(row.expires_at - later) < timedelta(seconds=1)
    assert typed in user.get(f"{TASK}/state-store/edit?key=k").content.decode()
    for wrong, said in (("2020-01-01", "expire at once"), ("soon", "is no time")):
        answer = post(user, "/state-store/edit?key=k", value="1", expires_at=wrong)
        assert answer.status_code == 422 and said in answer.content.decode() and wrong in answer.content.decode()
    post(user, "/state-store/edit?key=k", value="2")
    assert TaskStoreEntry.objects.get(key="k").expires_at == row.expires_at, "what is not said is kept"
    post(user, "/state-store/edit?key=k", value="2", expires_at="")
    assert TaskStoreEntry.objects.get(key="k").expires_at is None


def test_instances_of_a_mapped_task_are_found_by_their_label(viewer: Client, shop_run: DagRun):
    for number, instance in enumerate(factories.make_mapped(shop_run, "load", 3)):
        TaskInstance.objects.filter(pk=instance.pk).update(rendered_map_index=f"shop {'abc'[number]}")
    mapped = "/dags/shop/runs/first/tasks/load/mapped"

    def found(query: str) -> list[str]:
        return [each.rendered_map_index for each in viewer.get(f"{mapped}?{query}").context["chunk"]]

    assert found("rendered_map_index_pattern=shop+B") == ["shop b"]
    assert found("rendered_map_index_pattern=c&anywhere=on") == ["shop c"]
    assert found("map_index_gte=1&map_index_lte=1") == ["shop b"]
    assert "None fits these filters" in viewer.get(f"{mapped}?rendered_map_index_pattern=z").content.decode()


def test_the_details_are_of_one_try(viewer: Client, shop_run: DagRun):
    instance = factories.instance_of(shop_run, "extract")
    Attempt.objects.filter(task_instance=instance).delete()
    now = timezone.now()
    for number, host in ((1, "old.example"), (2, "new.example")):
        values = {"try_number": number, "generation": 1, "started_at": now, "ended_at": now, "outcome": "failed"}
        Attempt.objects.create(task_instance=instance, token=number, hostname=host, **values)
    assert "new.example" in viewer.get(f"{TASK}/details").content.decode()
    first = viewer.get(f"{TASK}/details?try_number=1").content.decode()
    assert "old.example" in first and "Try 2" in first
