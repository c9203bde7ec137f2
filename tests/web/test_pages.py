"""Every page, for everybody who may come to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver, reverse

from dags_app import schedule
from dags_app.models import Dag
from runs_app.models import Backfill, Callback, DagRun
from tests.support import factories

DAG = ["shop"]
RUN = ["shop", "first"]
BACKFILL = ["shop", 7]
ASSET = [7]
TASK = ["shop", "first", "extract"]
INDEX = ["shop", "first", "load", 1]
TASK_PAGES = ("", "-rendered", "-xcom", "-store", "-tries", "-code", "-details", "-assets", "-events")
TASK_PAGES += ("-log", "-log-find", "-log-file")
TASK_FORMS = ("-clear", "-mark", "-hold", "-note", "-delete", "-xcom-edit", "-store-edit", "-store-clear")
PAGES = [
    ("dags", []),
    ("dag-runs", []),
    ("task-instances", []),
    ("timeline", []),
    ("xcoms", []),
    ("deadlines", []),
    ("import-errors", []),
    ("assets", []),
    ("asset", ASSET),
    ("asset-store", ASSET),
    ("assets-graph", []),
    ("asset-graph", ASSET),
    ("required", []),
    ("search", []),
    ("password", []),
    ("undo", []),
    *(
        (name, DAG)
        for name in (
            "dag",
            "graph",
            "calendar",
            "overview",
            "schedule",
            "runs",
            "backfills",
            "dag-tasks",
            "code",
            "details",
            "grid-data",
            "grid-mapped",
            "grid-instance",
            "graph-data",
            "dag-required",
            "versions",
        )
    ),
    ("dag-task", ["shop", "extract"]),
    *(
        (name, RUN)
        for name in ("run", "run-graph", "run-events", "run-callbacks", "run-code", "run-details", "run-required")
    ),
    ("callback-log", [*RUN, 7]),
    ("run-asset-events", RUN),
    ("run-logs", RUN),
    ("run-compare", RUN),
    *((name, RUN) for name in ("run-gantt", "gantt-data", "run-replay")),
    ("mapped", ["shop", "first", "load"]),
    *(("task" + end, TASK) for end in TASK_PAGES),
    *((f"task{end}-mapped", INDEX) for end in TASK_PAGES),
]
FORMS = [
    *((name, ASSET) for name in ("asset-event", "asset-materialize", "asset-store-edit", "asset-store-delete")),
    ("trigger", DAG),
    ("dag-delete", DAG),
    ("backfill", DAG),
    ("backfill-cancel", BACKFILL),
    *((name, RUN) for name in ("run-clear", "run-cancel", "run-mark", "run-note", "run-delete")),
    *((name, ["shop", "first", "checks"]) for name in ("group-clear", "group-mark")),
    *(("task" + end, TASK) for end in TASK_FORMS),
    *((f"task{end}-mapped", INDEX) for end in TASK_FORMS),
]
EDITED = [("code-edit", DAG)]
"""For admins alone, and only where editing is switched on: see test_edit.py."""
POSTS = [("pause", DAG), ("reparse", DAG), ("backfill-pause", BACKFILL), ("backfill-unpause", BACKFILL), *FORMS]
OPEN = {"home", "favicon", "sign-in", "oidc", "oidc-callback", "choose-password", "sign-out", "language"}
OPEN |= {"api-docs", "redoc"}
OF_TASKS_THAT_ASK = {"task-required", "task-required-mapped", "answer-link"}
"""Not there for the tasks of this shop; see test_required.py."""
OF_ONES_OWN = {"favorite"}
"""What a viewer may change, since nobody else sees it; see test_favorites.py."""
OF_MANY = {"bulk", "as-code"}
"""See test_bulk.py and test_as_code.py."""
SHELVES = {
    name + end
    for name in ("variables", "connections", "pools")
    for end in ("", "-add", "-delete", "-import", "-export", "-edit", "-uses")
}
INSTALLATION = {
    "queue-uses",
    "workers",
    "workers-drain",
    "workers-stop",
    "jobs",
    "configs",
    "plugins",
    "providers",
    "bundles",
    "bundles-refresh",
}
FAILURES = {"failures", "failure", "failure-note"}
SECURITY = {
    "teams",
    "teams-add",
    "team",
    "team-members",
    "team-delete",
    "users",
    "users-add",
    "users-edit",
    "roles",
    "tokens",
    "tokens-add",
    "tokens-revoke",
    "events",
}
WEBHOOKS = {"webhooks", "webhooks-add", *(f"webhook{end}" for end in ("", "-edit", "-delete", "-act"))}
ADMINISTRATION = (
    WEBHOOKS | SECURITY | FAILURES | SHELVES | INSTALLATION | {"pool", "connections-test", "connections-test-form"}
)
"""Of a role of their own; the access matrix asks each of them as everybody."""
WITHOUT_ROLE = {
    "dags",
    "dag-runs",
    "task-instances",
    "timeline",
    "xcoms",
    "deadlines",
    "assets",
    "assets-graph",
    "required",
    "import-errors",
    "search",
    "password",
    "undo",
}


@pytest.fixture(autouse=True)
def rows(shop_run: DagRun) -> DagRun:
    at = factories.DAY
    factories.make_asset("asset", pk=7, producer=shop_run.dag, task_id="extract")
    Backfill.objects.create(pk=7, dag=shop_run.dag, from_date=at, to_date=at, created_at=at, updated_at=at)
    Callback.objects.create(pk=7, run=shop_run, kind="success")
    return shop_run


def address(name: str, args: list[object]) -> str:
    return reverse(name, args=args)


def test_every_address_of_the_pages_is_in_the_table_above():
    """A page that is forgotten here would be one whose refusals nobody checks."""
    known = {name for name, _ in [*PAGES, *POSTS, *EDITED]}
    known |= OPEN | OF_TASKS_THAT_ASK | OF_ONES_OWN | OF_MANY | ADMINISTRATION
    named = {str(name) for name in get_resolver("orchestrator.web.urls").reverse_dict if isinstance(name, str)}
    assert named == known - {"favicon"}


@pytest.mark.parametrize("role", ["viewer", "user", "op", "admin"])
def test_every_page_is_shown_to_every_role(client_of: Callable[[str], Client], role: str):
    client = client_of(role)
    for name, args in PAGES:
        response = client.get(address(name, args))
        assert response.status_code == 200, (name, response.status_code)
        assert "default-src 'self'" in response["Content-Security-Policy"]


@pytest.mark.parametrize(("name", "args"), [*PAGES, *FORMS], ids=lambda value: value if isinstance(value, str) else "")
def test_a_stranger_is_sent_to_sign_in_and_back(client_of: Callable[[str], Client], name: str, args: list[object]):
    response = client_of("anonymous").get(address(name, args))
    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in?next=/")


@pytest.mark.parametrize(("name", "args"), [*PAGES, *FORMS], ids=lambda value: value if isinstance(value, str) else "")
def test_without_a_role_nothing_exists(client_of: Callable[[str], Client], name: str, args: list[object]):
    response = client_of("").get(address(name, args))
    if name in WITHOUT_ROLE:
        assert response.status_code == 200
        assert b"shop" not in response.content
    else:
        assert response.status_code == 404


@pytest.mark.parametrize(("name", "args"), POSTS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_viewer_can_change_nothing(client_of: Callable[[str], Client], name: str, args: list[object]):
    client = client_of("viewer")
    assert client.post(address(name, args), {"paused": "true", "state": "success"}).status_code == 403
    if not name.endswith(("pause", "reparse")):
        assert client.get(address(name, args)).status_code == 403
    dag = Dag.objects.get(pk="shop")
    assert not dag.is_paused
    assert list(dag.runs.values_list("state", flat=True)) == ["failed"]


def test_a_viewer_is_offered_no_action(viewer: Client):
    for name, args in [("dags", []), ("dag", DAG), ("run", RUN), ("task", TASK)]:
        text = viewer.get(address(name, args)).content.decode()
        assert "data-dialog" not in text, name


@pytest.mark.parametrize(("name", "args"), FORMS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_user_gets_every_form(user: Client, name: str, args: list[object]):
    whole = user.get(address(name, args))
    assert whole.status_code == 200
    assert b"<html" in whole.content
    alone = user.get(address(name, args), headers={"X-Requested-With": "fetch"})
    assert alone.status_code == 200
    assert b"<html" not in alone.content


@pytest.mark.parametrize(
    "path",
    [
        "/dags/nope",
        "/dags/shop/runs/nope",
        "/dags/shop/runs/first/tasks/nope",
        "/dags/shop/runs/first/tasks/load/mapped/99",
        "/dags/shop/runs/first/tasks/extract/mapped/0",
        "/dags/shop/tasks/nope",
        "/dags/shop/code?version_number=99",
        "/dags/shop/code?version_number=x",
        "/dags/shop/code?file=../../etc/passwd",
        "/dags/shop/runs/first/tasks/extract/log?try_number=7",
        "/dags/shop?part=nope",
        "/no/such/page",
        "/dags/%00",
        "/dags/shop/runs/a%0Ab%2Fc",
    ],
)
def test_what_does_not_exist_is_said_in_our_own_words(viewer: Client, path: str):
    response = viewer.get(path)
    assert response.status_code == 404
    assert b"To the DAGs" in response.content


@pytest.mark.parametrize(
    "query",
    [
        "?page=0&q=%00&tag=%00&owner=%22&paused=maybe&state=nope",
        "?page=99999999999999999999",
        "?page=-1&gone=true&q=" + "x" * 5000,
        "?runs=nope&state=%F0%9F%98%80&type=x&try_number=-3&offset=-9&place=99",
        "?runs=999999999999&try_number=1&offset=999999999999999999&until=1",
    ],
)
def test_odd_queries_are_no_errors(viewer: Client, query: str):
    for name, args in PAGES:
        assert viewer.get(address(name, args) + query).status_code in {200, 404}, name


def test_a_run_id_of_any_characters_has_a_page(viewer: Client, shop: Dag):
    for run_id in ["a/b", "a b", "<b>&\"'", "naïve/..%2F", "x\ny", "日本"]:
        factories.make_run(shop, run_id)
        response = viewer.get(reverse("run", args=["shop", run_id]))
        assert response.status_code == 200, run_id
    assert viewer.get("/dags").status_code == 200
    assert viewer.get("/dags/shop/runs").status_code == 200


def test_a_live_part_is_the_same_text_as_in_the_page(viewer: Client):
    page = viewer.get("/dags/shop/runs/first").content.decode()
    part = viewer.get("/dags/shop/runs/first?part=tasks").content.decode()
    assert part.strip() in page


@pytest.mark.parametrize("name", ["dags", "runs", "run", "dag", "mapped", "dag-task", "graph"])
def test_pages_need_as_many_queries_for_many_rows_as_for_few(viewer: Client, shop: Dag, name: str):
    args = {"dags": [], "run": RUN, "mapped": ["shop", "first", "load"], "dag-task": ["shop", "extract"]}.get(name, DAG)
    viewer.get(address(name, args))
    with CaptureQueriesContext(
        connection,
    ) as few:
        viewer.get(address(name, args))
    for number in range(6):
        factories.make_run(shop, f"more {number}")
    for number in range(5):
        other = factories.make_dag(f"other_{number}", tags=("a", "b"))
        factories.make_run(other)
    viewer.get(address(name, args))  # as before: specs, and columns of the grid, are read once and kept
    with CaptureQueriesContext(connection) as many:
        viewer.get(address(name, args))
    assert len(many) <= len(few), [each["sql"][:100] for each in many]
    assert len(few) < 30


def test_the_details_explain_the_runs_to_come(viewer, monkeypatch):
    now = datetime(2026, 3, 28, 12, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    timetable = {"type": "cron_trigger", "expression": "30 2 * * *", "timezone": "Europe/Berlin"}
    dag = factories.make_dag(spec=replace(factories.make_spec("night"), timetable=timetable), is_paused=True)
    schedule.plan(dag, now, None)
    dag.save()
    page = viewer.get("/dags/night/details").content.decode()
    assert "Sun 2026-03-29 03:30:00 CEST" in page and "Mon 2026-03-30 02:30:00 CEST" in page
    assert "02:30 does not exist on 2026-03-29" in page and "none of these is made before it is unpaused" in page
    assert page.count('<td class="mono">') >= 20


def test_a_dags_page_says_which_tasks_no_pool_can_hold(client: Client):
    factories.make_dag(spec=factories.make_spec("greedy", {"a": (), "b": ()}, tasks={"pool_slots": 500}))
    client.force_login(factories.make_user())
    page = client.get(address("dag", ["greedy"])).content.decode()
    assert page.count("can never run: it asks for 500 slots of pool &#x27;default_pool&#x27;, which has 128") == 2
    assert "can never run" not in client.get(address("dag", DAG)).content.decode()


def test_a_dag_that_is_not_there_leads_to_those_called_alike(client_of: Callable[[str], Client]):
    page = client_of("viewer").get("/dags/shpo/runs/first").content.decode()
    assert "Did you mean" in page and 'href="/dags/shop"' in page
    assert "Did you mean" not in client_of("viewer").get("/dags/something_else").content.decode()
    assert "Did you mean" not in client_of("").get("/dags/shpo").content.decode()
