"""Every address, asked by every kind of caller, for what is there, what is elsewhere and what is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import resolve, reverse
from django.utils import timezone

from dags_app import secrets
from dags_app.models import ApiToken, AssetAlias, AuditEntry, Bundle, DagImportError, FavoriteDag, Pool, Team
from orchestrator import access
from orchestrator.api.auth import AUDIENCE, issue_token, revoke
from orchestrator.api.shapes import file_token
from orchestrator.core.spec import GroupSpec
from runs_app import api_tokens, asset_store, store
from runs_app.models import Backfill, Callback, DagRun, Hold, QueuedEvent
from tests.support import factories
from tests.support.factories import DAY

from . import routes

TABLE = routes.API | routes.PAGES
ROLES = ("", "viewer", "user", "op", "admin")
THERE = {
    **{
        "dag_id": "alpha",
        "run_id": "r1",
        "task_id": "a",
        "group_id": "g",
        "token": "t",
        "try_number": 1,
        "version_number": 1,
        "map_index": -1,
    },
    **{
        "kind": "dags",
        "key": "return_value",
        "pool_name": "p",
        "webhook_id": "w",
        "delivery_id": "d",
        "queue": "default",
        "name": "dags-folder",
        "variable_key": "v",
        "connection_id": "c",
        "section": "orchestrator",
        "option": "HOST",
        "file_token": "t",
    },
}
ENDED = ("expired", "not yet", "signed out", "revoked", "outlived")
"""Tokens whose time it is not: of the web, past it, before it, and signed out; personal, revoked and past it."""
CALLERS: dict[str, tuple[str, str]] = {
    **{role: ("token", role) for role in ROLES},
    **{f"session of {role}": ("session", role) for role in ("viewer", "admin")},
    **{"stranger": ("", ""), "new password": ("password", "admin"), "inactive": ("inactive", "admin")},
    **{how: (how, "admin") for how in ("forged", *ENDED)},
    **{f"{role} by a token for viewers": ("narrow", role) for role in ("user", "admin")},
}
"""Who asks the API: how she says who she is, and what she is."""
NUMBERED = (
    "user_id",
    "failure_id",
    "asset_id",
    "asset_alias_id",
    "import_error_id",
    "event_log_id",
    "backfill_id",
    "callback_id",
    "team_id",
)
ELSEWHERE = {"dag_id": "beta"}  # the run, task, version ... of another DAG, under this one's address
ABSENT = {name: 999 if name in {"try_number", "version_number", "map_index"} else "absent" for name in THERE}
QUERIES = {"api/v2/backfills": {"dag_id": "alpha"}, "wait": {"interval": "1"}}
BACKFILL = {"from_date": "2026-03-01T00:00:00Z", "to_date": "2026-03-02T00:00:00Z"}
BULK = {"actions": []}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    (routes.DAG, "patch"): {"is_paused": True},
    ("api/v2/dags", "patch"): {"is_paused": True},
    **{(f"api/v2/{name}", "patch"): BULK for name in ("pools", "variables", "connections")},
    (f"{routes.DAG}/dagRuns", "patch"): BULK,
    (f"{routes.RUN}/taskInstances", "patch"): BULK,
    (f"{routes.DAG}/clearDagRuns", "post"): {"dag_runs": [{"dag_run_id": "r1"}], "dry_run": False},
    **{
        (f"{route}/dry_run", "patch"): {"new_state": "success"}
        for route in (routes.TASK, routes.INDEXED, f"{routes.RUN}/taskGroupInstances/<str:group_id>")
    },
    (f"{routes.DAG}/dagRuns", "post"): {"logical_date": None},
    ("api/v2/assets/events", "post"): {"asset_id": 1},
    (f"{routes.DAG}/clearPartitions", "post"): {"partition_key": "us", "dry_run": False},
    ("webhooks/<str:webhook_id>/act", "post"): {"act": "test"},
    ("api/v2/webhooks", "post"): {"name": "n", "url": "https://example.org/"},
    ("api/v2/pools", "post"): {"name": "new", "slots": 1},
    ("api/v2/pools/<path:pool_name>", "patch"): {"pool": "p", "slots": 2, "include_deferred": False},
    ("api/v2/variables", "post"): {"key": "new", "value": "1"},
    ("api/v2/variables/<path:variable_key>", "patch"): {"value": "2"},
    ("api/v2/connections", "post"): {"connection_id": "new", "conn_type": "http"},
    ("api/v2/connections/<str:connection_id>", "patch"): {"host": "h"},
    ("api/v2/connections/test", "post"): {"connection_id": "new", "conn_type": "fs"},
    **{(f"api/v2/backfills{end}", "post"): {**BACKFILL, "dag_id": "epsilon"} for end in ("", "/dry_run")},
    (routes.RUN, "patch"): {"note": "n"},
    (routes.TASK, "patch"): {"note": "n"},
    (f"{routes.RUN}/taskGroupInstances/<str:group_id>", "patch"): {"note": "n"},
    (routes.INDEXED, "patch"): {"note": "n"},
    (f"{routes.INDEXED}/hitlDetails", "patch"): {"chosen_options": ["yes"]},
    ("api/v2/assets/<int:asset_id>/state-store/<path:key>", "put"): {"value": 1},
    (f"{routes.TASK}/xcomEntries", "post"): {"key": "new", "value": 1},
    (f"{routes.TASK}/xcomEntries/<path:key>", "patch"): {"value": 2},
    **{(f"{routes.TASK}/state-store/<path:key>", method): {"value": 1} for method in ("put", "patch")},
}


@pytest.fixture
def world(db, monkeypatch) -> dict[str, Any]:
    """One of everything, and ids that are only known once it is made."""
    monkeypatch.setattr(settings.ORCH, "external_log_url", "https://logs/{task_id}")
    monkeypatch.setattr(settings.ORCH, "test_connection", "Enabled")
    spec = factories.make_spec("alpha", {"a": (), "m": ("a",)})
    grouped = {**spec.tasks, "a": replace(spec.tasks["a"], group_id="g")}
    spec = replace(spec, tasks=grouped, groups={"g": GroupSpec("g", children=(("task", "a"),))})
    dag = factories.make_dag(spec=spec, file=factories.make_file("a.py", error="x"))
    run = factories.make_run(dag, "r1")
    factories.make_mapped(run, "m", 2)
    first = factories.instance_of(run, "a")
    factories.make_attempt(first, lines=("x",))
    factories.make_attempt(run.task_instances.get(task_id="m", map_index=0), lines=("x",))
    factories.make_xcom(first, 1)
    for asks in (first, run.task_instances.get(task_id="m", map_index=0)):
        factories.make_question(asks)
    store.put(first.pk, "return_value", 1, expires_at=None, now=factories.DAY)
    factories.make_dag(spec=factories.make_spec("beta", {"z": ()}))
    _plant()
    Bundle.objects.create(name="dags-folder", kind="local")
    Pool.objects.create(name="p", slots=1)
    factories.make_delivery(factories.make_webhook(pk="w"), pk="d")
    secrets.set_variable("v", "hunter22")
    secrets.set_connection("c", {"conn_type": "http", "password": "hunter22", "extra": '{"token": "hunter22"}'})
    event = AuditEntry.objects.create(actor="x", event="y")
    backfill = Backfill.objects.create(dag=dag, from_date=DAY, to_date=DAY, created_at=DAY, updated_at=DAY)
    factories.make_dag(spec=factories.make_spec("epsilon", schedule="@daily", start_date=DAY))
    asset = factories.make_asset("s3://bucket/key", pk=1, producer=dag, consumer=dag)
    asset_store.put(asset.pk, "return_value", 1, by={"kind": "api"}, now=DAY)
    QueuedEvent.objects.create(dag=dag, asset=asset, created_at=DAY, touched_at=DAY)
    for name in ("test", "defaults", "enqueue-test"):
        secrets.set_connection(name, {"conn_type": "http"})
    return {
        "file_token": file_token(dag.file.bundle_name, dag.file.relative_path),
        "asset_id": asset.pk,
        "asset_alias_id": AssetAlias.objects.create(name="alias").pk,
        "import_error_id": DagImportError.objects.get(file=dag.file).pk,
        "event_log_id": event.pk,
        "backfill_id": backfill.pk,
        "user_id": factories.make_user("viewer").pk,
        "failure_id": factories.make_failure(first).group_id,
        "team_id": Team.objects.create(name="team", created_at=DAY).pk,
        "callback_id": Callback.objects.create(run=run, kind="success").pk,
    }


def _plant() -> None:
    """A DAG that strangers must learn nothing of: its ids, its log, what its task got and left."""
    file = factories.make_file("planted.py", error="planted")
    run = factories.make_run(factories.make_dag("planted", tags=("planted",), file=file), "planted", note="planted")
    instance = factories.instance_of(run, "a")
    factories.make_attempt(instance, lines=("planted",))
    factories.make_rendered(instance, bash_command="planted")
    factories.make_xcom(instance, "planted")
    factories.make_question(factories.instance_of(run, "b"), subject="planted")
    factories.make_failure(instance, "planted")


def test_the_table_knows_every_route_and_no_other():
    assert set(routes.all_routes()) - {routes.CATCH_ALL} == set(TABLE)


def test_the_table_knows_every_method_of_the_api():
    for route, methods in routes.API.items():
        view = resolve("/" + fill(route, {**THERE, **dict.fromkeys(NUMBERED, 1)})).func.view_class
        offered = {name for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)}
        assert offered == set(methods), route


@pytest.mark.parametrize("route", sorted(routes.API))
def test_the_api_answers_each_caller_as_the_table_says(world, route):
    for name, (how, role) in CALLERS.items():
        client = api_client(how, role)
        entries = AuditEntry.objects.count()
        for method, case, ids in questions(route, how, world):
            rule = routes.API[route][method]
            with undone():
                prepare(route)
                answer = ask(client, method, fill(route, ids), BODIES.get((route, method), {}))
                content = told(answer)
                place = (name, method, case, answer.status_code, content[:300])
                known = how in {"token", "session", "narrow"}
                may_as = "viewer" if how == "narrow" else role
                wanted = expected(rule, may_as, case) if known or rule == "open" else {401}
                assert answer.status_code in wanted, (place, wanted)
                if answer.status_code >= 400:
                    assert AuditEntry.objects.count() == entries, place
                assert b"hunter22" not in content, place
                if not role or wanted == {401}:
                    assert b"planted" not in content, place


def test_the_matrix_is_as_large_as_it_is_meant_to_be(world):
    asked = [
        (name, route, method, case)
        for route in routes.API
        for name, (how, _) in CALLERS.items()
        for method, case, _ in questions(route, how, world)
    ]
    pages = sum(len(methods) * len(cases(route, world)) for route, methods in routes.PAGES.items()) * (1 + len(ROLES))
    print(f"the API is asked {len(asked)} times, the pages {pages} times")
    assert len(asked) == len(set(asked)) > 4_500
    assert {name for name, *_ in asked} == set(CALLERS)
    assert {case for *_, case in asked} == {"there", "absent", "elsewhere"}
    assert pages > 2_000


def questions(route: str, how: str, world: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What one caller asks one route: method, case, ids."""
    for method in routes.API[route]:
        for case, ids in cases(route, world).items():
            if case == "there" or how not in ENDED:  # those are refused before anything is looked for
                yield method, case, ids


