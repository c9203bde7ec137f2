"""The reference of the REST API names what there is."""

from __future__ import annotations

import re
from pathlib import Path

from tests.access import routes
from tests.docs import api_operations

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "rest-api.md"


def test_the_page_lists_every_endpoint_and_no_other():
    written = set(re.findall(r"^\| `([A-Z]+)` \| `/([^`]+)` \|", PAGE.read_text(), re.MULTILINE))
    there = {
        (method.upper(), re.sub(r"<\w+:(\w+)>", r"{\1}", route))
        for route, methods in routes.API.items()
        for method in methods
    }
    assert written == there


def test_the_page_names_the_right_each_endpoint_needs():
    from orchestrator.access import LEAST_ROLE

    rows = re.findall(r"^\| `([A-Z]+)` \| `/([^`]+)` \| (\w+) \|", PAGE.read_text(), re.MULTILINE)
    wanted = {"open": "nobody", "lists": "viewer", "sees": "viewer", "mine": "anybody"}
    rules = {re.sub(r"<\w+:(\w+)>", r"{\1}", route): methods for route, methods in routes.API.items()}
    for method, route, role in rows:
        kind, _, verb = rules[route][method.lower()].partition(":")
        assert role == (LEAST_ROLE[verb] if verb else wanted[kind]), (method, route)


def test_every_operation_of_airflows_api_has_an_answer():
    found = api_operations.operations()
    assert (len(found), len({each["path"] for each in found})) == (128, 88)
    assert [each["id"] for each in found if each["state"] == "missing"] == []
    assert {each["class"] for each in found if each["state"] != "yes"} == {"C"}
