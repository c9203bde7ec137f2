"""What a run's tasks returned, for whoever waited for it."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.http import QueryDict

from dags_app.versions import load_spec
from orchestrator import access


def wanted(query: QueryDict, version_pk: int) -> list[str]:
    """The tasks that ``result`` names; without it those whose return the DAG calls its result. Empty asks for none."""
    if "result" in query:
        return [each for each in query.getlist("result") if each]
    tasks = load_spec(version_pk).tasks.values()
    return [each.task_id for each in tasks if each.display.get("returns_dag_result")]


def of_run(user: Any, run_pk: int, task_ids: list[str]) -> dict[str, Any]:
    """What these tasks returned; of a mapped one, of all its instances in a list."""
    if not task_ids:
        return {}
    rows = access.visible_xcoms(user).filter(run=run_pk, key="return_value", task_id__in=task_ids)
    found: dict[str, Any] = {}
    values = rows.order_by("task_id", "map_index").values_list("task_id", "map_index", "value")
    for task_id, group in groupby(values, key=lambda row: row[0]):
        entries = list(group)
        found[task_id] = entries[0][2] if entries[0][1] < 0 else [each[2] for each in entries]
    return found
