"""The pages of assets."""

from __future__ import annotations

import pytest

from dags_app.models import Asset, Dag
from orchestrator import sdk
from runs_app.models import AssetEvent, DagRun
from tests.runs_app.test_assets import event, make, produce
from tests.support import factories

pytestmark = pytest.mark.django_db
A, B = sdk.Asset("a", "s3://a", extra={"password": "hunter22"}), sdk.Asset("b")


@pytest.fixture(autouse=True)
def _no_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.wake._send", lambda *args: None)


@pytest.fixture
def world(client):
    client.force_login(factories.make_user("user"))
    make("p", outlets=[A, sdk.AssetAlias("x")])
    make("c", schedule=A & B)
    produce(Dag.objects.get(pk="p"), {"asset": ["a", "s3://a/"], "extra": {"rows": 3}})
    return client


def address(name: str, end: str = "") -> str:
    return f"/assets/{Asset.objects.get(name=name).pk}{end}"


def test_the_list_shows_who_makes_and_waits(world):
    text = world.get("/assets").content.decode()
    assert "p.t" in text and ">c<" in text and "none yet" in text
    assert "hunter22" not in text
    assert "No asset fits" in world.get("/assets?q=zzz").content.decode()
    Asset.objects.filter(name="b").update(is_active=False)
    assert address("b") not in world.get("/assets").content.decode()
    assert address("b") in world.get("/assets?gone=true").content.decode()


def test_an_asset_shows_its_events_and_who_waits(world):
    text = world.get(address("a")).content.decode()
    assert "&quot;rows&quot;: 3" in text and "p.t" in text and "waits for others" in text
    assert "hunter22" not in text
    event("b")
    run = DagRun.objects.get(dag_id="c")
    assert f"/dags/c/runs/{run.run_id}" in world.get(address("b") + "?part=events").content.decode()
    assert world.get("/assets/999999").status_code == 404


def test_an_event_is_made_from_the_page(world):
    assert "Create event" in world.get(address("b", "/event")).content.decode()
    for extra in ("{", "[]"):
        answer = world.post(address("b", "/event"), {"extra": extra})
        assert answer.status_code == 422 and "JSON" in answer.content.decode()
    answer = world.post(address("b", "/event"), {"extra": '{"n": 1}'}, follow=True)
    assert "b has a new event: 1 run." in answer.content.decode()
    assert AssetEvent.objects.get(asset__name="b").extra == {"n": 1, "from_page": True}


def test_an_asset_is_materialized_from_the_page(world):
    answer = world.post(address("a", "/materialize"))
    run = DagRun.objects.get(run_type="asset_materialization")
    assert answer["Location"] == f"/dags/p/runs/{run.run_id}"
    answer = world.post(address("b", "/materialize"))
    assert answer.status_code == 422 and "No Dag materializes" in answer.content.decode()


def test_a_dag_shows_which_assets_are_missing(world):
    text = world.get("/dags/c").content.decode()
    assert "1 of 2</b> assets changed" in text and "still missing" in text


def test_a_dag_shows_the_partitions_that_are_collected(world):
    timetable = sdk.PartitionedAssetTimetable(assets=A & B)
    make("keyed", schedule=timetable)
    Dag.objects.filter(pk="keyed").update(is_partitioned=True)
    event("a", key="2026-03-01")
    text = world.get("/dags/keyed").content.decode()
    assert "2026-03-01 <b>1/2</b>" in text and "a: 1 of 1, b: 0 of 1" in text
