"""Rights on some DAGs only, by a team or by a token: what they open, and that nothing else shows anywhere."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from dags_app import access_control
from dags_app.models import ApiToken, AuditEntry, Dag, Team
from orchestrator import access
from orchestrator.live.consumers import _group
from runs_app import api_tokens, teams
from runs_app.models import AssetEvent, DagRun, Deadline, Hold, QueuedEvent
from tests.support import factories
from tests.support.factories import DAY

from . import routes
from .test_matrix import BODIES, THERE, ask, fill, undone, world  # noqa: F401

OFF = {"sign-in/oidc", "sign-in/oidc/callback"}


def member(role: str = "user", *rules: tuple[str, str], own: str = "", name: str = "sales") -> User:
    """Somebody without a role of her own who is in a team."""
    user = factories.make_user(own)
    team = Team.objects.filter(name=name).first() or teams.make(name, rules=rules, user=None, now=DAY)
    teams.put_member(team, user, role, user=None)
    return User.objects.get(pk=user.pk)


def token(owner: User, **limits: Any) -> Client:
    text = api_tokens.make(owner, "t", days=1, **limits, user=owner, now=timezone.now())[1]
    return Client(HTTP_AUTHORIZATION=f"Bearer {text}", raise_request_exception=False)


def seen(user: User) -> set[str]:
    return set(access.visible_dags(user).values_list("pk", flat=True))


# ---- which DAGs


@pytest.fixture
def dags(db: None) -> None:
    factories.make_dag("a", file=factories.make_file("sales/a.py"), tags=("money",), owners=["ann"])
    factories.make_dag("b", file=factories.make_file("SALES/b.py"), tags=("Money",), owners=["anna", "bob"])
    factories.make_dag("c", file=factories.make_file("salesmen/c.py"), owners=["x"])
    factories.make_dag("d", file=factories.make_file("sales/deep/d.py"), owners=["x"])
    factories.make_dag("named", team_roles={"sales": "viewer", "other": "user"})


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (("folder", "/sales/"), {"a", "d"}),
        (("tag", "money"), {"a"}),
        (("owner", "ann"), {"a"}),
        (("owner", "bob"), {"b"}),
        (("dag", "c"), {"c"}),
        (("dag", "absent"), set()),
    ],
)
def test_a_rule_names_these_dags_and_no_others(dags: None, rule: tuple[str, str], found: set[str]):
    assert seen(member("user", rule)) == found | {"named"}


def test_a_file_gives_its_team_what_it_says_and_members_no_more_than_they_have(dags: None):
    sales, other = member("user"), member("user", name="other")
    guest = member("viewer", name="other")
    named = Dag.objects.get(pk="named")
    assert [access.can(each, "read", named) for each in (sales, other, guest)] == [True, True, True]
    assert [access.can(each, "trigger", named) for each in (sales, other, guest)] == [False, True, False]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"sales": {"can_read"}}, {"sales": "viewer"}),
        ({"sales": ["can_read", "can_edit"]}, {"sales": "user"}),
        ({"sales": {"DAGs": ["can_read"], "DAG Runs": ["can_create"]}}, {"sales": "user"}),
        ({"sales": []}, None),
        ({}, None),
        ("nonsense", None),
    ],
)
def test_access_control_is_read_in_each_of_airflow_s_notations(given: Any, found: Any):
    assert access_control.as_roles(given) == found


def test_a_set_in_a_dag_file_is_the_same_in_each_process():
    spec = factories.make_spec("x", access_control={"sales": {"can_read", "can_edit", "can_delete"}})
    assert spec.access_control == {"sales": ["can_delete", "can_edit", "can_read"]}


def test_a_team_adds_to_a_role_and_takes_nothing(dags: None):
    user = member("user", ("dag", "a"), own="viewer")
    assert seen(user) == {"a", "b", "c", "d", "named"}
    a, b = Dag.objects.get(pk="a"), Dag.objects.get(pk="b")
    assert (access.can(user, "trigger", a), access.can(user, "trigger", b)) == (True, False)
    assert not access.can(user, "trigger")
    assert set(access.dags_for(user, "trigger").values_list("pk", flat=True)) == {"a"}


def test_who_is_in_no_team_and_has_no_role_sees_nothing(dags: None):
    user = factories.make_user("")
    assert seen(user) == set() and not access.highest_role(user)


# ---- and nothing else


@pytest.fixture
def shared(world: dict[str, Any]) -> dict[str, Any]:  # noqa: F811
    """The matrix's world, with another DAG on everything that is the team's, too."""
    planted = Dag.objects.get(pk="planted")
    alpha = Dag.objects.get(pk="alpha")
    run = planted.runs.get()
    first = run.task_instances.first()
    factories.make_asset("planted-too", pk=78, producer=planted, consumer=planted)
    both = alpha.schedule_references.get().asset
    factories.make_asset("other-name", pk=77, producer=planted)
    planted.schedule_references.create(asset=both, created_at=DAY, updated_at=DAY)
    planted.task_references.create(asset=both, task_id="a", is_outlet=True, created_at=DAY, updated_at=DAY)
    led = AssetEvent.objects.create(
        asset=both, source_dag_id="alpha", source_run_id="r1", source_task_id="a", timestamp=DAY
    )
    led.runs.add(run, DagRun.objects.get(dag_id="alpha"))
    AssetEvent.objects.create(asset=both, source_dag_id="planted", source_run_id="planted", timestamp=DAY).runs.add(
        run, DagRun.objects.get(dag_id="alpha")
    )
    QueuedEvent.objects.create(dag=planted, asset=both, created_at=DAY, touched_at=DAY)
    Hold.objects.create(dag=planted, task_id="a", held_by="planted", created_at=DAY)
    Deadline.objects.create(run=run, key="k", deadline_time=DAY, created_at=DAY, missed=True)
    factories.make_failure(first, digest="planted")
    factories.make_question(first, subject="planted")
    factories.make_xcom(first, "planted", key="planted")
    AuditEntry.objects.create(actor="x", event="trigger_dag_run", dag_id="planted")
    return world


def gets() -> list[str]:
    pages = [route for route, methods in routes.PAGES.items() if "get" in methods and route not in OFF]
    return sorted([*(route for route, methods in routes.API.items() if "get" in methods), *pages])


@pytest.mark.parametrize("who", ["member", "token"])
def test_what_is_not_for_a_team_or_a_token_is_in_no_answer(shared: dict[str, Any], who: str):
    if who == "token":
        client = token(factories.make_user("admin"), dags=["alpha"])
        asked = [route for route in gets() if route in routes.API]
    else:
        client, asked = Client(), gets()
        client.force_login(member("user", ("dag", "alpha"), ("dag", "epsilon")))
    told, statuses = [], {}
    for route in asked:
        with undone():
            for ids in ({**THERE, **shared}, {**THERE, **shared, "dag_id": "planted", "run_id": "planted"}):
                path = fill(route, ids)
                answer = ask(client, "get", path, {})
                statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
                content = b"" if answer.streaming else answer.content
                if b"planted" in content.replace(path.encode(), b"").replace(b"`planted`", b""):
                    at = content.find(b"planted")
                    told.append((path, answer.status_code, content[max(at - 60, 0) : at + 60]))
                assert answer.status_code < 500, path
    assert statuses[200] > (60 if who == "member" else 40), statuses
    told = [each for each in told if "planted" not in each[0] or each[1] != 404]
    assert not told, "\n".join(map(str, told))


def test_a_member_acts_on_her_dags_and_on_no_others(shared: dict[str, Any]):
    acts, looks = Client(), Client()
    acts.force_login(member("user", ("dag", "alpha")))
    looks.force_login(member("viewer"))
    for client, wanted in ((looks, 403), (acts, 200)):
        answer = client.post("/api/v2/dags/alpha/dagRuns", {"logical_date": None}, content_type="application/json")
        assert answer.status_code == wanted
        answer = client.post("/api/v2/dags/planted/dagRuns", {"logical_date": None}, content_type="application/json")
        assert answer.status_code == 404
    sent = {"is_paused": True}
    acts.patch("/api/v2/dags?dag_id_pattern=%25", sent, content_type="application/json")
    assert set(Dag.objects.filter(is_paused=True).values_list("pk", flat=True)) == {"alpha"}
    assert looks.patch("/api/v2/dags?dag_id_pattern=%25", sent, content_type="application/json").status_code == 403
    body = {"actions": [{"action": "delete", "entities": [{"dag_id": "planted", "dag_run_id": "planted"}]}]}
    acts.patch("/api/v2/dags/~/dagRuns", body, content_type="application/json")
    assert DagRun.objects.filter(dag_id="planted").exists()
    for name in ("variables", "connections", "pools", "eventLogs", "config", "jobs"):
        assert acts.get(f"/api/v2/{name}").status_code == 403, name


def test_a_page_offers_a_member_what_she_may(shared: dict[str, Any]):
    client = Client()
    client.force_login(member("viewer", ("dag", "alpha")))
    assert "/dags/alpha/trigger" not in client.get("/dags/alpha").content.decode()
    client.force_login(member("user"))
    page = client.get("/dags/alpha").content.decode()
    assert "/dags/alpha/trigger" in page and "/variables" not in page


@pytest.mark.parametrize("view", ["cards", "table"])
def test_a_list_offers_for_each_dag_what_one_may_do_with_it(shared: dict[str, Any], view: str):
    client = Client()
    client.force_login(member("user", ("dag", "alpha"), own="viewer"))
    page = client.get(f"/dags?view={view}").content.decode()
    assert "/dags/beta" in page
    assert "/dags/alpha/trigger" in page and "/dags/beta/trigger" not in page


def test_a_socket_tells_a_member_of_her_dags_only(shared: dict[str, Any]):
    user = member("viewer", ("dag", "alpha"))
    own, other = DagRun.objects.get(dag_id="alpha"), DagRun.objects.get(dag_id="planted")
    for subject, open_ in {
        **{"dags": True, "dag:alpha": True, "dag:planted": False},
        **{f"run:{own.pk}": True, f"run:{other.pk}": False},
        f"log:{own.task_instances.first().pk}": True,
        f"log:{other.task_instances.first().pk}": False,
    }.items():
        fresh = User.objects.get(pk=user.pk)
        assert bool(_group(fresh, subject)) == open_, subject


def test_rows_are_asked_for_together(dags: None, django_assert_num_queries: Any):
    user = member("user", ("tag", "money"), ("folder", "sales"))
    rows = list(Dag.objects.all())
    with django_assert_num_queries(3):  # her role, her teams, the DAGs
        assert sum(access.can(user, "trigger", row) for row in rows) == 2


# ---- narrow tokens


NEVER = {
    "read": {"trigger", "clear", "edit_variables", "admin"},
    "trigger": {"clear", "mark", "delete", "edit", "edit_variables", "admin"},
    "edit": set(),
}


@pytest.mark.parametrize("scope", NEVER)
def test_a_scope_leaves_these_verbs(db: None, scope: str):
    user = access.limited(factories.make_user("admin"), "", scope)
    left = {verb for verb in access.LEAST_ROLE if access.can(user, verb)}
    assert {"read", "read_variables"} <= left and not left & NEVER[scope]
    if scope != "edit":
        assert {verb for verb in left if not verb.startswith("read")} == ({"trigger"} if scope == "trigger" else set())


@pytest.mark.parametrize(("scope", "left"), [("read", ()), ("trigger", ("trigger",))])
def test_a_token_changes_nothing_beyond_its_scope_anywhere(shared: dict[str, Any], scope: str, left: tuple[str, ...]):
    narrow, asked = token(factories.make_user("admin"), scope=scope), 0
    entries = AuditEntry.objects.count()
    for route, methods in routes.API.items():
        for method, rule in methods.items():
            kind, _, verb = rule.partition(":")
            if method == "get" or kind in {"open", "sees"} or verb in left:
                continue
            answer = ask(narrow, method, fill(route, {**THERE, **shared}), BODIES.get((route, method), {}))
            assert answer.status_code == 403, (route, method, answer.status_code)
            asked += 1
    assert asked > 60 and AuditEntry.objects.count() == entries


def test_a_scope_that_nobody_knows_leaves_nothing_but_reading(db: None):
    user = access.limited(factories.make_user("admin"), "", "bogus")
    assert access.can(user, "read") and not access.can(user, "trigger")


def test_a_token_for_dags_opens_these_alone(shared: dict[str, Any]):
    boss = factories.make_user("admin")
    narrow = token(boss, dags=["alp*"], scope="trigger")
    found = narrow.get("/api/v2/dags").json()
    assert [each["dag_id"] for each in found["dags"]] == ["alpha"]
    post = {"data": {"logical_date": None}, "content_type": "application/json"}
    assert narrow.post("/api/v2/dags/alpha/dagRuns", **post).status_code == 200
    assert narrow.post("/api/v2/dags/planted/dagRuns", **post).status_code == 404
    assert narrow.delete("/api/v2/dags/alpha").status_code == 403
    for name in ("variables", "connections", "pools", "eventLogs", "config"):
        assert narrow.get(f"/api/v2/{name}").status_code == 403, name
    assert not seen(access.limited(boss, "", "", ["ALP*"])) & {"alpha"}


@pytest.mark.parametrize("wrong", [{"scope": "all"}, {"dags": ["*x"]}, {"dags": [str(n) for n in range(101)]}])
def test_a_token_that_cannot_be_is_not_made(db: None, wrong: dict[str, Any]):
    owner = factories.make_user("user")
    with pytest.raises(api_tokens.InvalidToken):
        api_tokens.make(owner, "x", days=1, **wrong, user=owner, now=timezone.now())
    assert not ApiToken.objects.exists()


def test_the_page_makes_a_narrow_token(db: None):
    client = Client()
    client.force_login(factories.make_user("user"))
    sent = {"name": "ci", "days": "30", "role": "", "scope": "trigger", "dags": "sales_*, stock"}
    assert client.post("/security/tokens/add", sent).status_code == 200
    row = ApiToken.objects.get()
    assert (row.scope, row.dags) == ("trigger", ["sales_*", "stock"])
    shown = client.get("/security/tokens").content.decode()
    assert "sales_*" in shown and "trigger" in shown


# ---- pages and commands


def test_teams_are_made_changed_and_deleted_on_pages(dags: None):
    client, ann = Client(), factories.make_user("", "ann")
    client.force_login(factories.make_user("admin"))
    client.post("/security/teams/add", {"name": "sales", "rules": "folder sales\n\ntag money", "description": "d"})
    team = Team.objects.get()
    assert team.rules == [["folder", "sales"], ["tag", "money"]]
    page = f"/security/teams/{team.pk}"
    client.post(f"{page}/members", {"username": "ann", "role": "user"})
    assert seen(User.objects.get(pk=ann.pk)) == {"a", "d", "named"}
    shown = client.get(page).content.decode()
    assert "ann" in shown and "/dags/d" in shown
    assert "sales" in client.get("/security/users").content.decode()
    assert client.post(page, {"rules": "nonsense x"}).status_code == 422
    client.post(page, {"rules": "dag c", "description": "d"})
    assert seen(User.objects.get(pk=ann.pk)) == {"c", "named"}
    client.post(f"{page}/members", {"username": "ann", "role": ""})
    assert seen(User.objects.get(pk=ann.pk)) == set()
    client.post(f"{page}/delete")
    assert not Team.objects.exists()


@pytest.mark.parametrize("name", ["", "ab", "1abc", "a b", "x" * 51, "SALES"])
def test_a_team_that_cannot_be_is_refused(db: None, name: str):
    teams.make("sales", user=None, now=DAY)
    client = Client()
    client.force_login(factories.make_user("admin"))
    assert client.post("/security/teams/add", {"name": name}).status_code == 422
    assert Team.objects.count() == 1


def test_a_narrow_token_is_made_by_command(db: None):
    factories.make_user("user", "ann")
    out = io.StringIO()
    call_command("tokens", "create", "ann", "nightly", "--scope", "trigger", "--dags", "sales_*", "x", stdout=out)
    row = ApiToken.objects.get(digest=api_tokens.digest_of(out.getvalue().strip()))
    assert (row.scope, row.dags) == ("trigger", ["sales_*", "x"])


def test_teams_are_made_and_filled_by_command(dags: None):
    factories.make_user("", "ann")
    call_command("teams", "create", "sales", "--dags", "folder=sales", "tag=money", stdout=io.StringIO())
    call_command("teams", "member", "sales", "ann", "user", stdout=io.StringIO())
    out = io.StringIO()
    call_command("teams", "list", "--json", stdout=out)
    found = json.loads(out.getvalue())[0]
    assert (found["members"], found["dags"]) == ({"ann": "user"}, 3)
    call_command("teams", "member", "sales", "ann", "none", stdout=io.StringIO())
    call_command("teams", "delete", "sales", stdout=io.StringIO())
    assert not Team.objects.exists()
