"""The panels that say why something does not run."""

from __future__ import annotations

import pytest
from django.test import Client

from dags_app.models import Dag
from tests.runs_app import engine
from tests.support import factories

pytestmark = pytest.mark.django_db


def test_a_task_that_waits_says_why_and_links_what_holds_it(viewer: Client):
    run = engine.start(engine.python_dag("shop", {"a": (), "b": ("a",)}), run_id="r1")
    text = viewer.get("/dags/shop/runs/r1/tasks/b").content.decode()
    assert "Why it does not run" in text
    assert "It waits by its rule all_success of 1 upstream: 1 not done: a (scheduled)." in text
    assert 'class="chip" href="/dags/shop/runs/r1/tasks/a"' in text
    slot = engine.slot()
    engine.take(slot)
    text = viewer.get(f"/dags/shop/runs/{run.run_id}/tasks/a").content.decode()
    assert "Why it does not run" not in text


def test_a_run_of_which_nothing_runs_says_why(viewer: Client):
    run = engine.start(engine.python_dag("shop", {"a": (), "b": ("a",)}, max_active_runs=1), run_id="r1")
    text = viewer.get("/dags/shop/runs/r1").content.decode()
    assert "Why nothing of it runs" in text
    assert "No worker slot takes queue &#x27;default&#x27;; none is alive at all." in text
    engine.start(run.dag, run_id="r2", logical_date=factories.DAY)
    text = viewer.get("/dags/shop/runs/r2").content.decode()
    assert "Why it has not started" in text
    assert 'class="chip" href="/dags/shop/runs/r1"' in text
    engine.take(engine.slot())
    assert "Why nothing of it runs" not in viewer.get("/dags/shop/runs/r1").content.decode()


def test_the_details_of_a_dag_say_what_it_waits_for(viewer: Client):
    engine.python_dag("shop", {"a": ()})
    Dag.objects.update(is_paused=True)
    text = viewer.get("/dags/shop/details").content.decode()
    assert "DAG &#x27;shop&#x27; is paused" in text
    assert "The DAG has no schedule: it runs when it is triggered." in text


def test_what_never_ran_names_the_task_that_failed_and_leads_to_it(viewer: Client):
    dag = engine.python_dag("shop", {"a": (), "b": ("a",), "c": ("b",), "d": ()})
    states = {"a": "failed", "b": "upstream_failed", "c": "upstream_failed", "d": "failed"}
    factories.make_run(dag, "r1", state="failed", states=states)
    for task_id in ("b", "c"):
        shown = viewer.get(f"/dags/shop/runs/r1/tasks/{task_id}").context["blamed"]
        assert [each.task_id for each in shown] == ["a"], task_id
    page = viewer.get("/dags/shop/runs/r1/tasks/c").content.decode()
    assert '<a class="link" href="/dags/shop/runs/r1/tasks/a">a</a>' in page
    assert viewer.get("/dags/shop/runs/r1/tasks/a").context["blamed"] == []
