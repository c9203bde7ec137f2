"""Signing in, by page and by token: guesses are slowed down, strangers learn nothing, and a new password ends it all."""

from __future__ import annotations

import secrets
import statistics
import time
from datetime import timedelta
from types import SimpleNamespace

import jwt
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from orchestrator import signin
from orchestrator.api import auth
from orchestrator.api.auth import issue_token
from tests.support import factories


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    """A hash that costs nothing: what it costs is the subject of one test only."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def counted(redis_server):
    """The cache that counts the tries, empty."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def ann(db) -> User:
    return factories.with_password(factories.make_user("user", "ann", last_login=timezone.now()))


def token_for(name: str, password: str, **extra):
    body = {"username": name, "password": password}
    return Client(**extra).post("/auth/token", body, content_type="application/json")


def sign_in(name: str, password: str, next_: str = "", client: Client | None = None):
    return (client or Client()).post("/sign-in", {"username": name, "password": password, "next": next_})


def works(token: str) -> bool:
    return Client(HTTP_AUTHORIZATION=f"Bearer {token}").get("/api/v2/dags").status_code == 200


def test_a_name_and_a_password_give_a_token_of_a_day_or_an_hour(ann, counted):
    answer = token_for("ann", factories.PASSWORD)
    assert answer.status_code == 201
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["aud"], claims["exp"] - claims["iat"]) == (str(ann.pk), "apache-airflow", 86400)
    assert works(answer.json()["access_token"])
    body = {"username": "ann", "password": factories.PASSWORD}
    short = Client().post("/auth/token/cli", body, content_type="application/json").json()["access_token"]
    claims = jwt.decode(short, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 3600


def test_a_one_time_password_gives_no_token_until_its_owner_has_chosen_another(db, counted):
    new = factories.with_password(factories.make_user("user", "new"))
    for path in ("/auth/token", "/auth/token/cli"):
        body = {"username": "new", "password": factories.PASSWORD}
        answer = Client().post(path, body, content_type="application/json")
        assert answer.status_code == 403 and "one-time password" in answer.json()["detail"]
    assert token_for("new", "wrong").status_code == 401  # who does not know it learns nothing of it
    client = Client()
    assert sign_in("new", factories.PASSWORD, client=client).url == "/sign-in/password"
    own = f"own-{factories.PASSWORD}"
    client.post("/sign-in/password", {"new_password1": own, "new_password2": own})
    new.refresh_from_db()
    assert new.check_password(own)
    assert token_for("new", own).status_code == 201


@pytest.mark.parametrize(
    "body", [{}, {"username": "ann"}, {"username": 1, "password": 2}, {"username": "a\x00", "password": "b"}, []]
)
def test_credentials_of_the_wrong_shape_are_named(ann, counted, body):
    answer = Client().post("/auth/token", body, content_type="application/json")
    assert answer.status_code == 422


def test_unknown_inactive_and_wrong_are_one_answer(ann, counted):
    User.objects.create_user("gone", password=factories.PASSWORD, is_active=False)
    answers = [token_for("ann", "wrong"), token_for("nobody", "wrong"), token_for("gone", factories.PASSWORD)]
    assert {each.status_code for each in answers} == {401}
    assert len({each.content for each in answers}) == 1
    pages = [sign_in("ann", "wrong"), sign_in("nobody", "wrong"), sign_in("gone", factories.PASSWORD)]
    assert {each.status_code for each in pages} == {403}


def test_an_unknown_name_takes_as_long_as_a_wrong_password(db, counted, monkeypatch, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    factories.with_password(factories.make_user("user", "ann"))
    monkeypatch.setattr(signin, "PER_ACCOUNT", 100)
    monkeypatch.setattr(signin, "PER_ADDRESS", 100)

    def seconds(name: str) -> float:
        start = time.perf_counter()
        token_for(name, "wrong")
        return time.perf_counter() - start

    seconds("ann")
    known, unknown = [], []
    for _ in range(5):
        known.append(seconds("ann"))
        unknown.append(seconds("nobody"))
    assert 0.6 < statistics.median(known) / statistics.median(unknown) < 1.6


@pytest.mark.parametrize(
    ("changed", "good"),
    [({"exp": -55}, True), ({"exp": -65}, False), ({"iat": 55}, True), ({"iat": 65}, False), ({"nbf": 65}, False)],
)
def test_clocks_may_differ_by_a_minute_and_no_more(ann, changed, good):
    claims = jwt.decode(issue_token(ann), options={"verify_signature": False})
    claims |= {name: int(time.time()) + by for name, by in changed.items()}
    assert works(jwt.encode(claims, django_settings.SECRET_KEY, "HS256")) == good


def test_a_token_that_was_seen_while_it_was_good_is_refused_when_it_ends_and_with_another_key(
    ann, monkeypatch, settings
):
    token = issue_token(ann, timedelta(minutes=5))
    assert works(token)
    with monkeypatch.context() as later:
        later.setattr(auth, "time", SimpleNamespace(time=lambda: time.time() + 300 + 61))
        assert not works(token)
    assert works(token)
    settings.SECRET_KEY = secrets.token_urlsafe(40)
    assert not works(token)


def test_five_wrong_passwords_close_the_account_for_a_minute_through_both_doors(ann, counted):
    for number in range(5):
        assert (token_for("ann", "x") if number % 2 else sign_in("ANN", "x")).status_code in {401, 403}
    answer = token_for("ann", factories.PASSWORD)
    assert answer.status_code == 429 and "wait a minute" in answer.json()["detail"]
    assert int(answer["Retry-After"]) > 0
    page = sign_in("ann", factories.PASSWORD)
    assert page.status_code == 429 and int(page["Retry-After"]) > 0
    assert token_for("bob", "x").status_code == 401


def test_right_passwords_do_not_count(ann, counted):
    for _ in range(7):
        assert token_for("ann", factories.PASSWORD).status_code == 201


def test_twenty_wrong_passwords_close_the_address(db, counted, monkeypatch):
    monkeypatch.setattr("orchestrator.api.views.tokens.authenticate", lambda *args, **kwargs: None)
    for number in range(20):
        assert token_for(f"name-{number}", "x", REMOTE_ADDR="2001:db8::1").status_code == 401
    assert token_for("another", "x", REMOTE_ADDR="2001:db8::2").status_code == 429  # the same /64
    assert token_for("another", "x", REMOTE_ADDR="2001:db8:1::1").status_code == 401
    assert token_for("another", "x", REMOTE_ADDR="::ffff:192.0.2.1").status_code == 401


def test_a_hundred_guesses_at_once_are_no_way_round(counted):
    open_tries = []
    with pytest.raises(signin.TooManyAttempts):
        for _ in range(100):
            context = signin.throttle("ann", "192.0.2.9")
            context.__enter__()
            open_tries.append(context)
    assert len(open_tries) == 5


def test_without_redis_tries_are_counted_in_the_process(ann, monkeypatch, settings):
    settings.CACHES = {
        "default": {
            **django_settings.CACHES["default"],
            "LOCATION": f"unix://{django_settings.ORCH.home}/nowhere.sock",
        }
    }
    monkeypatch.setattr(signin, "_here", signin._Memory())
    assert token_for("ann", factories.PASSWORD).status_code == 201
    for _ in range(5):
        assert token_for("ann", "x").status_code == 401
    assert token_for("ann", factories.PASSWORD).status_code == 429


def test_the_memory_of_a_process_forgets_after_the_window_and_stays_small(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(signin.time, "monotonic", lambda: now[0])
    memory = signin._Memory()
    assert [memory.count("k", 1) for _ in range(3)] == [1, 2, 3]
    now[0] = 61.0
    assert memory.count("k", 1) == 1
    for number in range(signin.MOST_REMEMBERED + 5):
        now[0] += 61.0 if number % 1000 == 0 else 0.0
        memory.count(f"key {number}", 1)
    assert len(memory.counts) <= signin.MOST_REMEMBERED + 1


def test_a_new_password_ends_tokens_and_sessions(ann, counted):
    token = issue_token(ann)
    client = Client()
    client.force_login(ann)
    assert works(token) and client.get("/dags").status_code == 200
    factories.with_password(ann)
    assert not works(token)
    assert client.get("/dags").status_code == 302
    assert client.get("/api/v2/dags").status_code == 401


def test_deactivating_an_account_ends_tokens_and_sessions(ann, counted):
    token = issue_token(ann)
    client = Client()
    client.force_login(ann)
    User.objects.filter(pk=ann.pk).update(is_active=False)
    assert not works(token)
    assert client.get("/dags").status_code == 302


def test_losing_the_role_counts_at_once(ann, counted):
    factories.make_dag("alpha")
    token = issue_token(ann)
    client = Client(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.get("/api/v2/dags/alpha").status_code == 200
    ann.groups.clear()
    assert client.get("/api/v2/dags/alpha").status_code == 404


def test_tokens_of_others_making_are_refused(ann):
    now = timezone.now().timestamp()
    claims = {
        "sub": str(ann.pk),
        "jti": "x",
        "aud": "apache-airflow",
        "exp": now + 60,
        "key": ann.get_session_auth_hash()[:24],
    }
    assert works(jwt.encode(claims, django_settings.SECRET_KEY, algorithm="HS256"))
    wrong = [
        jwt.encode(claims, "another key that is long enough for the algorithm", algorithm="HS256"),
        jwt.encode(claims, None, algorithm="none"),
        jwt.encode({**claims, "exp": now - 60}, django_settings.SECRET_KEY, algorithm="HS256"),
        jwt.encode({**claims, "aud": "other"}, django_settings.SECRET_KEY, algorithm="HS256"),
        jwt.encode({**claims, "sub": "9" * 40}, django_settings.SECRET_KEY, algorithm="HS256"),
        jwt.encode({**claims, "sub": "x"}, django_settings.SECRET_KEY, algorithm="HS256"),
        jwt.encode({**claims, "key": 5}, django_settings.SECRET_KEY, algorithm="HS256"),
        jwt.encode({name: each for name, each in claims.items() if name != "exp"}, django_settings.SECRET_KEY),
        "",
        "a b",
        "a.b.c",
        "\xff",
    ]
    for token in wrong:
        assert not works(token), token


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "http:evil.example",
        "http:///evil.example",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "/%09/evil.example\t//evil.example",
        "\t//evil.example",
        " //evil.example",
        "https:/\\evil.example",
        "//testserver@evil.example",
        "http://testserver.evil.example/",
        "http://testserver:80@evil.example/",
        "\x00//evil.example",
        "/dags\r\nSet-Cookie: a=b",
    ],
)
def test_signing_in_leads_nowhere_else(ann, counted, target):
    answer = sign_in("ann", factories.PASSWORD, target)
    assert answer.status_code == 302
    location = answer["Location"]
    assert location.startswith("/") and not location.startswith(("//", "/\\")) and "\n" not in location
    assert "a" not in answer.cookies


def test_signing_in_leads_back(ann, counted):
    assert sign_in("ann", factories.PASSWORD, "/dags/alpha?tab=x")["Location"] == "/dags/alpha?tab=x"


def test_cookies_are_for_this_site_and_hidden_from_scripts(ann, counted):
    client = Client()
    client.get("/sign-in")
    answer = sign_in("ann", factories.PASSWORD, client=client)
    session = answer.cookies["sessionid"]
    assert session["httponly"] and session["samesite"] == "Lax" and not session["secure"]
    assert client.cookies["csrftoken"]["samesite"] == "Lax"


def test_behind_tls_cookies_travel_on_tls_only(ann, counted, settings):
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    answer = Client().post("/sign-in", {"username": "ann", "password": factories.PASSWORD}, secure=True)
    assert answer.cookies["sessionid"]["secure"]


def test_the_session_is_another_one_after_signing_in(ann, counted):
    client = Client()
    client.get("/sign-in")
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies["sessionid"] = before = session.session_key
    sign_in("ann", factories.PASSWORD, client=client)
    assert client.cookies["sessionid"].value != before


def test_every_answer_carries_the_headers(ann):
    client = Client()
    client.force_login(ann)
    for path in ("/dags", "/sign-in", "/api/v2/version", "/api/v2/nothing", "/nothing-here"):
        answer = client.get(path)
        policy = answer["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert answer["X-Content-Type-Options"] == "nosniff" and answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "same-origin"


def test_health_answers_while_the_database_is_away(monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("gone")

    monkeypatch.setattr("django.db.models.sql.compiler.SQLCompiler.execute_sql", away)
    client = Client()
    client.cookies["sessionid"] = "a" * 32
    answer = client.get("/api/v2/monitor/health")
    assert answer.status_code == 200 and answer.json()["metadatabase"] == {"status": "unhealthy"}
