"""Signing in by an OpenID Connect provider: who comes in, as whom, and which answers are not believed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from dags_app.models import AuditEntry, Identity, TeamMember
from orchestrator import access, oidc
from runs_app import teams
from tests.support import factories, identity_provider
from tests.support.identity_provider import Provider

STRANGERS_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def server() -> Iterator[Provider]:
    with identity_provider.running() as found:
        yield found


@pytest.fixture
def provider(server: Provider, db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    address = server.address
    server.__init__(address)  # type: ignore[misc]  # as it was at the beginning
    server.people["ada"] = {"email": "ada@example.com", "groups": ["engineers"]}
    conf = {
        "issuer": address,
        "client_id": identity_provider.CLIENT_ID,
        "roles": {"engineers": "user", "admins": "admin"},
        "teams": {},
        "create_users": True,
        "link_users": False,
    }
    for name, value in conf.items():
        monkeypatch.setattr(settings.ORCH, f"oidc_{name}", value)
    monkeypatch.setenv("ORCHESTRATOR_OIDC_CLIENT_SECRET", server.client_secret)
    oidc.forget()
    yield server
    oidc.forget()


@dataclass
class Browser:
    """A Django client that goes to the provider and back."""

    provider: Provider
    client: Client

    def begin(self, after: str = "") -> dict[str, str]:
        answer = self.client.get("/sign-in/oidc", {"next": after} if after else {})
        assert answer.status_code == 302 and answer["Location"].startswith(self.provider.address), answer.content
        return {name: values[0] for name, values in parse_qs(urlsplit(answer["Location"]).query).items()}

    def back(self, name: str, asked: dict[str, str]) -> Any:
        parts = urlsplit(self.provider.allow(name, asked))
        return self.client.get(f"{parts.path}?{parts.query}")

    def sign_in(self, name: str = "ada", after: str = "") -> Any:
        return self.back(name, self.begin(after))

    @property
    def is_in(self) -> bool:
        return self.client.get("/account/password").status_code == 200


@pytest.fixture
def browser(provider: Provider) -> Browser:
    return Browser(provider, Client())


def role(name: str = "ada") -> str:
    return access.role_of(User.objects.get(username=name))


def test_somebody_new_gets_an_account_with_the_rights_of_her_groups(browser: Browser):
    answer = browser.sign_in(after="/dags?q=x")
    assert (answer.status_code, answer["Location"]) == (302, "/dags?q=x")
    ada = User.objects.get(username="ada")
    assert (ada.email, ada.has_usable_password(), role()) == ("ada@example.com", False, "user")
    assert browser.is_in
    assert Identity.objects.get().subject == "id-of-ada"
    entries = AuditEntry.objects.order_by("pk").values_list("event", "actor", "how")
    assert list(entries) == [("post_user", "ada", "OpenID Connect"), ("patch_user", "ada", "OpenID Connect")]


def test_the_question_carries_state_nonce_and_pkce(browser: Browser):
    asked, again = browser.begin(), browser.begin()
    assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
    assert set(asked["scope"].split()) == {"openid", "profile", "email"}
    assert all(asked[name] != again[name] for name in ("state", "nonce", "code_challenge"))
    assert browser.back("ada", asked).status_code == 302  # two windows do not stop each other


def test_signing_in_gives_the_session_another_key(browser: Browser):
    asked = browser.begin()
    before = browser.client.cookies["sessionid"].value
    browser.back("ada", asked)
    assert browser.client.cookies["sessionid"].value != before
    assert not Client(headers={"cookie": f"sessionid={before}"}).session.get("_auth_user_id")


def test_the_provider_is_asked_again_after_the_hours_that_are_set(browser: Browser):
    browser.sign_in()
    left = browser.client.session.get_expiry_age()
    assert 11.9 * 3600 < left <= 12 * 3600


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"])
def test_signing_in_never_leads_to_another_site(browser: Browser, target: str):
    assert browser.sign_in(after=target)["Location"] == "/"


def test_roles_follow_the_groups_at_each_sign_in(browser: Browser):
    for groups, expected in ((["engineers"], "user"), (["admins", "engineers"], "admin"), (["engineers"], "user")):
        browser.provider.people["ada"]["groups"] = groups
        assert browser.sign_in().status_code == 302
        assert role() == expected
        browser.client.logout()
    assert User.objects.count() == 1


def test_who_has_lost_all_groups_loses_everything_at_once(browser: Browser):
    browser.sign_in()
    other = Browser(browser.provider, Client())
    browser.provider.people["ada"]["groups"] = ["gardeners"]
    answer = other.sign_in()
    assert answer.status_code == 403 and "None of your groups" in answer.content.decode()
    assert not other.is_in
    assert role() == ""  # what is still open elsewhere shows nothing, either


def test_a_new_name_at_the_provider_is_still_the_same_person(browser: Browser):
    browser.sign_in()
    browser.client.logout()
    browser.provider.people["ada"]["preferred_username"] = "lovelace"
    assert browser.sign_in().status_code == 302
    assert list(User.objects.values_list("username", flat=True)) == ["ada"]


@pytest.mark.parametrize("name", ["boss", "BOSS"])
def test_nobody_becomes_another_by_choosing_her_name(browser: Browser, monkeypatch: pytest.MonkeyPatch, name: str):
    factories.make_user("admin", "boss")
    factories.make_user("", "root", is_superuser=True)
    browser.provider.people |= {name: {"groups": ["engineers"]}, "root": {"groups": ["engineers"]}}
    assert browser.sign_in(name).status_code == 403
    monkeypatch.setattr(settings.ORCH, "oidc_link_users", True)
    assert browser.sign_in("root").status_code == 403  # a superuser never
    assert browser.sign_in(name).status_code == 302  # where names are nobody's to choose
    assert User.objects.get(username="boss").identities.count() == 1
    browser.client.logout()
    browser.provider.people[name]["sub"] = "another"
    assert browser.sign_in(name).status_code == 403  # one person an account


def test_accounts_are_not_made_where_that_is_switched_off(browser: Browser, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings.ORCH, "oidc_create_users", False)
    assert browser.sign_in().status_code == 403
    assert not User.objects.exists()


def test_an_account_that_is_switched_off_stays_out(browser: Browser):
    browser.sign_in()
    User.objects.update(is_active=False)
    assert browser.sign_in().status_code == 403


def test_the_last_local_admin_is_never_locked_out(browser: Browser, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings.ORCH, "oidc_link_users", True)
    factories.with_password(factories.make_user("admin", "ada"))
    browser.sign_in()
    assert role() == "admin"  # her groups say user
    browser.client.logout()
    factories.with_password(factories.make_user("admin", "another"))
    browser.sign_in()
    assert role() == "user"


def test_groups_give_and_take_memberships_and_leave_those_given_by_hand(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
):
    now = factories.DAY
    for name in ("sales", "stock", "other"):
        teams.make(name, user=None, now=now)
    monkeypatch.setattr(settings.ORCH, "oidc_teams", {"s": ("sales", "user"), "t": ("stock", "viewer")})
    browser.provider.people["ada"]["groups"] = ["s", "t"]
    assert browser.sign_in().status_code == 302  # a team is enough to come in
    ada = User.objects.get()
    teams.put_member(teams.Team.objects.get(name="other"), ada, "viewer", user=None)
    browser.client.logout()
    browser.provider.people["ada"]["groups"] = ["t"]
    browser.sign_in()
    found = dict(TeamMember.objects.filter(user=ada).values_list("team__name", "role"))
    assert found == {"stock": "viewer", "other": "viewer"}


def test_claims_may_stand_in_the_userinfo_and_be_nested(browser: Browser, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings.ORCH, "oidc_groups_claim", "realm_access.roles")
    browser.provider.in_token = False
    browser.provider.people["ada"] = {"email": "ada@example.com", "realm_access": {"roles": ["admins"]}}
    assert browser.sign_in().status_code == 302
    assert role() == "admin"


def test_a_mail_address_that_was_not_checked_names_nobody(browser: Browser, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings.ORCH, "oidc_user_claim", "email")
    browser.provider.people["ada"]["email_verified"] = False
    assert browser.sign_in().status_code == 403


# ---- answers that are not believed


def _claims(**changed: Any) -> Callable[[Provider], None]:
    def spoil(provider: Provider) -> None:
        provider.spoil = lambda claims: {
            name: value for name, value in {**claims, **changed}.items() if value is not None
        }

    return spoil


def _signed(sign: Callable[[Provider, dict[str, Any]], str]) -> Callable[[Provider], None]:
    def spoil(provider: Provider) -> None:
        provider.sign = lambda claims: sign(provider, claims)

    return spoil


def _cut(provider: Provider, claims: dict[str, Any]) -> str:
    head, _, mark = provider.signed(claims).split(".")
    return f"{head}.{provider.signed({**claims, 'sub': 'other'}).split('.')[1]}.{mark}"


FORGED = {
    "of another issuer": _claims(iss="https://evil.example"),
    "without an issuer": _claims(iss=None),
    "for another client": _claims(aud="another"),
    "for others too, and not from us": _claims(aud=["orchestrator", "another"], azp="another"),
    "for others too, from nobody": _claims(aud=["orchestrator", "another"]),
    "without an audience": _claims(aud=None),
    "of nobody": _claims(sub=None),
    "of an empty name": _claims(sub=""),
    "expired": lambda provider: _claims(exp=int(time.time()) - 62)(provider),
    "without an end": _claims(exp=None),
    "of a word for a time": _claims(exp="tomorrow"),
    "issued in the future": lambda provider: _claims(iat=int(time.time()) + 65)(provider),
    "not good yet": lambda provider: _claims(nbf=int(time.time()) + 65)(provider),
    "of another sign-in": _claims(nonce="another"),
    "of no sign-in": _claims(nonce=None),
    "of another access token": _claims(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "signed by a stranger": _signed(
        lambda provider, claims: jwt.encode(claims, STRANGERS_KEY, "RS256", headers={"kid": provider.kid})
    ),
    "signed by a key that is not there": _signed(
        lambda provider, claims: jwt.encode(claims, STRANGERS_KEY, "RS256", headers={"kid": "x"})
    ),
    "not signed": _signed(lambda provider, claims: jwt.encode(claims, None, algorithm="none")),
    "signed with the client's secret": _signed(
        lambda provider, claims: jwt.encode(claims, provider.client_secret * 2, "HS256", headers={"kid": provider.kid})
    ),
    "changed on the way": _signed(_cut),
    "no token at all": _signed(lambda provider, claims: "x.y.z"),
    "nothing": _signed(lambda provider, claims: ""),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_token_is_not_believed(browser: Browser, forged: str):
    FORGED[forged](browser.provider)
    answer = browser.sign_in()
    assert answer.status_code == 502
    assert "does not hold" in answer.content.decode() and "Traceback" not in answer.content.decode()
    assert not browser.is_in and not User.objects.exists()


@pytest.mark.parametrize("late", [{"exp": -55}, {"iat": 55}, {"nbf": 55}])
def test_clocks_may_differ_by_a_minute(browser: Browser, late: dict[str, int]):
    browser.provider.spoil = lambda claims: claims | {name: int(time.time()) + by for name, by in late.items()}
    assert browser.sign_in().status_code == 302


def test_an_answer_is_good_once(browser: Browser):
    asked = browser.begin()
    where = urlsplit(browser.provider.allow("ada", asked))
    assert browser.client.get(f"{where.path}?{where.query}").status_code == 302
    browser.client.logout()
    assert browser.client.get(f"{where.path}?{where.query}").status_code == 400


def test_an_answer_of_another_browser_signs_nobody_in(browser: Browser):
    victim = Browser(browser.provider, Client())
    where = urlsplit(browser.provider.allow("ada", browser.begin()))
    for client in (victim.client, Client()):
        assert client.get(f"{where.path}?{where.query}").status_code == 400
    victim.begin()
    assert victim.client.get(f"{where.path}?{where.query}").status_code == 400
    assert not victim.is_in


def test_a_code_of_another_sign_in_is_refused(browser: Browser):
    first, second = browser.begin(), browser.begin()
    code = parse_qs(urlsplit(browser.provider.allow("ada", first)).query)["code"][0]
    answer = browser.client.get(f"/sign-in/oidc/callback?{urlencode({'code': code, 'state': second['state']})}")
    assert answer.status_code == 502 and not browser.is_in


@pytest.mark.parametrize("query", ["", "state=x", "code=x", "state=%00", "error=access_denied", "state=x&error=<b>"])
def test_an_answer_to_no_question_is_a_page(browser: Browser, query: str):
    browser.begin()
    answer = browser.client.get(f"/sign-in/oidc/callback?{query}")
    assert answer.status_code == 400 and "<b>" not in answer.content.decode()


def test_a_refusal_there_is_a_page_here_in_our_words(browser: Browser):
    state = browser.begin()["state"]
    sent = urlencode({"state": state, "error": "access_denied", "error_description": "call 0800-EVIL"})
    answer = browser.client.get(f"/sign-in/oidc/callback?{sent}")
    assert answer.status_code == 403 and "EVIL" not in answer.content.decode()
    assert browser.client.get(f"/sign-in/oidc/callback?{sent}").status_code == 400


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"jwks_uri": ""},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": None},
    ],
)
def test_a_provider_that_is_not_the_one_that_is_set_is_not_used(browser: Browser, metadata: dict[str, Any]):
    browser.provider.metadata = metadata
    assert browser.client.get("/sign-in/oidc").status_code == 502


def test_a_provider_that_is_down_is_a_page_and_is_asked_again(browser: Browser):
    browser.provider.fails = True
    answer = browser.client.get("/sign-in/oidc")
    assert answer.status_code == 502 and "does not answer" in answer.content.decode()
    browser.provider.fails = False
    assert browser.sign_in().status_code == 302


def test_a_new_key_of_the_provider_is_found(browser: Browser):
    browser.sign_in()
    browser.client.logout()
    browser.provider.new_key()
    assert browser.sign_in().status_code == 302


def test_the_userinfo_of_another_person_is_not_taken(browser: Browser):
    browser.provider.in_token = False
    browser.provider.people["ada"]["sub"] = "another"
    assert browser.sign_in().status_code == 502


# ---- beside the provider


def test_signing_out_leads_to_the_end_of_the_provider_s_session(browser: Browser):
    browser.sign_in()
    answer = browser.client.post("/sign-out")
    assert answer.status_code == 200
    where = urlsplit(answer["Refresh"].partition("url=")[2])
    asked = {name: values[0] for name, values in parse_qs(where.query).items()}
    assert where.path == "/end" and asked["post_logout_redirect_uri"] == "http://testserver/sign-in"
    assert jwt.decode(asked["id_token_hint"], options={"verify_signature": False})["sub"] == "id-of-ada"
    assert not browser.is_in


def test_signing_out_works_while_the_provider_is_away(browser: Browser):
    browser.sign_in()
    oidc.forget()
    browser.provider.fails = True
    assert browser.client.post("/sign-out")["Location"] == "/sign-in"
    assert not browser.is_in


def test_without_local_sign_in_a_password_lets_superusers_in_only(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, redis_server: object
):
    monkeypatch.setattr(settings.ORCH, "local_sign_in", False)
    boss = factories.with_password(factories.make_user("admin", "boss", last_login=factories.DAY))
    root = factories.with_password(factories.make_user("", "root", is_superuser=True, last_login=factories.DAY))
    for account, page_status, token_status in ((boss, 403, 401), (root, 302, 201)):
        sent = {"username": account.username, "password": factories.PASSWORD}
        assert Client().post("/sign-in", sent).status_code == page_status
        assert Client().post("/auth/token", sent, content_type="application/json").status_code == token_status
    assert "superuser" in Client().get("/sign-in").content.decode()


def test_who_comes_by_the_provider_has_no_password_that_gives_a_token(browser: Browser, redis_server: object):
    browser.sign_in()
    for password in ("", "x", User.objects.get().password):
        body = {"username": "ada", "password": password}
        assert Client().post("/auth/token", body, content_type="application/json").status_code in {401, 422}


def test_without_a_provider_nothing_of_it_is_there(db: None):
    assert Client().get("/sign-in/oidc").status_code == 404
    assert "Sign in with" not in Client().get("/sign-in").content.decode()
