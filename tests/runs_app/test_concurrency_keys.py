"""At most so many task instances with one key at once, whatever their DAGs and runs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.utils import timezone

from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import DAG, task
from orchestrator.sdk.exceptions import DagError
from runs_app.claim import claim
from runs_app.models import DagRun, TaskInstance
from tests.runs_app.engine import end, play, python_dag, slot, start, state_of, states, take
from tests.runs_app.test_races import _default_pool, _no_messages, at_once  # noqa: F401
from tests.support import factories

pytestmark = pytest.mark.django_db(transaction=True)

TENANT = {"concurrency_key": "tenant {{ params.tenant }}", "concurrency_limit": 2}


def tenant_run(dag_id: str, tenant: str, **tasks: Any) -> DagRun:
    dag = python_dag(dag_id, {"a": (), "b": (), "c": ()}, params={"tenant": "none"}, tasks={**TENANT, **tasks})
    return start(dag, conf={"tenant": tenant})


def keys(run: DagRun) -> dict[tuple[str, int], str | None]:
    rows = TaskInstance.objects.filter(run=run).values_list("task_id", "map_index", "concurrency_key")
    return {(task_id, index): key for task_id, index, key in rows}


def test_tasks_of_one_key_share_its_limit_across_dags():
    one, two, other = tenant_run("one", "acme"), tenant_run("two", "acme"), tenant_run("three", "bolt")
    assert set(keys(one).values()) == {"tenant acme"}
    claimer = slot()
    rows = [take(claimer) for _ in range(6)]
    assert rows[4:] == [None, None]
    running = TaskInstance.objects.filter(state="running").values_list("concurrency_key", flat=True)
    assert Counter(running) == {"tenant acme": 2, "tenant bolt": 2}
    end(rows[0], "success")
    assert take(claimer)["dag_id"] in {"one", "two"}
    assert take(claimer) is None
    assert state_of(other) == "running" and state_of(two) == "running"


def test_each_task_goes_by_its_own_limit():
    tenant_run("one", "acme", concurrency_limit=1)
    tenant_run("two", "acme", concurrency_limit=3)
    claimer = slot()
    assert [take(claimer)["dag_id"] for _ in range(3)] == ["one", "two", "two"]
    assert take(claimer) is None


def test_a_task_without_a_key_is_held_back_by_none():
    tenant_run("one", "acme", concurrency_limit=1)
    start(python_dag("free", {"a": (), "b": ()}))
    claimer = slot()
    assert Counter(take(claimer)["dag_id"] for _ in range(3)) == {"one": 1, "free": 2}
    assert take(claimer) is None


def test_each_index_of_a_mapped_task_has_its_own_key():
    @task(concurrency_key="shard {{ map_index }}")
    def load(table: str) -> None: ...

    with DAG("mapped") as dag:
        load.expand(table=["x", "y", "z"])
    dag = factories.make_dag(spec=dag.to_spec())
    run, again = start(dag), start(dag)
    assert keys(run) == {("load", index): f"shard {index}" for index in range(3)}
    claimer = slot()
    assert sorted(take(claimer)["map_index"] for _ in range(3)) == [0, 1, 2]
    assert take(claimer) is None, "the second run's are those of the first"
    assert set(states(again).values()) == {"scheduled"}


def test_a_key_is_given_back_by_whatever_ends_or_defers_the_task():
    tenant_run("one", "acme", concurrency_limit=1)
    claimer = slot()
    end(take(claimer), "deferred", trigger={"classpath": "x.Y", "kwargs": {}, "method": "go"})
    end(take(claimer), "failed")
    assert take(claimer) is not None


def test_many_slots_at_once_never_exceed_a_key_and_use_it():
    runs = [tenant_run(f"dag{number}", "acme", concurrency_limit=3) for number in range(6)]
    most: list[int] = []

    def drain(claimer: Any) -> int:
        done = 0
        while any(state_of(run) == "running" for run in runs):
            row = claim(claimer, timezone.now())
            if row is None:
                continue
            most.append(TaskInstance.objects.filter(state="running", concurrency_key="tenant acme").count())
            end(row, "success")
            done += 1
        return done

    slots = [slot() for _ in range(6)]
    assert sum(at_once(*(lambda each=each: drain(each) for each in slots))) == 18
    assert max(most) <= 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"concurrency_key": "{{ params.tennant }}"}, "no param 'tennant'"),
        ({"concurrency_key": "{{ now() }}"}, "without calls"),
        ({"concurrency_key": "k", "concurrency_limit": 0}, "cannot be less than 1"),
        ({"concurrency_key": "k", "concurrency_limit": "2"}, "must be an integer"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_at_import(arguments, told):
    with pytest.raises(DagError, match=told), DAG("odd", params={"tenant": 1}) as dag:
        PythonOperator(task_id="t", python_callable=print, **arguments)
        dag.to_spec()


def test_a_dag_of_keyed_tasks_runs_to_its_end():
    run = tenant_run("one", "acme", concurrency_limit=1)
    assert sorted(play(slot())) == ["a", "b", "c"]
    assert state_of(run) == "success"
