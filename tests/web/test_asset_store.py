"""The page of an asset's state store: what tasks keep about it, and changing it by hand."""

from __future__ import annotations

import pytest
from django.test import Client

from dags_app.models import Asset, AuditEntry
from runs_app import asset_store
from runs_app.models import AssetStoreEntry
from tests.support import factories
from tests.support.factories import DAY

FETCH = {"X-Requested-With": "fetch"}


@pytest.fixture(autouse=True)
def asset(db: None) -> Asset:
    made = factories.make_asset("orders", pk=7)
    dag = factories.make_dag(spec=factories.make_spec("load", {"t": ()}))
    factories.make_run(dag, "r")
    by = {"kind": "task", "dag_id": "load", "run_id": "r", "task_id": "t", "map_index": -1}
    asset_store.put(made.pk, "watermark", {"day": "<b>2026-03-01"}, by=by, now=DAY)
    return made


def kept() -> dict[str, object]:
    return dict(AssetStoreEntry.objects.values_list("key", "value"))


def test_the_tab_shows_keys_values_and_who_wrote_them(viewer: Client):
    page = viewer.get("/assets/7/state-store").content.decode()
    assert "watermark" in page and "&lt;b&gt;2026-03-01" in page
    assert 'href="/dags/load/runs/r/tasks/t"' in page
    assert "state-store/edit" not in page and "state-store/delete" not in page
    assert 'href="/assets/7/state-store"' in viewer.get("/assets/7").content.decode()


def test_a_key_is_added_and_edited(user: Client):
    added = user.post("/assets/7/state-store/edit", {"key": "page", "value": "3"}, headers=FETCH)
    assert added.json() == {"toast": "Saved page.", "go": "/assets/7/state-store"}
    form = user.get("/assets/7/state-store/edit?key=page", headers=FETCH).content.decode()
    assert "readonly" in form and ">3</textarea>" in form
    user.post("/assets/7/state-store/edit", {"key": "page", "value": '["a"]', "is_there": "1"}, headers=FETCH)
    assert kept()["page"] == ["a"]
    assert "by hand" in user.get("/assets/7/state-store").content.decode()
    assert AuditEntry.objects.filter(event="set_asset_state_store").count() == 2


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"key": "new", "value": "{"}, "not JSON"),
        ({"key": "new", "value": "[" * 5000}, "not JSON"),
        ({"key": "new", "value": "null"}, "cannot keep None"),
        ({"key": "", "value": "1"}, "1 to 512 characters"),
        ({"key": "new", "value": '"\\u0000"'}, "null character"),
        ({"key": "watermark", "value": "1"}, "is there already"),
    ],
)
def test_what_cannot_be_kept_is_said_and_stays_in_the_form(user: Client, given: dict[str, str], says: str):
    answer = user.post("/assets/7/state-store/edit", given, headers=FETCH)
    assert (answer.status_code, says in answer.content.decode()) == (422, True)
    assert set(kept()) == {"watermark"}


def test_keys_are_deleted_one_by_one_and_all_at_once(user: Client):
    for key in ("a", "b"):
        user.post("/assets/7/state-store/edit", {"key": key, "value": "1"})
    assert "<b" in user.get("/assets/7/state-store/delete?key=a", headers=FETCH).content.decode()
    user.post("/assets/7/state-store/delete", {"key": "a"})
    assert set(kept()) == {"b", "watermark"}
    assert user.get("/assets/7/state-store/delete?key=a").status_code == 404
    assert "All 2 keys" in user.get("/assets/7/state-store/delete", headers=FETCH).content.decode()
    user.post("/assets/7/state-store/delete")
    assert kept() == {}
    assert "Nothing remembered" in user.get("/assets/7/state-store").content.decode()


def test_the_number_of_queries_does_not_grow_with_the_keys(viewer: Client, asset: Asset, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as few:
        viewer.get("/assets/7/state-store")
    for number in range(20):
        asset_store.put(asset.pk, f"k{number}", 1, by={"kind": "api"}, now=DAY)
    with django_assert_num_queries(len(few)):
        viewer.get("/assets/7/state-store")
