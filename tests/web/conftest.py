"""Browsers without a browser: Django's client for each persona, and a DAG with something of everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from dags_app.models import Dag
from orchestrator.operators.bash import BashOperator
from orchestrator.sdk import DAG, Label, Param, TaskGroup, task
from runs_app.models import DagRun
from tests.support import factories

SOURCE = 'from orchestrator.sdk import DAG\n\n"""Two\nlines"""\n'


def sign_in(role: str) -> Client:
    """Return a client signed in as somebody of the role ("" = without one, "anonymous" = not at all)."""
    client = Client()
    if role != "anonymous":
        client.force_login(factories.make_user(role))
    return client


@pytest.fixture
def client_of(db: None) -> Callable[[str], Client]:
    return sign_in


@pytest.fixture
def viewer(db: None) -> Client:
    return sign_in("viewer")


@pytest.fixture
def user(db: None) -> Client:
    return sign_in("user")


def shop_spec(dag_id: str = "shop", **arguments: Any) -> Any:
    """A DAG with a group, a mapped task, an edge label and params."""
    params = {"region": Param("north", enum=["north", "south"]), "limit": Param(3, type="integer", minimum=1)}
    with DAG(dag_id, params=params, doc_md="# Shop", **arguments) as dag:
        first = BashOperator(task_id="extract", bash_command="true")
        with TaskGroup("checks") as checks:
            BashOperator(task_id="sums", bash_command="true")

        @task
        def load(row: int) -> None: ...

        first >> Label("rows") >> checks >> load.expand(row=[1, 2, 3])
    return dag.to_spec()


@pytest.fixture
def shop(db: None) -> Dag:
    return factories.make_dag(spec=shop_spec(), source=SOURCE, tags=("sales",))


@pytest.fixture
def shop_run(shop: Dag) -> DagRun:
    """A failed run: extract ran and left a log, an XCom and rendered fields; load was expanded to three."""
    run = factories.make_run(shop, "first", state="failed", states={"extract": "success", "checks.sums": "failed"})
    extract = factories.instance_of(run, "extract")
    factories.make_attempt(extract, lines=("hello", "world"), cpu_seconds=0.2, peak_bytes=30_000_000)
    factories.make_xcom(extract, {"rows": [1, 2, 3]})
    factories.make_rendered(extract, bash_command="echo north")
    factories.make_mapped(run, "load", 3, state="upstream_failed")
    return run