def told(answer: Any) -> bytes:
    """What an answer says; of one that goes on for as long as it is listened to, the first piece."""
    if not answer.streaming:
        return bytes(answer.content)
    return bytes(next(iter(answer.streaming_content), b""))


@pytest.mark.parametrize("route", sorted(routes.PAGES))
def test_the_pages_answer_each_caller_as_the_table_says(world, route):
    for role in (None, *ROLES):
        client = Client(raise_request_exception=False)
        if role is not None:
            client.force_login(factories.make_user(role))
        for method, rule in routes.PAGES[route].items():
            for case, ids in cases(route, world).items():
                if "mapped" in route and case == "there":
                    ids = {**ids, "task_id": "m", "map_index": 0}
                with undone():
                    answer = getattr(client, method)("/" + fill(route, ids), {"set": "1"})
                    place = (role, method, case, answer.status_code)
                    if rule == "none":
                        assert answer.status_code == 404, place
                        continue
                    assert b"hunter22" not in told(answer), place
                    assert role or b"planted" not in told(answer), place
                    if role is None and rule != "open":
                        assert answer.status_code == 302 and answer["Location"].startswith("/sign-in?next="), place
                        continue
                    wanted = expected(rule, role or "", case)
                    if wanted & {200} and case == "there":
                        wanted = {200, 302, 303, 409, 422}
                    if rule == "open":
                        wanted = {200, 302, 403, 422}
                    assert answer.status_code in wanted, (place, wanted)
                    if answer.status_code in {403, 404}:
                        assert AuditEntry.objects.count() == 1, place
                    if method == "post" and rule == "mine":
                        client.force_login(factories.make_user(role or ""))


