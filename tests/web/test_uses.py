"""Where variables, connections, pools and queues are used: by sources, and by what tasks asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from dags_app import secrets, uses
from dags_app.models import Dag, Pool, Use, Variable
from dags_app.trees import Tree
from dags_app.versions import load_spec
from orchestrator.web import uses as shown
from runs_app import answers
from runs_app.reads import Reads, of_this_process
from tests.support import factories

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SOURCE = b"""
Variable.get("region"); Variable.get("maybe", default=1)
BashOperator(task_id="a", bash_command="{{ conn.warehouse.host }}")
"""


@pytest.fixture
def shop(db: None) -> Dag:
    spec = factories.make_spec("shop", {"a": (), "b": ("a",)}, tasks={"pool": "small", "queue": "gpu"})
    dag = factories.make_dag(spec=spec)
    uses.store({"shop": load_spec(dag.version_id)}, Tree({"shop.py": SOURCE}))
    return dag


def found() -> set[tuple[str, str, str]]:
    return set(Use.objects.filter(in_source=True).values_list("kind", "name", "task_id"))


def test_a_version_says_what_its_sources_name(shop: Dag):
    assert found() == {
        ("variable", "region", ""),
        ("variable", "maybe", ""),
        ("connection", "warehouse", "a"),
        *{("pool", "small", task) for task in "ab"},
        *{("queue", "gpu", task) for task in "ab"},
    }
    shop.refresh_from_db()
    assert shop.uses_known


def test_the_next_version_replaces_that_and_keeps_what_was_read(shop: Dag):
    uses.note_reads({("variable", "region", "shop", ""): NOW})
    uses.store({"shop": load_spec(shop.version_id)}, Tree({"shop.py": b'Variable.get("other")'}))
    assert {name for kind, name, _ in found() if kind == "variable"} == {"other"}
    row = Use.objects.get(name="region")
    assert (row.in_source, row.read_at) == (False, NOW)
    assert not Use.objects.filter(name="maybe").exists()


def test_what_a_task_asks_for_is_written_once_a_minute_and_not_when_it_asks(shop: Dag, django_assert_num_queries):
    reads = Reads()
    with django_assert_num_queries(0):
        for _ in range(3):
            reads.note("variable", "region", "shop", "a", NOW)
    assert reads.write() == 1
    reads.note("variable", "region", "shop", "a", NOW + timedelta(seconds=59))
    assert reads.write() == 0
    reads.note("variable", "region", "shop", "a", NOW + timedelta(seconds=60))
    reads.note("variable", "region", "gone", "a", NOW)
    assert reads.write() == 2
    assert Use.objects.get(name="region", task_id="a").read_at == NOW + timedelta(seconds=60)


def test_the_answer_to_a_task_notes_the_read(shop: Dag, monkeypatch):
    monkeypatch.setattr(of_this_process, "pending", {})
    monkeypatch.setattr(of_this_process, "written", {})
    secrets.set_variable("dynamic", "1")
    answers.answer(answers.Scope("shop", 1, "r", "b"), "variable", {"key": "dynamic"})
    answers.answer(answers.Scope("shop", 1, "r", "b"), "variable", {"key": "absent"})
    assert of_this_process.write() == 1
    row = Use.objects.get(name="dynamic")
    assert (row.dag_id, row.task_id, row.in_source) == ("shop", "b", False)


def test_lists_say_who_uses_what_and_what_nobody_does(shop: Dag, client_of):
    op = client_of("op")
    secrets.set_variable("region", "x")
    secrets.set_variable("old", "x")
    Variable.objects.filter(pk="old").update(updated_at=timezone.now() - timedelta(days=91))
    used = op.get("/variables").context["used"]
    assert (used["region"].dags, used["region"].is_unused) == (1, False)
    assert (used["old"].dags, used["old"].is_unused) == (0, True)
    page = op.get("/connections/c/uses")
    assert page.status_code == 404
    assert "shop" in op.get("/variables/region/uses").content.decode()
    assert "gpu" in op.get("/queues/gpu/uses").content.decode()


def test_what_sources_name_and_nobody_has_is_told_with_the_dags(shop: Dag, client_of, monkeypatch):
    op = client_of("op")
    assert [(each.name, each.dags) for each in op.get("/variables").context["missing"]] == [("region", ["shop"])]
    assert [each.name for each in op.get("/pools").context["missing"]] == ["small"]
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "http://x")
    assert op.get("/connections").context["missing"] == []
    monkeypatch.setenv("AIRFLOW_VAR_REGION", "x")
    Pool.objects.create(name="small", slots=1)
    assert op.get("/variables").context["missing"] == op.get("/pools").context["missing"] == []


def test_uses_are_those_of_dags_that_one_may_see_and_that_are_there(shop: Dag, viewer: Client):
    nobody = factories.make_user("")
    assert not shown.by_dag(nobody, "pool", "small")
    Dag.objects.update(is_stale=True)
    assert not shown.by_dag(factories.make_user("viewer"), "pool", "small")
