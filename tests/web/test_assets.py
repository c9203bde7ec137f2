"""The pages of assets."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dags_app.models import Asset, AssetAlias, Dag
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
    gone = world.get("/assets?gone=true").content.decode()
    assert address("b") in gone and address("a") not in gone
    every = world.get("/assets?only_active=false").content.decode()
    assert address("b") in every and address("a") in every


@pytest.mark.parametrize(
    ("query", "names"),
    [
        *[("name_pattern=A", "a"), ("uri_pattern=3://&anywhere=on", "a"), ("uri_pattern=3://", "")],
        *[("dag_id=p", "a"), ("dag_id_pattern=c", "a b"), ("dag_id=nobody", ""), ("group=asset", "a b")],
        *[("last_event_gte=2020-01-01", "a"), ("last_event_lte=2020-01-01", ""), ("q=s3", "a")],
    ],
)
def test_the_list_is_filtered_by_its_address(world, query, names):
    page = world.get(f"/assets?{query}")
    assert [row["asset"].name for row in page.context["rows"]] == names.split()
    assert page.context["filters"].chips
    if not names:
        assert "No asset fits" in page.content.decode()


def test_the_list_is_filtered_by_dags_that_name_by_name_or_alias(world):
    make("named", schedule=sdk.Asset.ref(name="b"))
    make("aliased", schedule=sdk.AssetAlias("x"))
    AssetAlias.objects.get(name="x").assets.add(Asset.objects.get(name="a"))
    for dag_id, name in (("named", "b"), ("aliased", "a")):
        page = world.get(f"/assets?dag_id={dag_id}")
        assert [row["asset"].name for row in page.context["rows"]] == [name]
        assert dag_id in [dag.pk for dag in page.context["rows"][0]["around"].scheduled]


def test_the_list_is_sorted_and_paged_by_its_address(world):
    def names(query: str) -> list[str]:
        return [row["asset"].name for row in world.get(f"/assets?{query}").context["rows"]]

    assert names("sort=-name") == ["b", "a"] and names("sort=last_event") == ["a", "b"]
    for number in range(30):
        factories.make_asset(f"more_{number:02}")
    assert names("limit=25&page=2&sort=name")[-1] == "more_29"


def test_the_list_takes_as_many_queries_for_many_assets(world):
    def count() -> int:
        with CaptureQueriesContext(connection) as found:
            assert world.get("/assets").status_code == 200
        return len(found)

    few = count()
    for number in range(20):
        factories.make_asset(f"more_{number}", producer=Dag.objects.get(pk="p"), consumer=Dag.objects.get(pk="c"))
    assert count() == few


def test_the_lineage_of_an_asset_has_states_and_times(world):
    graph = world.get(address("a", "/graph.json")).json()
    rows = {row["id"]: row for row in graph["rows"]}
    a, b = (f"asset:{Asset.objects.get(name=name).pk}" for name in "ab")
    alias = f"alias:{AssetAlias.objects.get().pk}"
    assert set(rows) == {a, b, "dag:p", "dag:c", alias}
    assert {tuple(edge) for edge in graph["edges"]} == {("dag:p", a), ("dag:p", alias), (a, "dag:c"), (b, "dag:c")}
    assert rows[a]["at"] and rows[a]["here"] and rows[b]["at"] is None
    assert rows["dag:p"]["state"] == "success" and rows["dag:c"]["state"] == "none"
    assert rows["dag:c"]["tooltip"] == "1 of 2 changed since its last run"


def test_the_lineage_by_tasks_shows_who_makes_and_reads(world):
    make("reader", inlets=[A])
    graph = world.get(address("a", "/graph.json?dependencies=data")).json()
    a = f"asset:{Asset.objects.get(name='a').pk}"
    assert {tuple(edge) for edge in graph["edges"]} == {("task:p:t", a), (a, "task:reader:t")}
    rows = {row["id"]: row for row in graph["rows"]}
    assert rows["task:p:t"]["state"] == "success" and rows["task:p:t"]["group"] == "dag:p"
    assert rows["dag:p"]["kind"] == "group"


def test_the_graph_of_the_list_follows_its_filters(world):
    make("far", outlets=[sdk.Asset("far")])
    page = world.get("/assets?view=graph&name_pattern=b").content.decode()
    assert "graph-json" in page and "Name: " in page
    graph = world.get("/assets/graph.json?name_pattern=b").json()
    assert {row["label"] for row in graph["rows"]} == {"b", "c"}
    assert "far" in {row["label"] for row in world.get("/assets/graph.json").json()["rows"]}


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
