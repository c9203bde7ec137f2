"""Every change leaves one entry in the audit log: who, what, on which object and how; and no secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from dags_app.models import AuditEntry
from runs_app import api_tokens
from runs_app.models import Backfill, DagRun, Process
from tests.support import factories

from . import routes
from .test_matrix import BODIES, THERE, ask, fill, prepare, undone, world  # noqa: F401

SECRET = "hunter22-canary"


def _bulk(**entity: Any) -> dict[str, Any]:
    return {"actions": [{"action": "create", "entities": [entity]}]}


def _update(**entity: Any) -> dict[str, Any]:
    return {"actions": [{"action": "update", "entities": [entity]}]}


API_BODIES: dict[tuple[str, str], dict[str, Any]] = BODIES | {
    ("api/v2/pools", "patch"): _bulk(name="new", slots=1),
    ("api/v2/variables", "patch"): _bulk(key="new", value=SECRET),
    ("api/v2/connections", "patch"): _bulk(connection_id="new", conn_type="http", password=SECRET),
    ("api/v2/variables", "post"): {"key": "new", "value": SECRET},
    ("api/v2/variables/<path:variable_key>", "patch"): {"value": SECRET},
    ("api/v2/connections", "post"): {
        "connection_id": "new",
        "conn_type": "http",
        "password": SECRET,
        "extra": json.dumps({"a": SECRET}),
    },
    ("api/v2/connections/<str:connection_id>", "patch"): {"password": SECRET},
    ("api/v2/connections/test", "post"): {"connection_id": "new", "conn_type": "fs", "password": SECRET},
    ("api/v2/dags", "patch"): {"is_paused": True},
    (f"{routes.DAG}/dagRuns", "patch"): _update(dag_run_id="r1", note="n"),
    (f"{routes.DAG}/dagRuns", "post"): {"logical_date": None, "conf": {"password": SECRET}},
    (f"{routes.RUN}/taskInstances", "patch"): _update(task_id="a", note="n"),
    (f"{routes.DAG}/clearTaskInstances", "post"): {"dry_run": False, "task_ids": ["a"], "only_failed": False},
    (f"{routes.RUN}/clear", "post"): {"dry_run": False},
    (f"{routes.TASK}/xcomEntries", "post"): {"key": "new", "value": SECRET},
    (f"{routes.TASK}/xcomEntries/<path:key>", "patch"): {"value": SECRET},
    ("api/v2/assets/events", "post"): {"asset_id": 1, "extra": {"password": SECRET}},
}
QUERIES = {"api/v2/dags": "dag_id_pattern=alpha"}
CHANGES_NOTHING = {
    **{route: "only looks" for route in routes.API if route.endswith(("/dry_run", "/list"))},
    f"{routes.DAG}/favorite": "one's own, which nobody else sees",
    f"{routes.DAG}/unfavorite": "one's own, which nobody else sees",
}


def operations() -> list[tuple[str, str]]:
    """Every operation of the API that changes something for somebody."""
    return [
        (route, method)
        for route, methods in routes.API.items()
        for method, rule in methods.items()
        if method != "get" and rule.partition(":")[0] in {"acts", "has"} and route not in CHANGES_NOTHING
    ]


@pytest.mark.parametrize(("route", "method"), operations())
def test_an_operation_of_the_api_leaves_one_entry(world: dict[str, Any], route: str, method: str):  # noqa: F811
    boss = factories.make_user("admin", "boss")
    text = api_tokens.make(boss, "nightly", days=1, user=boss, now=timezone.now())[1]
    client = Client(HTTP_AUTHORIZATION=f"Bearer {text}", raise_request_exception=False)
    before = set(AuditEntry.objects.values_list("pk", flat=True))
    prepare(route)
    DagRun.objects.filter(run_id="r1").update(partition_key="us")
    path = fill(route, {**THERE, **world})
    query = f"?{QUERIES[route]}" if route in QUERIES else ""
    answer = ask(client, method, path + query, API_BODIES.get((route, method), {}))
    assert answer.status_code in {200, 201, 204}, answer.content
    entries = list(AuditEntry.objects.exclude(pk__in=before))
    assert len(entries) == 1, [(each.event, each.extra) for each in entries]
    check(entries[0], "boss", "token: nightly")


def check(entry: AuditEntry, who: str, how: str) -> None:
    assert (entry.actor, entry.how) == (who, how) and entry.event
    assert entry.dag_id or entry.extra, "it names no object"
    assert SECRET not in json.dumps([entry.extra, entry.event, entry.dag_id, entry.run_id])


# ---- pages

NAMES = {"variables": "key", "connections": "conn_id", "pools": "name"}
TASK_FORMS: dict[str, dict[str, Any]] = {
    "/clear": {"set": "1"},
    "/required_actions": {"option": "yes"},
    "/mark": {"set": "1", "state": "failed"},
    "/hold": {"where": "run"},
    "/note": {"note": "n"},
    "/xcom/edit": {"key": "new", "value": json.dumps(SECRET)},
    "/state-store/edit": {"key": "new", "value": json.dumps(SECRET)},
    "/state-store/clear": {},
    "/delete": {},
}
FORMS: dict[str, dict[str, Any]] = {
    **{f"{routes.PAGE_TASK}{end}": sent for end, sent in TASK_FORMS.items()},
    **{f"{routes.PAGE_TASK}/mapped/<index:map_index>{end}": sent for end, sent in TASK_FORMS.items()},
    f"{routes.PAGE_RUN}/clear": {"set": "1"},
    f"{routes.PAGE_RUN}/cancel": {},
    f"{routes.PAGE_RUN}/mark": {"state": "failed"},
    f"{routes.PAGE_RUN}/note": {"note": "n"},
    f"{routes.PAGE_RUN}/delete": {},
    f"{routes.PAGE_RUN}/groups/<any:group_id>/clear": {"set": "1"},
    f"{routes.PAGE_RUN}/groups/<any:group_id>/mark": {"set": "1", "state": "failed"},
    f"{routes.PAGE_DAG}/trigger": {"mode": "json", "conf": json.dumps({"password": SECRET}), "when": "none"},
    f"{routes.PAGE_DAG}/pause": {},
    f"{routes.PAGE_DAG}/delete": {},
    f"{routes.PAGE_DAG}/reparse": {},
    "failures/<int:failure_id>/note": {"note": "n", "owner": "ann"},
    "security/users/add": {"username": "new", "role": "viewer"},
    "security/users/<int:user_id>": {"role": "user", "is_active": "on"},
    "security/teams/add": {"name": "another"},
    "security/teams/<int:team_id>": {"description": "d", "rules": ""},
    "security/teams/<int:team_id>/delete": {},
    "security/tokens/add": {"name": "new", "days": "1", "role": ""},
    "variables/add": {"key": "new", "value": SECRET},
    "variables/<any:variable_key>/edit": {"key": "v", "value": SECRET},
    "variables/delete": {"key": "v"},
    "connections/add": {"conn_id": "new", "conn_type": "http", "password": SECRET},
    "connections/<any:connection_id>/edit": {"conn_id": "c", "conn_type": "http", "password": SECRET},
    "connections/delete": {"key": "c"},
    "pools/add": {"name": "new", "slots": "1"},
    "pools/<any:pool_name>/edit": {"name": "p", "slots": "2"},
    "pools/delete": {"key": "p"},
    "assets/<int:asset_id>/event": {"extra": json.dumps({"password": SECRET})},
    "assets/<int:asset_id>/materialize": {},
    "assets/<int:asset_id>/state-store/edit": {"key": "new", "value": json.dumps(SECRET)},
    "assets/<int:asset_id>/state-store/delete": {"key": "return_value"},
}
FORMS |= {
    **{f"{routes.PAGE_DAG}/backfills/<int:backfill_id>/{end}": {} for end in ("pause", "unpause", "cancel")},
    "connections/test": {"conn_id": "new", "conn_type": "fs", "password": SECRET},
    "connections/<any:connection_id>/test": {},
    "connections/import": {"text": json.dumps({"new": {"conn_type": "http", "password": SECRET}})},
    "variables/import": {"text": json.dumps({"new": SECRET})},
    "pools/import": {"text": json.dumps({"new": {"slots": 1}})},
    "security/teams/<int:team_id>/members": {"role": "user"},
    "webhooks/add": {"name": "n", "url": "https://example.org/", "kinds": "dag_run.failed"},
    "webhooks/<str:webhook_id>/edit": {"name": "n", "url": "https://example.org/", "kinds": "dag_run.failed"},
    "webhooks/<str:webhook_id>/delete": {},
    "webhooks/<str:webhook_id>/act": {"act": "test"},
    "bundles/<any:name>/refresh": {},
    "workers/drain": {},
    "workers/stop": {},
}
ELSEWHERE = {
    "bulk/<str:kind>": "does what the dialogs do: tests/web/test_bulk.py",
    f"{routes.PAGE_DAG}/backfill": "tests/web/test_backfills.py",
    f"{routes.PAGE_DAG}/code/edit": "tests/web/test_edit.py",
}
"""Forms without a line above, and what holds them."""


@pytest.mark.parametrize("route", FORMS)
def test_a_form_of_a_page_leaves_one_entry(world: dict[str, Any], route: str):  # noqa: F811
    client, boss = Client(raise_request_exception=False), factories.make_user("admin", "boss")
    client.force_login(boss)
    ids = {**THERE, **world, "user_id": factories.make_user("viewer").pk}
    if "mapped" in route:
        ids |= {"task_id": "m", "map_index": 0}
    if route.endswith("/cancel"):
        DagRun.objects.filter(run_id="r1").update(state="running", ended_at=None)
    slot = Process.objects.create(kind="slot", hostname="h", pid=1, started_at=timezone.now(), beat_at=timezone.now())
    more = {"process": slot.pk, "username": User.objects.get(pk=ids["user_id"]).username}
    if route.endswith("/unpause"):
        Backfill.objects.update(is_paused=True)
    before = set(AuditEntry.objects.values_list("pk", flat=True))
    answer = client.post("/" + fill(route, ids), more | FORMS[route])
    assert answer.status_code in {200, 302, 303}, answer.content[-3000:]
    entries = list(AuditEntry.objects.exclude(pk__in=before))
    assert len(entries) == 1, [(each.event, each.extra) for each in entries]
    check(entries[0], "boss", "page")


def test_every_form_of_the_pages_is_held_to_it_here_or_elsewhere():
    posts = {
        route
        for route, methods in routes.PAGES.items()
        if methods.get("post", "").partition(":")[0] in {"acts", "has"} and methods["post"] != "acts:star"
    }
    assert posts - set(FORMS) - set(ELSEWHERE) == set()