def test_a_script_is_told_to_sign_in_instead_of_being_sent_away(world):
    answer = Client().get("/dags/alpha/grid.json", headers={"x-requested-with": "fetch"})
    assert answer.status_code == 401


def test_unsafe_requests_of_a_session_need_the_csrf_token(world):
    boss = factories.make_user("admin")
    for route, methods in TABLE.items():
        for method, rule in methods.items():
            if method == "get" or (rule == "open" and route.startswith("auth/")):
                continue
            client = Client(enforce_csrf_checks=True)
            client.force_login(boss)
            with undone():
                answer = ask(client, method, fill(route, {**THERE, **world}), BODIES.get((route, method), {}))
                assert answer.status_code == 403, (route, method, answer.status_code)
                assert AuditEntry.objects.count() == 1


def test_a_token_in_the_address_or_a_cookie_is_no_token(world):
    token = issue_token(factories.make_user("admin"))
    client = Client()
    assert client.get(f"/api/v2/dags?access_token={token}&token={token}").status_code == 401
    client.cookies["_token"] = token
    client.cookies["access_token"] = token
    assert client.get("/api/v2/dags").status_code == 401


def test_a_bearer_token_opens_no_page(world):
    answer = Client(HTTP_AUTHORIZATION=f"Bearer {issue_token(factories.make_user('admin'))}").get("/dags")
    assert answer.status_code == 302


