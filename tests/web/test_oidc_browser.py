"""Signing in by a provider and out again, in a real browser: what the content security policy and cookies make of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from orchestrator import access
from tests.support import identity_provider, webserver
from tests.support.identity_provider import CLIENT_ID, Provider

from .test_browser import chromium, needs_chromium  # noqa: F401

pytestmark = needs_chromium


@pytest.fixture
def address(
    transactional_db: None, redis_server: object, monkeypatch: pytest.MonkeyPatch, provider: Provider
) -> Iterator[str]:
    conf = {
        "ISSUER": provider.address,
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": provider.client_secret,
        "LABEL": "Company account",
        "ROLES": "engineers=user",
    }
    for name, value in conf.items():
        monkeypatch.setenv(f"ORCHESTRATOR_OIDC_{name}", value)
    with webserver.running(static=True) as found:
        yield found


@pytest.fixture
def provider() -> Iterator[Provider]:
    with identity_provider.running() as found:
        found.people = {"ada": {"groups": ["engineers"]}, "eve": {"groups": []}}
        yield found


def test_one_signs_in_by_the_provider_and_out_of_both(chromium: Any, address: str, provider: Provider):  # noqa: F811
    page = chromium.new_context(base_url=address).new_page()
    page.set_default_timeout(10_000)
    page.goto("/dags?q=x")
    assert page.get_by_label("User name").is_visible()
    page.get_by_role("link", name="Sign in with Company account").click()
    page.locator("input[name=who]").fill("ada")
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url(f"{address}/dags?q=x")
    assert access.role_of(User.objects.get(username="ada")) == "user"
    page.get_by_label("Your account").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{address}/sign-in")
    assert [each["client_id"] for each in provider.ended] == [CLIENT_ID]
    page.goto("/dags")
    assert "/sign-in?next=" in page.url
    page.context.close()


def test_who_is_not_let_in_reads_why(chromium: Any, address: str):  # noqa: F811
    page = chromium.new_context(base_url=address).new_page()
    page.set_default_timeout(10_000)
    page.goto("/sign-in")
    page.get_by_role("link", name="Sign in with Company account").click()
    page.locator("input[name=who]").fill("eve")
    page.get_by_role("button", name="Go on").click()
    assert "None of your groups gives you any rights here" in page.get_by_role("alert").inner_text()
    page.context.close()
