"""What authors write, as data."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from orchestrator.core.errors import AirflowTimetableInvalid
from orchestrator.core.serde import dag_from_json, dag_to_json
from orchestrator.operators.empty import EmptyOperator
from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import DAG, Label, TaskGroup, chain, dag, task, task_group
from orchestrator.sdk.exceptions import DagError, DuplicateTaskIdFound


def test_arrows_results_and_groups_become_upstream():
    with DAG("d", default_args={"retries": 2, "retry_delay": timedelta(seconds=5)}) as made:
        start = EmptyOperator(task_id="start")

        @task
        def double(x):
            return x * 2

        with TaskGroup("g") as group:
            a = EmptyOperator(task_id="a")
            b = EmptyOperator(task_id="b")
            a >> b
        start >> Label("go") >> group
        group >> double(double(3))
    spec = made.to_spec()
    assert {name: each.upstream for name, each in spec.tasks.items()} == {
        "start": (),
        "g.a": ("start",),
        "g.b": ("g.a",),
        "double": (),
        "double__1": ("double", "g.b"),
    }
    assert spec.tasks["g.a"].retries == 2 and spec.tasks["g.a"].retry_delay == 5.0
    assert spec.edge_labels == {"start": {"g.a": "go"}}
    assert dag_from_json(json.loads(json.dumps(dag_to_json(spec)))) == spec


def test_a_mapped_task_says_where_its_length_comes_from():
    @dag(schedule=None)
    def mapped():
        @task
        def numbers():
            return [1, 2]

        @task
        def add(a, b):
            return a + b

        add.partial(b=1).expand(a=numbers())
        PythonOperator.partial(task_id="p", python_callable=print).expand(op_args=[[1], [2], [3]])

    spec = mapped().to_spec()
    assert spec.tasks["add"].upstream == ("numbers",)
    assert spec.tasks["add"].map.inputs["a"].kind == "xcom"
    assert spec.tasks["p"].map.inputs["op_args"].length == 3


def test_a_mapped_group_waits_for_what_it_maps_over():
    with DAG("d") as made:

        @task
        def numbers():
            return [1, 2]

        @task
        def show(x):
            print(x)

        @task_group
        def each(x):
            show(x)

        each.expand(x=numbers())
    spec = made.to_spec()
    assert spec.groups["each"].map.inputs["x"].task_id == "numbers"
    assert spec.tasks["each.show"].upstream == ("numbers",)
    assert spec.mapped_group_of["each.show"] == "each"


def test_a_cycle_is_refused_with_its_path():
    with DAG("d") as made:
        chain(EmptyOperator(task_id="a"), EmptyOperator(task_id="b"), EmptyOperator(task_id="c"))
        made.get_task("c") >> made.get_task("a")
    with pytest.raises(DagError, match="cycle: a -> b -> c -> a"):
        made.to_spec()


def test_a_second_task_of_the_same_id_is_refused():
    with DAG("d"):
        EmptyOperator(task_id="a")
        with pytest.raises(DuplicateTaskIdFound, match="'a' has already been added"):
            EmptyOperator(task_id="a")


def test_a_bad_cron_expression_names_itself():
    with pytest.raises(AirflowTimetableInvalid, match="61 \\* \\* \\* \\*"):
        DAG("d", schedule="61 * * * *", start_date=datetime(2024, 1, 1)).to_spec()


def test_unknown_arguments_are_refused_by_name():
    with pytest.raises(TypeError, match="bogus"):
        EmptyOperator(task_id="a", bogus=1)
