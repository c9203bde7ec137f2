"""What no endpoint takes, at every endpoint: a clear 4xx that names what is wrong, and nothing half done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from dags_app.models import AuditEntry, Dag
from orchestrator.api.document.build import document
from runs_app.models import DagRun, TaskInstance
from tests.docs.api_operations import key
from tests.support import factories

from . import routes
from .test_answers import operations
from .test_matrix import BODIES, THERE, api_client, fill, world

__all__ = ["world"]

TEXTS = ("a\x00b", "\ud800", "é\udfff")
WRONG: dict[str, tuple[Any, ...]] = {
    "string": (1, True, [], {}, *TEXTS),
    "integer": ("x", 1.5, True, [], 2**70, -(2**70)),
    "number": ("x", True, [], {}, 10**400),
    "boolean": ("yes", 1, [], {}),
    "object": ([], "x", 1, {"a": "\x00"}, {"\ud800": 1}),
    "array": ({}, "x", 1, [{}], [["\x00"]]),
    "": TEXTS,
}
UNREADABLE = {
    "nothing at all": (b"", 422),
    "no JSON": (b"{", 422),
    "no UTF-8": (b'{"a": "\xff"}', 422),
    "deep": (b"[" * 100_000, 422),
    "deep objects": (b'{"a":' * 70 + b"1" + b"}" * 70, 422),
    "a list": (b"[]", 422),
    "a number": (b"0", 422),
    "a text": (b'""', 422),
    "NaN": (b'{"a": NaN}', 422),
    "ten megabytes": (b'{"a": "' + b"x" * (10 * 1024 * 1024) + b'"}', 413),
}
WITH_BODY = [
    (route, method)
    for route, methods in sorted(routes.API.items())
    for method in methods
    if "requestBody" in operations().get(key(method, route), {})
]
LISTS = [
    route for route, methods in sorted(routes.API.items()) if "get" in methods and operations().get(key("get", route))
]


def schema_of(route: str, method: str) -> dict[str, Any]:
    schema = operations()[key(method, route)]["requestBody"]["content"]["application/json"]["schema"]
    if "$ref" in schema:
        schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def kind_of(schema: dict[str, Any]) -> str:
    for each in (schema, *schema.get("anyOf", [])):
        if each.get("type") not in (None, "null"):
            return each["type"]
    return ""


def wrong_bodies(route: str, method: str) -> Iterator[tuple[str, dict[str, Any]]]:
    good = BODIES.get((route, method), {})
    yield "zz_unknown", {**good, "zz_unknown": 1}
    for name, schema in schema_of(route, method)["properties"].items():
        kind = kind_of(schema)
        for value in WRONG[kind]:
            several = kind == "string" and len(schema.get("anyOf", [])) > 2
            if not several:
                yield name, {**good, name: value}


def state() -> tuple[Any, ...]:
    """What a request that is refused must not change."""
    runs = list(DagRun.objects.order_by("pk").values_list("pk", "state", "note"))
    return AuditEntry.objects.count(), runs, TaskInstance.objects.count()


def fault(answer: Any, *, names: str = "") -> str:
    """Say why an answer is no clear refusal; nothing where it is one."""
    if not 400 <= answer.status_code < 500:
        return f"{answer.status_code} {answer.content[:200]!r}"
    detail = answer.json()["detail"]
    if answer.status_code != 422:
        return "" if isinstance(detail, str) and detail else "no detail"
    whole = detail and all({"type", "loc", "msg"} <= each.keys() for each in detail)
    named = not names or any(names in each["loc"] for each in detail)
    return "" if whole and named else f"422 without its place: {detail}"


def test_a_body_that_cannot_be_read_does_nothing(world):
    client, before, faults = api_client("token", "admin"), state(), []
    for route, method in WITH_BODY:
        path = "/" + fill(route, {**THERE, **world})
        optional = not operations()[key(method, route)]["requestBody"]["required"]
        for name, (data, status) in UNREADABLE.items():
            if optional and name == "nothing at all":
                continue
            answer = client.generic(method.upper(), path, data, content_type="application/json")
            wanted = routes.API[route][method].startswith("off:") or answer.status_code == status
            if found := fault(answer) or ("" if wanted else f"{answer.status_code}, not {status}"):
                faults.append((route, method, name, found))
    assert faults == []
    assert state() == before
    assert len(WITH_BODY) > 40


KINDS = {
    "text/plain": 415,
    "application/x-www-form-urlencoded": 415,
    "multipart/form-data; boundary=x": 415,
    "application/xml": 415,
    "application/": 415,
    "": 415,
    "\xff/\x01": 415,
    "application/json/../x": 415,
}


FORMS = {(route, "application/x-www-form-urlencoded") for route in ("auth/token", "auth/token/cli")}


def test_a_body_that_says_it_is_something_else_does_nothing(world):
    client, before, faults = api_client("token", "admin"), state(), []
    for route, method in WITH_BODY:
        if routes.API[route][method].startswith("off:"):
            continue
        path, body = "/" + fill(route, {**THERE, **world}), json.dumps(BODIES.get((route, method), {"a": 1}))
        for kind, status in KINDS.items():
            if (route, kind) in FORMS:
                status = 422  # a form may be sent, and this is none
            answer = client.generic(method.upper(), path, body, content_type=kind)
            if found := fault(answer) or ("" if answer.status_code == status else f"{answer.status_code}"):
                faults.append((route, method, kind, found))
    assert faults == []
    assert state() == before


def test_a_method_that_an_address_does_not_have_is_told_those_it_has(world):
    client, before, faults, asked = api_client("token", "admin"), state(), [], 0
    for route, methods in sorted(routes.API.items()):
        path = "/" + fill(route, {**THERE, **world})
        for method in {"get", "post", "put", "patch", "delete", "options", "trace", "x-y"} - methods.keys():
            answer = client.generic(method.upper(), path, "{}", content_type="application/json")
            allowed = {each.strip().lower() for each in answer.get("Allow", "").split(",")} - {"head", "options"}
            if answer.status_code != 405 or allowed != set(methods):
                faults.append((route, method, answer.status_code, answer.get("Allow")))
            asked += 1
    assert faults == []
    assert state() == before
    assert asked > 400


CLASHES = {
    "a run that is there": ("post", "dags/alpha/dagRuns", {"dag_run_id": "r1", "logical_date": None}),
    "a date that has a run": ("post", "dags/alpha/dagRuns", {"logical_date": "2026-03-01T00:00:00Z"}),
    "a variable that is there": ("post", "variables", {"key": "v", "value": "1"}),
    "a pool that is there": ("post", "pools", {"name": "p", "slots": 1}),
    "a connection that is there": ("post", "connections", {"connection_id": "c", "conn_type": "http"}),
    "an XCom that is there": (
        "post",
        "dags/alpha/dagRuns/r1/taskInstances/a/xcomEntries",
        {"key": "return_value", "value": 1},
    ),
    "a run that runs": ("delete", "dags/alpha/dagRuns/running", None),
    "a DAG that runs": ("delete", "dags/alpha", None),
    "a favorite twice": ("post", "dags/epsilon/favorite", None),
}


def test_what_is_there_already_or_still_runs_is_left_as_it_is(world):
    client = api_client("token", "admin")
    dag = Dag.objects.get(pk="alpha")
    DagRun.objects.filter(run_id="r1").update(logical_date="2026-03-01T00:00:00Z")
    factories.make_run(dag, "running", state="running")
    client.post("/api/v2/dags/epsilon/favorite")
    before = state()
    for name, (method, path, body) in CLASHES.items():
        sent = {"data": json.dumps(body), "content_type": "application/json"} if body else {}
        answer = client.generic(method.upper(), f"/api/v2/{path}", **sent)
        assert answer.status_code == 409, (name, answer.status_code, answer.content[:300])
        assert fault(answer) == "", name
        assert state() == before, name


def test_a_field_of_a_wrong_kind_is_named_and_does_nothing(world):
    client, before, faults, sent = api_client("token", "admin"), state(), [], 0
    for route, method in WITH_BODY:
        path = "/" + fill(route, {**THERE, **world})
        for name, body in wrong_bodies(route, method):
            answer = client.generic(method.upper(), path, json.dumps(body), content_type="application/json")
            if found := fault(answer, names=name):
                faults.append((route, method, name, body, found))
            sent += 1
    assert faults == []
    assert state() == before
    assert sent > 800


def test_parameters_of_a_wrong_kind_are_named(world):
    client, faults, sent = api_client("token", "admin"), [], 0
    for route in LISTS:
        path = "/" + fill(route, {**THERE, **world})
        for parameter in operations()[key("get", route)]["parameters"]:
            for value in wrong_values(parameter):
                sent += 1
                if found := fault(client.get(path, {parameter["name"]: value})):
                    faults.append((route, parameter["name"], value, found))
        if found := fault(client.get(path, {"zz\0": "1"}), names="zz\0"):
            faults.append((route, "a name with NUL", found))
    assert faults == []
    assert sent > 500


def wrong_values(parameter: dict[str, Any]) -> tuple[str, ...]:
    if parameter["in"] != "query":
        return ()
    schema = parameter["schema"]
    kind = kind_of(schema.get("items", schema))
    wrong = {"integer": ("x", "1.5", "²", ""), "boolean": ("maybe", ""), "number": ("x", "")}.get(kind, ())
    return (*wrong, "a\x00b", *(("tomorrow", "2026-03-01T00:00:00", "") if schema.get("format") == "date-time" else ()))


def test_a_huge_limit_is_the_largest_and_a_negative_one_is_refused(world):
    client, asked = api_client("token", "admin"), 0
    for route in LISTS:
        if "limit" not in {each["name"] for each in operations()[key("get", route)]["parameters"]}:
            continue
        path, query = "/" + fill(route, {**THERE, **world}), {"dag_id": "alpha"} if "backfills" in route else {}
        for size in (0, 2**31, 2**63, 10**30):
            answer = client.get(path, {**query, "limit": str(size), "offset": str(size)})
            assert answer.status_code == 200, (route, size, answer.content[:300])
        assert fault(client.get(path, {**query, "limit": "-1"}), names="limit") == "", route
        asked += 1
    assert asked > 20


TRICKS = (
    "..",
    "%2e%2e",
    "%2e%2e%2f%2e%2e%2fetc",
    "a%00b",
    "%ff%fe",
    "x" * 5000,
    "%0d%0aX-Y:%20z",
    "%F0%9F%92%A9",
    "'--",
)


def test_tricks_in_an_address_find_nothing(world):
    client, before, faults = api_client("token", "admin"), state(), []
    for route in sorted(routes.API):
        names = [name for name in (*THERE, "file_token") if f"<str:{name}>" in route or f"<path:{name}>" in route]
        if not names or ("state-store" in route and names == ["key"]):  # a store's keys are what its tasks call them
            continue
        for trick in TRICKS:
            path = "/" + fill(route, {**THERE, **world, **dict.fromkeys(names, trick)})
            for method in routes.API[route]:
                body = json.dumps(BODIES.get((route, method), {}))
                sent = {"data": body, "content_type": "application/json"} if method != "get" else {}
                if found := fault(client.generic(method.upper(), path, **sent)):
                    faults.append((route, method, trick[:40], found))
    assert faults == []
    assert state() == before
