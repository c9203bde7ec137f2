"""The graph's data: one run's states, a version's shape, and what lies outside of the DAG."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dags_app.models import Dag
from orchestrator.operators.external_task import ExternalTaskSensor
from orchestrator.operators.trigger_dagrun import TriggerDagRunOperator
from orchestrator.sdk import DAG, Asset
from runs_app.models import DagRun
from tests.support import factories


def edges_of(client: Client, address: str) -> set[tuple[str, str]]:
    return {(each[0], each[1]) for each in client.get(address).json()["edges"]}


def chained() -> Dag:
    """first triggers second and is scheduled on an asset that third makes; second waits for fourth."""
    with DAG("first") as dag:
        TriggerDagRunOperator(task_id="go", trigger_dag_id="second")
    first = factories.make_dag(spec=dag.to_spec())
    with DAG("second") as dag:
        ExternalTaskSensor(task_id="wait", external_dag_id="fourth")
    second = factories.make_dag(spec=dag.to_spec())
    third = factories.make_dag("third")
    factories.make_dag("fourth")
    factories.make_dag("alone")
    factories.make_asset("orders", pk=5000, producer=third, consumer=first)
    factories.make_run(second, state="failed", states={})
    return first


def test_times_are_of_all_instances_and_open_while_one_runs(viewer: Client, shop_run: DagRun):
    made = factories.make_mapped(shop_run, "load", 3)
    start = made[0].run.run_after
    factories.set_state(made[1], "running", started_at=start + timedelta(seconds=2))
    times = viewer.get("/dags/shop/graph.json").json()["times"]
    assert times["load"][1] is None
    assert times["load"][2:] == [1, 3]
    assert times["extract"][1] is not None


def test_a_version_is_shown_with_the_states_of_its_own_newest_run(viewer: Client, shop: Dag, shop_run: DagRun):
    factories.make_version(shop, factories.make_spec("shop", {"only": ()}))
    factories.make_run(shop, "second")
    old = viewer.get("/dags/shop/graph.json?version_number=1").json()
    assert old["run"]["run_id"] == "first"
    assert "extract" in {row["id"] for row in old["rows"]}
    assert viewer.get("/dags/shop/graph.json").json()["run"]["run_id"] == "second"
    assert viewer.get("/dags/shop/graph?version_number=9").status_code == 404
    assert viewer.get("/dags/shop/graph?version_number=x").status_code == 404


def test_external_conditions_are_what_the_tasks_touch(viewer: Client):
    chained()
    assert edges_of(viewer, "/dags/first/graph.json?dependencies=immediate") == {
        ("asset:5000", "go"),
        ("go", "dag:second"),
    }
    rows = viewer.get("/dags/first/graph.json?dependencies=immediate").json()["rows"]
    assert {row["id"]: row.get("state") for row in rows}["dag:second"] == "failed"
    waits = edges_of(viewer, "/dags/second/graph.json?dependencies=immediate")
    assert waits == {("dag:fourth", "wait")}
    assert edges_of(viewer, "/dags/third/graph.json?dependencies=immediate") == {("a", "b"), ("a", "asset:5000")}


def test_an_expression_of_several_assets_is_one_condition(viewer: Client):
    one, two = Asset("one"), Asset("two")
    with DAG("both", schedule=(one | two)) as dag:
        ExternalTaskSensor(task_id="wait", external_dag_id="nowhere")
    made = factories.make_dag(spec=dag.to_spec(), asset_expression=(one | two).as_expression())
    found = edges_of(viewer, "/dags/both/graph.json?dependencies=immediate")
    condition = next(above for above, below in found if below == "wait")
    assert {above for above, below in found if below == condition} == {"asset:one", "asset:two"}
    assert made.pk == "both"


def test_all_dependencies_reach_as_far_as_dags_are_connected(viewer: Client):
    chained()
    found = viewer.get("/dags/first/graph.json?dependencies=all").json()
    assert {row["id"] for row in found["rows"]} == {"dag:first", "dag:second", "dag:third", "dag:fourth", "asset:5000"}
    assert {tuple(each) for each in found["edges"]} == {
        ("dag:third", "asset:5000"),
        ("asset:5000", "dag:first"),
        ("dag:first", "dag:second"),
        ("dag:fourth", "dag:second"),
    }
    assert [row["id"] for row in found["rows"] if row["here"]] == ["dag:first"]


def test_what_is_not_there_or_makes_no_sense_is_no_error(viewer: Client, shop: Dag):
    assert viewer.get("/dags/shop/graph?dependencies=nonsense").status_code == 200
    assert len(viewer.get("/dags/shop/graph.json?dependencies=all").json()["rows"]) == 1


def test_dependencies_take_as_many_queries_for_many_dags(viewer: Client):
    def count() -> int:
        viewer.get("/dags/first/graph.json?dependencies=all")  # versions are read once a process
        with CaptureQueriesContext(connection) as found:
            assert viewer.get("/dags/first/graph.json?dependencies=all").status_code == 200
        return len(found)

    first = chained()
    few = count()
    for number in range(12):
        other = factories.make_dag(f"more_{number}")
        factories.make_asset(f"asset_{number}", producer=other, consumer=first)
    assert count() == few
