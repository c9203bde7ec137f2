"""What Schemathesis makes of the API's document, sent to a server that has one of everything: none of it breaks it or it.

``API_CASES`` says how many cases there are at least, ``API_SEED`` which: the same two make the same cases.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi import checks

from orchestrator.api.auth import issue_token
from tests.access.test_matrix import THERE, world
from tests.support import factories, webserver

__all__ = ["world"]

CASES, SEED = int(os.environ.get("API_CASES", "300")), int(os.environ.get("API_SEED", "1"))
LEAST = 3
"""Cases of each operation: the first that is generated is always the simplest."""
MORE = 1.1
"""Some operations have fewer different cases than their share."""
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
NAMES = {"dag_run_id": "run_id", "task_group_id": "group_id", "task_try_number": "try_number", "xcom_key": "key"}
"""What the document calls some of the things that an address names."""


class Session(requests.Session):
    """Reads the first piece of an answer that goes on until a run ends: nothing here works on runs."""

    def send(self, request: Any, **kwargs: Any) -> requests.Response:
        answer = super().send(request, **{**kwargs, "stream": True})
        if answer.headers.get("Content-Type", "").startswith("application/x-ndjson"):
            answer._content = next(answer.iter_content(65536), b"")
            answer.close()
        return answer


@pytest.fixture
def server(redis_server: Any, transactional_db: None, world: dict[str, Any]) -> Iterator[str]:
    with webserver.running() as address:
        yield address


def document_of(address: str) -> Any:
    """The document as it is served, but for the parameter that has an answer wait: nothing here works on runs."""
    found = requests.get(f"{address}/openapi.json", timeout=30).json()
    trigger = found["paths"]["/api/v2/dags/{dag_id}/dagRuns"]["post"]
    trigger["parameters"] = [each for each in trigger["parameters"] if each["name"] != "wait"]
    schema = schemathesis.openapi.from_dict(found)
    schema.config.generation.update(with_security_parameters=False)
    schema.config.output.sanitization.update(enabled=False)
    schema.config.checks.negative_data_rejection.expected_statuses.append("413")
    return schema


def when(operation: Any) -> tuple[bool, bool, bool]:
    """What takes things away comes late, so that the others find them; what ends the token comes last."""
    return operation.path.endswith("logout"), operation.method == "delete", operation.method != "get"


def cases_of(operation: Any, there: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Valid cases about what is there and about anything, and invalid ones."""
    known = {each.name: there[NAMES.get(each.name, each.name)] for each in operation.path_parameters}
    return st.one_of(
        *([operation.as_strategy(GenerationMode.POSITIVE, path_parameters=known)] if known else []),
        operation.as_strategy(GenerationMode.NEGATIVE),
        operation.as_strategy(GenerationMode.POSITIVE),
    )


def each_case(cases: st.SearchStrategy[Any], most: int, do: Callable[[Any], None]) -> None:
    @hypothesis.seed(SEED)
    @hypothesis.settings(
        max_examples=most,
        phases=[hypothesis.Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=cases)
    def every(case: Any) -> None:
        do(case)

    every()


def test_generated_requests_are_answered_as_the_document_says(server: str, world: dict[str, Any]):
    operations = sorted((each.ok() for each in document_of(server).get_all_operations()), key=when)
    token = issue_token(factories.make_user("admin"))
    session, statuses, faults = Session(), Counter[int](), []

    def ask(case: Any) -> None:
        answer = case.call(server, session, {"Authorization": f"Bearer {token}"}, timeout=10)
        statuses[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=CHECKS)
        except (Failure, FailureGroup) as failure:
            said = [str(each) for each in getattr(failure, "exceptions", [failure])]
            faults.append("\n".join((case.operation.label, *said, case.as_curl_command()[:3000], answer.text[:300])))

    share = math.ceil(CASES * MORE / len(operations))
    for operation in operations:
        each_case(cases_of(operation, {**THERE, **world}), max(share, LEAST), ask)
    told = f"API_SEED={SEED} API_CASES={CASES}: {statuses.total()} cases, {dict(sorted(statuses.items()))}"
    print(told)
    assert not faults, "\n\n".join((told, *faults))
    assert statuses.total() >= CASES
    assert statuses[200] > statuses.total() / 10, told  # else it was the door that was tried, not the house