REGISTRY = {"pool", "variable", "connection", "auditentry", "process"}


def test_the_admin_is_closed_to_all_but_operators_and_admins(world):
    opened = 0
    for role in (None, *ROLES):
        client = Client(raise_request_exception=False)
        if role is not None:
            client.force_login(factories.make_user(role))
        for model in admin.site._registry:
            row = model._default_manager.first()
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
            addresses = [reverse(f"{name}_changelist"), reverse(f"{name}_add")]
            if row is not None:
                addresses += [reverse(f"{name}_{end}", args=[row.pk]) for end in ("change", "delete", "history")]
            for address in addresses:
                for method in ("get", "post"):
                    with undone():
                        answer = getattr(client, method)(address)
                        place = (role, method, address, answer.status_code)
                        if role is None:
                            assert answer.status_code == 302 and answer["Location"].startswith("/sign-in"), place
                        elif role not in {"op", "admin"}:
                            assert answer.status_code in {302, 403}, place
                            assert "/admin/login/" in answer.get("Location", "/admin/login/"), place
                        elif role == "op" and model._meta.model_name not in REGISTRY:
                            assert answer.status_code == 403, place
                        else:
                            assert answer.status_code in {200, 302, 403}, place
                            opened += answer.status_code == 200
    assert opened > 30


def test_no_address_of_the_admin_opens_for_others(world):
    everybody = [Client(), *(Client() for _ in ("", "viewer", "user"))]
    for client, role in zip(everybody[1:], ("", "viewer", "user"), strict=True):
        client.force_login(factories.make_user(role))
    checked = 0
    for route in routes.admin_routes():
        if "^" in route or "(?P" in route:
            continue
        path = "/" + re.sub(r"<[^>]+>", "1", route)
        for client in everybody:
            with undone():
                answer = client.get(path)
                assert answer.status_code in {302, 403, 404}, (path, answer.status_code)
                to = answer.get("Location", "/sign-in")
                assert to == "/admin/" or "/sign-in" in to or "/admin/login/" in to, (path, to)
                checked += 1
    assert checked > 150


