"""Whatever is sent, the answer says what was wrong with it: never a 500, never a traceback."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from django.urls import URLPattern
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.api import urls
from tests.support import factories

ROUTES = sorted(
    {
        each.pattern._route
        for each in urls.urlpatterns
        if isinstance(each, URLPattern) and hasattr(each.pattern, "_route")
    }
)
odd_texts = st.one_of(
    st.sampled_from(
        [
            "",
            "~",
            "-1",
            "0",
            "alpha",
            "r1",
            "a",
            "b",
            "success",
            "null",
            "9" * 30,
            "\x00",
            "é\u202e",
            "%",
            "\\",
            "|" * 9,
        ]
    ),
    st.sampled_from(["2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1e999", "nan"]),
    st.text(max_size=12),
)
odd_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.integers(-(10**400), 10**400), st.floats(), odd_texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(odd_texts, inner, max_size=3)),
    max_leaves=6,
)
NAMES = (
    *(
        "is_paused",
        "logical_date",
        "conf",
        "dag_run_id",
        "note",
        "state",
        "new_state",
        "task_ids",
        "dry_run",
        "run_after",
    ),
    *(
        "data_interval_start",
        "data_interval_end",
        "slots",
        "name",
        "key",
        "value",
        "connection_id",
        "conn_type",
        "port",
    ),
    *(
        "states",
        "dag_ids",
        "page_limit",
        "page_offset",
        "order_by",
        "duration_gte",
        "include_past",
        "username",
        "password",
    ),
    *("start_date", "end_date", "only_failed", "include_downstream", "extra", "map_index"),
)
bodies = st.one_of(odd_json, st.dictionaries(st.sampled_from(NAMES), odd_json, max_size=5))
PARAMETERS = (
    *("limit", "offset", "order_by", "state", "tags", "owners", "dag_id_pattern", "run_id_prefix_pattern", "map_index"),
    *(
        "try_number",
        "start_date_gte",
        "duration_lt",
        "token",
        "update_mask",
        "paused",
        "exclude_stale",
        "version_number",
    ),
    *("xcom_key", "run_after_lte", "full_content", "stringify", "dag_version", "pool", "format", "cursor", "filename"),
)
queries = st.dictionaries(st.sampled_from(PARAMETERS), st.lists(odd_texts, min_size=1, max_size=2), max_size=4)
slow = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def filled(api):
    run = factories.make_run(factories.make_dag("alpha"), "r1", states={"a": "failed"})
    factories.make_xcom(factories.instance_of(run, "a"), 1)
    factories.make_attempt(factories.instance_of(run, "a"), lines=("x",))
    api.raise_request_exception = False
    return api


@slow
@given(
    route=st.sampled_from(ROUTES),
    method=st.sampled_from(["get", "post", "patch", "delete", "put", "options", "head"]),
    known=st.booleans(),
    odd=st.lists(odd_texts, min_size=6, max_size=6),
    body=bodies,
    query=queries,
)
def test_no_request_breaks_the_api(filled, route, method, known, odd, body, query):
    path = fill(route, known, odd)
    data = json.dumps(body)
    send = getattr(filled, method)
    kwargs = {"query_params": query} if method in {"get", "head"} else {"query_params": query, "data": data}
    if method not in {"get", "head"}:
        kwargs["content_type"] = "application/json"
    answer = send("/" + path, **kwargs)
    assert answer.status_code < 500, (method, path, data, query, answer.content)
    if answer.status_code >= 400 and method != "head":
        assert_airflow_error(answer)


def fill(route: str, known: bool, odd: list[str]) -> str:
    """Put values into a route's parameters: those of rows that are there, or odd ones."""
    there = {
        "dag_id": "alpha",
        "run_id": "r1",
        "task_id": "a",
        "key": "return_value",
        "map_index": "-1",
        "try_number": "1",
    }
    path, place = "", 0
    for part in route.split("<"):
        name, end, rest = part.partition(">")
        if not end:
            path += part
            continue
        name = name.partition(":")[2]
        path += (there.get(name) if known and name in there else quote(odd[place % 6], safe="")) or "x"
        path, place = path + rest, place + 1
    return path


def assert_airflow_error(answer) -> None:
    detail = answer.json()["detail"]
    if answer.status_code == 422:
        assert all(each.keys() == {"type", "loc", "msg", "input"} for each in detail)
    else:
        assert isinstance(detail, str) and "Traceback" not in detail


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"\xff\xfe", 422),
        (b'{"is_paused": NaN}', 422),
        (b"[" * 100_000, 422),
        (b'{"a":' * 70 + b"1" + b"}" * 70, 422),
        (b"9" * 10_000, 422),
        (b'"' + b"x" * (2 * 1024 * 1024) + b'"', 413),
    ],
)
def test_a_body_that_cannot_be_read_says_so(filled, data, status):
    answer = filled.generic("PATCH", "/api/v2/dags/alpha", data, content_type="application/json")
    assert answer.status_code == status
    assert_airflow_error(answer)


def test_other_content_types_and_methods_are_refused(filled):
    answer = filled.generic(
        "PATCH", "/api/v2/dags/alpha", b"is_paused=true", content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 415
    assert_airflow_error(answer)
    for method in ("PUT", "TRACE", "OPTIONS", "BREW"):
        answer = filled.generic(method, "/api/v2/dags/alpha")
        assert answer.status_code == 405
        assert_airflow_error(answer)


def test_too_many_parameters_are_refused(filled):
    answer = filled.get("/api/v2/dags?" + "&".join(f"tags={number}" for number in range(1200)))
    assert answer.status_code == 400
    assert_airflow_error(answer)


def test_a_pattern_has_an_end(filled):
    for pattern in ("x" * 1001, "x|" * 60):
        answer = filled.get("/api/v2/dags", {"dag_id_pattern": pattern})
        assert answer.status_code == 422
    assert filled.get("/api/v2/dags", {"dag_id_pattern": "%_" * 400}).status_code == 200


def test_an_address_that_nothing_serves_answers_in_json(filled):
    for path in ("/api/v2/nothing", "/api/v1/dags", "/auth/x", "/api/v2/dags/", "/api/v2/dags/a/b/c"):
        answer = filled.get(path)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


def test_a_defect_of_ours_is_told_without_its_traceback(filled, monkeypatch, caplog):
    def broken(*args):
        raise RuntimeError("boom /secret/path")

    monkeypatch.setattr("orchestrator.api.views.dags.narrow", broken)
    answer = filled.get("/api/v2/dags")
    assert answer.status_code == 500
    assert "boom" not in answer.content.decode() and "boom" in caplog.text


def test_a_database_that_is_away_is_said_so(filled, monkeypatch):
    from django.db import OperationalError

    def away(*args):
        raise OperationalError("server closed the connection")

    monkeypatch.setattr("orchestrator.api.views.dags.narrow", away)
    answer = filled.get("/api/v2/dags")
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "closed" not in answer.content.decode()
