"""Users, roles, tokens and the audit log."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.utils import timezone

from dags_app.models import ApiToken, AuditEntry
from orchestrator import access
from runs_app import api_tokens
from tests.support import factories


def bearer(token: str) -> Client:
    return Client(HTTP_AUTHORIZATION=f"Bearer {token}")


def made(owner: User, *, days: int | None = 1, role: str = "") -> str:
    return api_tokens.make(owner, "x", days=days, role=role, user=owner, now=timezone.now())[1]


def test_a_token_is_shown_once_opens_the_api_and_is_revoked(user: Client):
    page = user.post("/security/tokens/add", {"name": "deploys", "days": "30", "role": ""}).content.decode()
    token = re.search(r'value="(orc_[\w-]+)"', page)[1]
    row = ApiToken.objects.get()
    assert (row.digest, row.begins) == (api_tokens.digest_of(token), token[:10])
    assert token not in user.get("/security/tokens").content.decode()
    assert bearer(token).get("/api/v2/dags").status_code == 200
    row.refresh_from_db()
    assert row.last_used_at is not None
    user.post("/security/tokens/revoke", {"token": row.pk})
    assert bearer(token).get("/api/v2/dags").status_code == 401
    assert {"create_token", "revoke_token"} == set(AuditEntry.objects.values_list("event", flat=True))
    assert token not in str(list(AuditEntry.objects.values()))


def test_a_token_ends_with_its_time_its_password_and_its_account(db: None):
    for end in ("time", "password", "account"):
        owner = factories.make_user("viewer")
        token = made(owner)
        assert bearer(token).get("/api/v2/dags").status_code == 200
        if end == "time":
            ApiToken.objects.filter(user=owner).update(expires_at=timezone.now() - timedelta(seconds=1))
        elif end == "password":
            factories.with_password(owner)
        else:
            User.objects.filter(pk=owner.pk).update(is_active=False)
        assert bearer(token).get("/api/v2/dags").status_code == 401, end
    assert bearer("orc_nonsense").get("/api/v2/dags").status_code == 401


@pytest.mark.parametrize(
    ("own", "asked", "found"),
    [("admin", "viewer", "viewer"), ("viewer", "admin", "viewer"), ("op", "", "op"), ("", "viewer", "")],
)
def test_a_token_may_no_more_than_its_role_and_its_owner(db: None, own: str, asked: str, found: str):
    assert access.role_of(access.limited(factories.make_user(own), asked)) == found


def test_a_limited_token_of_a_superuser_is_limited(db: None):
    boss = factories.make_user("", is_superuser=True)
    assert bearer(made(boss)).get("/api/v2/variables").status_code == 200
    limited = bearer(made(boss, role="viewer"))
    assert limited.get("/api/v2/dags").status_code == 200
    assert limited.get("/api/v2/variables").status_code == 403


@pytest.mark.parametrize("wrong", [{"name": ""}, {"role": "admin"}, {"days": "0"}, {"days": "x"}, {"days": "99999"}])
def test_a_token_that_cannot_be_is_refused(user: Client, wrong: dict[str, str]):
    answer = user.post("/security/tokens/add", {"name": "x", "days": "1", "role": "", **wrong})
    assert answer.status_code == 422
    assert not ApiToken.objects.exists()


def test_nobody_ends_the_token_of_another_but_an_administrator(user: Client, client_of):
    made(factories.make_user("viewer", "ada"))
    pk = ApiToken.objects.get().pk
    user.post("/security/tokens/revoke", {"token": pk})
    assert ApiToken.objects.get().revoked_at is None
    assert "ada" not in user.get("/security/tokens?all=true").content.decode()
    admin = client_of("admin")
    assert "ada" in admin.get("/security/tokens?all=true").content.decode()
    admin.post("/security/tokens/revoke", {"token": pk})
    assert ApiToken.objects.get().revoked_at is not None


def test_the_command_makes_lists_and_revokes(db: None, capsys):
    factories.make_user("viewer", "ada")
    call_command("tokens", "create", "ada", "ci", "--role", "viewer")
    token = capsys.readouterr().out.strip()
    assert bearer(token).get("/api/v2/dags").status_code == 200
    call_command("tokens", "list")
    listed = capsys.readouterr().out
    assert token[:10] in listed and token not in listed
    call_command("tokens", "revoke", str(ApiToken.objects.get().pk))
    assert bearer(token).get("/api/v2/dags").status_code == 401
    with pytest.raises(CommandError, match="no token"):
        call_command("tokens", "revoke", str(ApiToken.objects.get().pk))


def test_a_user_is_made_with_a_one_time_password_shown_once(client_of):
    admin = client_of("admin")
    page = admin.post("/security/users/add", {"username": "ada", "role": "op"}).content.decode()
    password = re.search(r'readonly value="([^"]+)"', page)[1]
    ada = User.objects.get(username="ada")
    assert ada.check_password(password)
    assert (access.role_of(ada), ada.last_login) == ("op", None)
    again = admin.post("/security/users/add", {"username": "ADA", "role": "op"})
    assert again.status_code == 422
    assert "already" in again.content.decode()
    assert admin.post("/security/users/add", {"username": "a b<x>", "role": ""}).status_code == 422


def test_a_role_is_changed_and_nobody_changes_her_own(client_of):
    admin, ada = client_of("admin"), factories.make_user("viewer", "ada")
    assert admin.post(f"/security/users/{ada.pk}", {"role": "op"}).status_code == 302
    ada = User.objects.get(pk=ada.pk)
    assert (ada.is_active, [group.name for group in ada.groups.all()]) == (False, ["op"])
    me = User.objects.get(groups__name="admin")
    answer = admin.post(f"/security/users/{me.pk}", {"role": "viewer", "is_active": "on"})
    assert answer.status_code == 422
    assert User.objects.filter(pk=me.pk, groups__name="admin").exists()
    assert admin.post(f"/security/users/{ada.pk}", {"role": "king"}).status_code == 422


def chosen_role(answer) -> list[str]:
    return re.findall(r"<option selected>(\w+)", answer.content.decode())


def test_a_form_of_a_user_offers_the_role_of_that_user_and_not_of_who_fills_it_in(client_of):
    """Somebody who only takes "may sign in" away must not make an administrator of her."""
    admin, ada = client_of("admin"), factories.make_user("viewer", "ada")
    assert chosen_role(admin.get(f"/security/users/{ada.pk}")) == ["viewer"]
    assert chosen_role(admin.get("/security/users/add")) == ["viewer"]
    assert chosen_role(admin.post("/security/users/add", {"username": "ada", "role": "op"})) == ["op"]


def test_roles_are_shown_as_the_access_rules_have_them(client_of):
    rows = dict(client_of("admin").get("/security/roles").context["rows"])
    assert rows["read"] == [True] * 4
    assert rows["edit_variables"] == [False, False, True, True]
    assert set(rows) == set(access.LEAST_ROLE)


def test_a_superuser_counts_as_an_administrator(client_of):
    User.objects.create_superuser("root")
    counts = dict(client_of("admin").get("/security/roles").context["counts"])
    assert counts["admin"] == 2, "root, and the one who looks"


def test_the_audit_log_is_filtered_and_escaped(client_of):
    AuditEntry.objects.create(actor="ada", event="pause_dag", dag_id="shop", extra={"note": "<b>x</b>"})
    AuditEntry.objects.create(actor="bob", event="trigger_dag_run", dag_id="other")
    op = client_of("op")
    page = op.get("/events?owner_pattern=ad").content.decode()
    assert "&lt;b&gt;x" in page
    assert "trigger_dag_run" not in page
    assert [row.actor for row in op.get("/events?event_pattern=trig").context["chunk"].rows] == ["bob"]


def test_what_an_event_changed_is_told_as_people_write_it(client_of):
    extra = {"dags": ["a", "b"], "forced": True, "diff": "-old <i>\n+new"}
    AuditEntry.objects.create(actor="ada", event="edit", dag_id="shop", run_id="r1", task_id="t", extra=extra)
    page = client_of("op").get("/events").content.decode()
    assert "</span> a, b" in page and "</span> yes" in page
    assert '<pre class="trace">-old &lt;i&gt;\n+new</pre>' in page
    assert 'href="/dags/shop/runs/r1"' in page
