"""Every answer, for somebody who may have it, is as the API's document says, and holds nothing that it does not tell."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from orchestrator.api.document.build import document
from tests.docs.api_operations import key
from tests.support import factories

from . import routes
from .test_matrix import BODIES, THERE, api_client, ask, fill, prepare, undone, world

__all__ = ["world"]


@cache
def closed() -> dict[str, Any]:
    """The document's schemas, with nothing left open."""
    found = copy.deepcopy(document()["components"])
    for schema in found["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    found["schemas"]["StructuredLogMessage"]["additionalProperties"] = True
    return found


@cache
def operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {key(method, path): each for path, item in document()["paths"].items() for method, each in item.items()}


def test_what_is_answered_is_what_the_document_says(world):
    client, faults, compared = api_client("token", "admin"), [], 0
    for route in sorted(routes.API):
        for method in routes.API[route]:
            operation = operations().get(key(method, route))
            if operation is None:
                continue
            with undone():
                prepare(route)
                answer = ask(client, method, fill(route, {**THERE, **world}), BODIES.get((route, method), {}))
                faults += [(route, method, each) for each in deviations(answer, operation)]
                compared += 1
    assert faults == []
    assert compared > 130


def deviations(answer: Any, operation: dict[str, Any]) -> list[str]:
    """What the document does not say of an answer."""
    status, kind = str(answer.status_code), answer.get("Content-Type", "").partition(";")[0]
    if status not in operation["responses"]:
        return [f"{status}: {answer.content[:300]!r}"]
    content = operation["responses"][status].get("content", {})
    if not content:
        empty = status.startswith(("3", "4")) or not answer.content
        return [] if empty else [f"{status} has a body: {answer.content[:300]!r}"]
    if kind not in content:
        return [f"is {kind!r}"]
    if kind != "application/json":
        return []
    schema = {"components": closed(), **content[kind]["schema"]}
    problems = Draft202012Validator(schema).iter_errors(json.loads(answer.content))
    return [f"{list(each.path)}: {each.message[:300]}" for each in problems]


def test_lists_of_runs_and_tasks_that_hold_something_are_as_the_document_says(world):
    factories.make_run(factories.make_dag("gamma"), "r2", state="cancelled", states={"a": "cancelled", "b": "none"})
    client = api_client("token", "viewer")
    for path, name in (
        ("dags/~/dagRuns", "DAGRunCollectionResponse"),
        ("dags/~/dagRuns/~/taskInstances", "TaskInstanceCollectionResponse"),
        ("dags", "DAGCollectionResponse"),
    ):
        answer = client.get(f"/api/v2/{path}").json()
        schema = {"components": closed(), "$ref": f"#/components/schemas/{name}"}
        assert list(Draft202012Validator(schema).iter_errors(answer)) == []
        assert answer["total_entries"] >= 2