# ---- how


def expected(rule: str, role: str, case: str) -> set[int]:
    """Return the statuses that fit."""
    kind, _, verb = rule.partition(":")
    if kind in {"open", "mine"}:
        return {200, 201, 302, 307, 422}
    if kind == "off":
        return {403, 404} if may(role, verb) else {403}
    if kind == "lists":
        return {200}
    if kind == "has":
        if not may(role, verb):
            return {403}
        return {200, 201, 204} if case == "there" else {404}
    if not role or case != "there":
        return {404}
    if kind == "acts" and not may(role, verb):
        return {403}
    return {200, 201, 204}


def may(role: str, verb: str) -> bool:
    return bool(role) and access.ROLES.index(role) >= access.ROLES.index(access.LEAST_ROLE[verb])


def cases(route: str, world: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the address names: something there; something of another DAG; nothing."""
    found = {"there": {**THERE, **world}}
    if "<" in route:
        found["absent"] = {**ABSENT, **dict.fromkeys(world, 10**6)}
    if route.count("<") > 1 and "dag_id>" in route:
        found["elsewhere"] = {**THERE, **world, **ELSEWHERE}
        if "version_number" in route:
            found["elsewhere"]["version_number"] = 2
    return found


def fill(route: str, ids: dict[str, Any]) -> str:
    if "mapped" in route and ids.get("map_index") == -1:
        ids = {**ids, "map_index": 0}
    if "listMapped" in route and ids.get("task_id") == "a":
        ids = {**ids, "task_id": "m"}
    path = ""
    for part in route.split("<"):
        name, end, rest = part.partition(">")
        path += f"{ids[name.partition(':')[2]]}{rest}" if end else part
    return path


def ask(client: Client, method: str, path: str, body: dict[str, Any]) -> Any:
    if method == "get":
        return client.get("/" + path, QUERIES.get(path) or QUERIES.get(path.rpartition("/")[2]))
    return getattr(client, method)("/" + path, body, content_type="application/json")


def prepare(route: str) -> None:
    """Bring the world into the one state that the route's action is for."""
    if route == f"{routes.RUN}/cancel":
        DagRun.objects.filter(run_id="r1").update(state="running", ended_at=None)
    if route.endswith("/unfavorite"):
        FavoriteDag.objects.bulk_create(FavoriteDag(user=each, dag_id="alpha") for each in User.objects.all())
    if route.endswith("/hold") and route.startswith("api/"):
        run = DagRun.objects.get(run_id="r1") if "run_id" in route else None
        Hold.objects.create(dag_id="alpha", run=run, task_id="a", held_by="x", created_at=DAY)


def api_client(how: str, role: str) -> Client:
    client = Client(raise_request_exception=False)
    if not how:
        return client
    user = factories.make_user(role)
    if how == "session":
        client.force_login(user)
        return client
    token = issue_token(user)
    if how == "password":
        factories.with_password(user)
    elif how == "inactive":
        User.objects.filter(pk=user.pk).update(is_active=False)
    elif how == "expired":
        token = issue_token(user, timedelta(seconds=-61))
    elif how == "not yet":
        claims = jwt.decode(token, settings.SECRET_KEY, algorithms=["HS256"], audience=AUDIENCE)
        token = jwt.encode({**claims, "nbf": claims["exp"] - 3600}, settings.SECRET_KEY, algorithm="HS256")
    elif how == "signed out":
        revoke(token)
    elif how in {"narrow", "revoked", "outlived"}:
        row, token = api_tokens.make(user, "t", days=1, role="viewer", user=user, now=timezone.now())
        if how == "revoked":
            api_tokens.revoke(row.pk, user=user, now=timezone.now())
        if how == "outlived":
            ApiToken.objects.filter(pk=row.pk).update(expires_at=DAY)
    elif how == "forged":
        token = token[:-4] + ("AAAA" if not token.endswith("AAAA") else "BBBB")
    return Client(raise_request_exception=False, HTTP_AUTHORIZATION=f"Bearer {token}")


@contextmanager
def undone() -> Iterator[None]:
    """Take back what the request changed, so that the next one finds the same world."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
