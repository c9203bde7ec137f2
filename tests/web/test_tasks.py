"""The list of a DAG's tasks, and what run details say of usual times."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client

from dags_app.models import Dag
from orchestrator.web import usual
from runs_app.models import DagRun
from tests.support import factories

from .conftest import shop_spec


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["extract", "checks.sums", "load"]),
        ("task_id_pattern=su", ["checks.sums"]),
        ("task_id_pattern=UMS", []),
        ("task_id_pattern=UMS&anywhere=on", ["checks.sums"]),
        ("operator=@task", ["load"]),
        ("operator=BashOperator&mapped=not_mapped", ["extract", "checks.sums"]),
        ("mapped=mapped", ["load"]),
        ("trigger_rule=all_success&retries=0", ["extract", "checks.sums", "load"]),
        ("retries=7", []),
    ],
)
def test_tasks_are_found_by_name_operator_rule_retries_and_mapping(
    viewer: Client, shop: Dag, query: str, found: list[str]
):
    page = viewer.get(f"/dags/shop/tasks?{query}").content.decode()
    assert re.findall(r'class="to" href="/dags/shop/tasks/([\w.]+)"', page) == found
    assert ("No task fits" in page) == (not found)


def test_run_details_tell_what_runs_usually_take(viewer: Client, shop_run: DagRun):
    assert "P90" not in viewer.get("/dags/shop/runs/first/details").content.decode()
    for number, took in enumerate([10, 20, 20, 100]):
        run = factories.make_run(shop_run.dag, f"done-{number}", state="success")
        DagRun.objects.filter(pk=run.pk).update(
            started_at=factories.DAY, ended_at=factories.DAY + timedelta(seconds=took)
        )
    admin = factories.make_user("admin", "root")
    assert dict(usual.durations(admin, shop_run.dag)) == {
        "mean": 37.5,
        "mode": 20,
        "P50": 20,
        "P90": 100,
        "P95": 100,
        "P99": 100,
    }
    assert "P90 1m 40s" in viewer.get("/dags/shop/runs/first/details").content.decode()


def test_owners_lead_where_they_say_and_nowhere_else(viewer: Client):
    links = {"ada": "mailto:ada@example.org", "eve": "https://example.org/eve"}
    spec = shop_spec(owner_links=links)
    dag = factories.make_dag(spec=replace(spec, owner_links={**links, "mal": "javascript:alert(1)"}))
    Dag.objects.filter(pk=dag.pk).update(owners=["ada", "eve", "mal"])
    page = viewer.get("/dags/shop").content.decode()
    assert 'href="mailto:ada@example.org"' in page and 'href="https://example.org/eve"' in page
    assert "<b>mal</b>" in page and "javascript:" not in page


def test_a_dag_s_file_is_read_again_when_asked(user: Client, viewer: Client, shop: Dag):
    Dag.objects.update(file=None)
    assert user.post("/dags/shop/reparse").status_code == 404  # nothing is known of a file
    file = factories.make_file("shop.py")
    Dag.objects.update(file=file)
    assert 'action="/dags/shop/reparse"' in user.get("/dags/shop").content.decode()
    assert 'action="/dags/shop/reparse"' not in viewer.get("/dags/shop").content.decode()
    assert user.post("/dags/shop/reparse")["Location"] == "/dags/shop"
    file.refresh_from_db()
    assert file.parse_asked


def test_a_group_of_a_run_tells_the_states_of_what_is_in_it(viewer: Client, shop_run: DagRun):
    page = viewer.get("/dags/shop/runs/first")
    groups = {row.task_id: row.inside for row in page.context["rows"] if row.is_group}
    assert groups == {"checks": {"failed": 1}}
    assert dict(page.context["summary"]) == {"failed": 1, "upstream_failed": 3, "success": 1}, "none is counted twice"
