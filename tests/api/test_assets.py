"""Assets over the API, in Airflow's shapes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from dags_app.models import Asset, AssetAlias, AuditEntry
from orchestrator import sdk
from runs_app.models import AssetEvent, DagRun, QueuedEvent
from tests.runs_app.engine import play, slot
from tests.runs_app.test_assets import event, make, produce

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]
A, B = sdk.Asset("a", "s3://a", extra={"owner": "me", "password": "hunter22"}), sdk.Asset("b")


@pytest.fixture
def invitations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.wake._send", lambda *args: None)


def id_of(name: str) -> int:
    return Asset.objects.get(name=name).pk


def test_an_asset_shows_who_makes_and_uses_it(api):
    make("p", outlets=[A, sdk.AssetAlias("x")])
    make("c", schedule=A & B, outlets=[sdk.Asset.ref(name="a")])
    event("a")
    found = api.call("get", "assets", order_by="name")
    assert found["total_entries"] == 2
    asset = found["assets"][0]
    assert asset.keys() == {
        *("id", "name", "uri", "group", "extra", "created_at", "updated_at", "scheduled_dags", "producing_tasks"),
        *("consuming_tasks", "aliases", "watchers", "last_asset_event"),
    }
    assert (asset["name"], asset["uri"], asset["group"]) == ("a", "s3://a/", "asset")
    assert asset["extra"]["owner"] == "me" and "hunter22" not in str(asset)
    assert [each["dag_id"] for each in asset["scheduled_dags"]] == ["c"]
    assert [(each["dag_id"], each["task_id"]) for each in asset["producing_tasks"]] == [("c", "t"), ("p", "t")]
    assert asset["last_asset_event"]["id"] == AssetEvent.objects.get().pk
    assert found["assets"][1]["last_asset_event"] == {"id": None, "timestamp": None}
    assert api.call("get", f"assets/{asset['id']}") == asset
    assert "was not found" in api.call("get", "assets/999999", status=404)["detail"]


def test_assets_are_found_by_name_uri_dag_and_whether_they_are_active(api):
    make("p", outlets=[A])
    make("c", schedule=[B])
    Asset.objects.filter(name="b").update(is_active=False)

    def names(**query: Any) -> list[str]:
        return [each["name"] for each in api.call("get", "assets", **query)["assets"]]

    assert names() == ["a"] and names(only_active="false", order_by="-name") == ["b", "a"]
    assert names(uri_pattern="S3") == ["a"] and names(name_pattern="z") == []
    assert names(dag_ids=["c", "p"], only_active="false") == ["a", "b"] and names(dag_ids="c") == []
    api.call("get", "assets", None, 400, order_by="color")


def test_aliases_are_listed(api):
    make("p", outlets=[sdk.AssetAlias("x", group="g")])
    found = api.call("get", "assets/aliases")
    pk = AssetAlias.objects.get().pk
    assert found == {"asset_aliases": [{"id": pk, "name": "x", "group": "g"}], "total_entries": 1}
    assert api.call("get", f"assets/aliases/{pk}") == found["asset_aliases"][0]
    api.call("get", "assets/aliases/999999", status=404)


def test_events_show_their_source_and_the_runs_made_for_them(api):
    make("c", schedule=[A])
    produce(make("p", outlets=[A]), {"asset": ["a", "s3://a/"], "extra": {"rows": 3}})
    (shown,) = api.call("get", "assets/events")["asset_events"]
    run = DagRun.objects.get(dag_id="c")
    assert (shown["uri"], shown["name"], shown["extra"]) == ("s3://a/", "a", {"rows": 3})
    assert (shown["source_dag_id"], shown["source_task_id"], shown["source_map_index"]) == ("p", "t", -1)
    (made,) = shown["created_dagruns"]
    assert (made["dag_id"], made["run_id"], made["state"], made["triggering"]) == ("c", run.run_id, "running", True)
    assert made["start_date"] is not None and made["logical_date"] is None
    upstream = api.call("get", f"dags/c/dagRuns/{run.run_id}/upstreamAssetEvents")
    assert upstream == {"asset_events": [shown], "total_entries": 1}


def test_only_the_newest_event_of_a_run_triggered_it(api):
    make("c", schedule=A & B)
    event("a")
    event("b")
    found = api.call("get", "assets/events")["asset_events"]
    assert [(each["name"], each["created_dagruns"][0]["triggering"]) for each in found] == [("a", False), ("b", True)]


def test_events_are_found_by_source_asset_and_time(api):
    make("p", outlets=[A, B])
    now = timezone.now()
    event("a", {"n": 1}, now=now - timedelta(days=2))
    event("b", {"n": 2}, now=now)

    def numbers(**query: Any) -> list[int]:
        return [each["extra"]["n"] for each in api.call("get", "assets/events", **query)["asset_events"]]

    assert numbers() == [1, 2] and numbers(order_by="-timestamp", limit=1) == [2]
    assert numbers(asset_id=id_of("a")) == [1] and numbers(name_pattern="b") == [2]
    assert numbers(timestamp_gte=(now - timedelta(days=1)).isoformat()) == [2]
    assert numbers(source_dag_id="p") == []
    api.call("get", "assets/events", None, 422, asset_id="x")


def test_an_event_may_be_made_by_hand(api):
    make("c", schedule=[A])
    found = api.call("post", "assets/events", {"asset_id": id_of("a"), "extra": {"why": "me"}})
    assert found["extra"] == {"why": "me", "from_rest_api": True} and found["source_dag_id"] is None
    assert [each["dag_id"] for each in found["created_dagruns"]] == ["c"]
    assert DagRun.objects.get().asset_events.get().pk == found["id"]
    assert AuditEntry.objects.get().event == "create_asset_event"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"asset_id": "x"}, 422),
        ({"asset_id": 10**12}, 422),
        ({"asset_id": 999999}, 404),
        ({"asset_id": 1, "extra": []}, 422),
        ({"asset_id": 1, "extra": None}, 422),
        ({"asset_id": 1, "partition_key": " "}, 422),
        ({"asset_id": 1, "partition_key": "x" * 251}, 422),
        ({"asset_id": 1, "more": 1}, 422),
    ],
)
def test_an_event_that_cannot_be_says_why(api, body: Any, status: int):
    make("c", schedule=[A])
    if body.get("asset_id") == 1:
        body = {**body, "asset_id": id_of("a")}
    assert api.call("post", "assets/events", body, status)["detail"]
    assert not AssetEvent.objects.exists()


def test_an_asset_is_materialized_by_a_run_of_its_producer(api):
    make("p", outlets=[A])
    make("c", schedule=[A])
    run = api.call("post", f"assets/{id_of('a')}/materialize", {})
    assert (run["dag_id"], run["run_type"], run["triggered_by"]) == ("p", "asset_materialization", "rest_api")
    assert run["logical_date"] is None and run["dag_run_id"].startswith("asset_materialization__")
    with_body = api.call(
        "post", f"assets/{id_of('a')}/materialize", {"dag_run_id": "mine", "note": "n", "conf": {"x": 1}}
    )
    assert (with_body["dag_run_id"], with_body["note"], with_body["conf"]) == ("mine", "n", {"x": 1})
    assert play(slot()) == ["t"] * 4
    assert DagRun.objects.filter(dag_id="c", state="success").count() == 2


def test_an_asset_without_one_producer_is_not_materialized(api):
    make("c", schedule=[A])
    assert "No Dag materializes" in api.call("post", f"assets/{id_of('a')}/materialize", {}, 404)["detail"]
    make("p", outlets=[A])
    make("q", outlets=[A])
    assert "p, q" in api.call("post", f"assets/{id_of('a')}/materialize", {}, 409)["detail"]
    api.call("post", "assets/999999/materialize", {}, 404)


def test_a_dag_without_partitions_takes_no_key(api):
    make("p", outlets=[A])
    for path in (f"assets/{id_of('a')}/materialize", "dags/p/dagRuns"):
        found = api.call("post", path, {"logical_date": None, "partition_key": "k"}, 400)
        assert found["detail"] == "Dag 'p' is not a partitioned Dag and does not accept a partition_key."
    assert not DagRun.objects.exists()


def test_what_waits_for_a_dag_is_listed_and_dropped(api):
    make("c", schedule=A & B)
    make("d", schedule=A & B)
    event("a", {"n": 1})
    pk, at = id_of("a"), QueuedEvent.objects.get(dag="c").created_at
    row = {"dag_id": "c", "asset_id": pk, "dag_display_name": "c"}
    found = api.call("get", "dags/c/assets/queuedEvents")
    assert found["total_entries"] == 1 and row.items() <= found["queued_events"][0].items()
    assert row.items() <= api.call("get", f"dags/c/assets/{pk}/queuedEvents").items()
    assert api.call("get", f"assets/{pk}/queuedEvents")["total_entries"] == 2
    assert api.call("get", f"assets/{pk}/queuedEvents", before=at.isoformat())["total_entries"] == 0
    api.call("delete", "dags/c/assets/queuedEvents", None, 404, before=at.isoformat())
    api.call("delete", f"dags/c/assets/{pk}/queuedEvents", status=204)
    api.call("get", f"dags/c/assets/{pk}/queuedEvents", status=404)
    api.call("delete", f"assets/{pk}/queuedEvents", status=204)
    api.call("delete", f"assets/{pk}/queuedEvents", status=404)
    assert not QueuedEvent.objects.exists()
    event("b", {"n": 2})
    assert not DagRun.objects.exists(), "a was dropped, so the expression does not hold"
    event("a", {"n": 3})
    assert sorted(row.extra["n"] for row in DagRun.objects.get(dag="c").asset_events.all()) == [1, 2, 3]


def test_a_dag_shows_its_assets(api):
    make("p")
    make("c", schedule=A | sdk.AssetAlias("x"))
    about = {"uri": "s3://a/", "name": "a", "group": "asset", "id": id_of("a")}
    shown = api.call("get", "dags/c/details")["asset_expression"]
    assert shown == {"any": [{"asset": about}, {"alias": {"name": "x", "group": "asset"}}]}
    assert api.call("get", "dags/p/details")["asset_expression"] is None

    def ids(**query: Any) -> list[str]:
        return [each["dag_id"] for each in api.call("get", "dags", **query)["dags"]]

    assert ids(has_asset_schedule="true") == ["c"] and ids(has_asset_schedule="false") == ["p"]
    assert ids(asset_dependency="s3:") == ["c"] and ids(asset_dependency="z") == []


def test_runs_are_found_by_the_asset_they_were_made_for(api):
    make("c", schedule=[A])
    make("d", schedule=[B])
    event("a")
    event("b")
    found = api.call("get", "dags/~/dagRuns", consuming_asset_pattern="s3://a")["dag_runs"]
    assert [each["dag_id"] for each in found] == ["c"]


def test_a_deleted_dag_leaves_no_active_asset(api):
    make("p", outlets=[A])
    api.call("delete", "dags/p")
    assert not Asset.objects.get(name="a").is_active
