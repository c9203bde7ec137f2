"""The list of a DAG's tasks."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from dags_app.models import Dag


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
