"""The way in and out."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from tests.support import factories
from tests.support.factories import PASSWORD

OTHER = "another-long-one-7"


@pytest.fixture(autouse=True)
def no_earlier_attempts(redis_server: object, db: None) -> None:
    cache.clear()


def known(**fields: object) -> object:
    return factories.with_password(factories.make_user("viewer", "ada", last_login=timezone.now(), **fields))


def post(client: Client, path: str = "/sign-in", **values: str) -> object:
    return client.post(path, {"username": "ada", "password": PASSWORD, **values})


def test_signing_in_leads_to_where_one_wanted_to_go():
    known()
    client = Client()
    assert post(client, next="/dags?q=x")["Location"] == "/dags?q=x"
    assert client.get("/dags").status_code == 200


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_never_leads_to_another_site(target: str):
    known()
    assert post(Client(), next=target)["Location"] == "/"


def test_an_unknown_user_and_a_wrong_password_get_the_same_answer():
    known()
    wrong = post(Client(), password="wrong")
    unknown = post(Client(), username="ada2", password="wrong")
    assert wrong.status_code == unknown.status_code == 403
    cut = lambda page: page.content.decode().split("<h1>")[1].split("<label")[0]  # noqa: E731
    assert cut(wrong) == cut(unknown)


def test_an_inactive_user_does_not_get_in():
    known(is_active=False)
    assert post(Client()).status_code == 403


def test_guessing_is_slowed_down_even_for_the_right_password():
    known()
    for _ in range(5):
        post(Client(), password="wrong")
    response = post(Client())
    assert response.status_code == 429
    assert "wait a minute" in response.content.decode()


def test_a_form_without_its_token_is_refused():
    known()
    response = post(Client(enforce_csrf_checks=True))
    assert response.status_code == 403
    assert "could not be accepted" in response.content.decode()


def test_the_first_sign_in_asks_for_a_password_of_ones_own():
    factories.with_password(factories.make_user("admin", "ada"))
    client = Client()
    assert post(client, next="/dags?q=1")["Location"] == "/sign-in/password"
    assert client.get("/dags").status_code == 302  # not signed in yet
    same = client.post("/sign-in/password", {"new_password1": PASSWORD, "new_password2": PASSWORD})
    assert same.status_code == 422
    chosen = client.post("/sign-in/password", {"new_password1": OTHER, "new_password2": OTHER})
    assert chosen["Location"] == "/dags?q=1"
    assert client.get("/dags").status_code == 200
    assert post(Client()).status_code == 403  # the one-time password is gone
    assert post(Client(), password=OTHER)["Location"] == "/"


def test_nobody_chooses_a_password_without_having_signed_in():
    factories.make_user("admin", "ada")
    response = Client().post("/sign-in/password", {"new_password1": OTHER, "new_password2": OTHER})
    assert response["Location"] == "/sign-in"


def test_signing_out_ends_the_session():
    known()
    client = Client()
    post(client)
    assert client.get("/sign-out").status_code == 405  # a link must not sign anybody out
    assert client.post("/sign-out")["Location"] == "/sign-in"
    assert client.get("/dags").status_code == 302


def test_a_changed_password_ends_other_sessions_and_keeps_this_one():
    known()
    here, elsewhere = Client(), Client()
    post(here)
    post(elsewhere)
    values = {"old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER}
    assert here.post("/account/password", values)["Location"] == "/"
    assert here.get("/dags").status_code == 200
    assert elsewhere.get("/dags").status_code == 302


def test_a_wrong_old_password_changes_nothing():
    known()
    client = Client()
    post(client)
    values = {"old_password": "wrong", "new_password1": OTHER, "new_password2": OTHER}
    assert client.post("/account/password", values).status_code == 422
    assert post(Client())["Location"] == "/"


def test_a_script_whose_session_ended_is_told_so():
    response = Client().get("/dags", headers={"X-Requested-With": "fetch"})
    assert response.status_code == 401
