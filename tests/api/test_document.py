"""The API's document: valid, complete, and the same as Airflow's operation by operation."""

from __future__ import annotations

import re
from typing import Any

import pytest
from openapi_spec_validator import validate

from orchestrator.api.document.build import document, operations
from tests.access import routes
from tests.docs.api_operations import AIRFLOW, key

OURS = {key(method, path): each for path, item in document()["paths"].items() for method, each in item.items()}
OPERATIONS = {values[3]: values for values in AIRFLOW["operations"]}
REFUSED = {"enqueue_connection_test", "get_connection_test", "create_default_connections"}
SCHEMAS = document()["components"]["schemas"]


def ours(name: str) -> dict[str, Any]:
    _, method, path, *_ = OPERATIONS[name]
    return OURS[key(method, path)]


def parameters(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in operation["parameters"] if each["in"] == "query"}


def test_the_document_is_valid_and_open_to_everybody(client):
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.json() == document()
    validate(document())


def test_the_document_has_every_operation_and_no_other():
    there = {key(method, route) for route, methods in routes.API.items() for method in methods}
    by_name = {
        key(m, f"connections/{n}") for n in ("test", "defaults", "enqueue-test") for m in ("get", "patch", "delete")
    }
    assert set(OURS) - there == set()
    assert there - set(OURS) == by_name - {key("get", "connections/enqueue-test")}
    names = [each.name for each in operations()]
    assert len(names) == len(set(names))


def test_every_operation_has_the_name_that_airflows_clients_call_it_by():
    for name, (_, _, _, _, tag, *_) in OPERATIONS.items():
        assert (ours(name)["operationId"], ours(name)["tags"]) == (name, [tag])


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_takes_what_airflows_takes(name):
    *_, body, query = OPERATIONS[name]
    found = parameters(ours(name))
    assert set(query) - set(found) == set()
    required = {each for each, kind in query.items() if kind.startswith("*")}
    assert {each for each, parameter in found.items() if parameter["required"]} == required
    if body and name not in REFUSED:
        schema = ours(name)["requestBody"]["content"]["application/json"]["schema"]
        if body.startswith("BulkBody"):
            assert_bulk_fields(schema, body)
        else:
            assert_fields(schema, AIRFLOW["schemas"][body], partial=name.startswith("patch_"))


def assert_fields(schema: dict[str, Any], wanted: dict[str, str], *, partial: bool = False) -> None:
    """What Airflow's body may hold, ours may; what ours must hold, Airflow's must."""
    assert {each.removeprefix("*") for each in wanted} - set(schema["properties"]) == set()
    required = {each.removeprefix("*") for each in wanted if each.startswith("*")}
    assert partial or set(schema.get("required", [])) == required
    for each, kind in wanted.items():
        if enum := AIRFLOW["enums"].get(kind.split("|")[0]):
            mine = schema["properties"][each.removeprefix("*")]
            texts = mine.get("enum") or mine.get("anyOf", [{}])[0].get("enum")
            assert texts is None or set(texts) <= set(enum)


def assert_bulk_fields(schema: dict[str, Any], body: str) -> None:
    declared = SCHEMAS[schema["$ref"].rpartition("/")[2]]
    kinds = declared["properties"]["actions"]["items"]["oneOf"]
    entity = re.fullmatch(r"BulkBody_(\w+)_", body)[1]
    for kind in kinds:
        word = kind["properties"]["action"]["const"]
        airflows = AIRFLOW["schemas"][f"Bulk{word.capitalize()}Action_{entity}_"]
        assert {each.removeprefix("*") for each in airflows} == set(kind["properties"])
    assert_fields(kinds[0]["properties"]["entities"]["items"], AIRFLOW["schemas"][entity])


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - REFUSED))
def test_an_operation_answers_as_airflows_does(name):
    _, _, _, _, _, status, answer, *_ = OPERATIONS[name]
    answers = ours(name)["responses"]
    if name in {"login", "logout"}:
        assert "307" in answers  # Airflow's document says 200, its server 307
        return
    assert str(status) in answers
    if answer:
        media = answers[str(status)]["content"]["application/json"]["schema"]
        said = media.get("anyOf", [media])
        assert "|".join(each["$ref"].rpartition("/")[2] for each in said) == answer


def test_every_answer_has_the_fields_of_airflows():
    compared = 0
    for name, schema in SCHEMAS.items():
        wanted = AIRFLOW["schemas"].get(name)
        if wanted is None:
            continue
        assert {each.removeprefix("*") for each in wanted} - set(schema["properties"]) == set(), name
        required = {each[1:] for each in wanted if each.startswith("*")}
        assert required - set(schema.get("required", [])) == set(), name
        compared += 1
    assert compared > 90


def test_every_enum_is_airflows():
    found = {name: schema["enum"] for name, schema in SCHEMAS.items() if "enum" in schema}
    assert len(found) >= 7
    for name, values in found.items():
        assert values == AIRFLOW["enums"][name], name
