"""What pages offer to each role: whatever is shown can be done, and whatever may be done is shown somewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from django.test import Client
from django.urls import resolve
from django.utils import timezone

from runs_app import api_tokens
from runs_app.models import DagRun, Process
from tests.support import factories

from . import routes
from .addresses import addresses
from .test_matrix import ROLES, may, undone, world

__all__ = ["world"]
REFUSED = {403, 404, 405}
SHOWN_ELSEWHERE = {
    f"{routes.PAGE_DAG}/backfills/<int:backfill_id>/unpause": "once it is paused, instead of the way to pause it",
    "answer/<str:token>": "in a message, to the one it is for",
    "as-code": "asked by a script, for the dialog that it stands in",
    f"{routes.PAGE_DAG}/code/edit": "where the DAG's file can be written: tests/web/test_edit.py",
}


@dataclass
class Form:
    """A form as it would be sent without having been touched."""

    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Shown(HTMLParser):
    """The links and forms of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag == "form":
            self._open = Form(given.get("method", "get").lower(), given.get("action") or "")
            self.forms.append(self._open)
        if self._open is None:
            return
        name, value = given.get("name", ""), given.get("value") or ""
        if tag == "button" and given.get("formaction"):
            self.forms.append(Form("post", given["formaction"], self._open.fields))
        if (
            tag in {"input", "button"}
            and name
            and (given.get("type") not in {"checkbox", "radio"} or "checked" in given)
        ):
            self._open.fields.setdefault(name, value)
        self._select = name if tag == "select" else self._select
        if tag == "option" and self._select and ("selected" in given or self._select not in self._open.fields):
            self._open.fields[self._select] = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        if tag == "select":
            self._select = ""


def found_on(client: Client, made: dict[str, Any]) -> tuple[dict[str, str], list[tuple[str, Form]]]:
    """Return the links, and the forms that lead elsewhere or act, of all pages, each once, with the page it stands on."""
    links: dict[tuple[str, ...], tuple[str, str]] = {}
    forms: dict[tuple[str, ...], tuple[str, Form]] = {}
    for page in addresses(made):
        answer = client.get(page)
        if answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
            continue
        shown = Shown(answer.content.decode())
        for link in shown.links:
            parts = urlsplit(urljoin(page, link))
            if not parts.netloc and not parts.path.startswith(("/static/", "/admin/")):
                key = (parts.path, *sorted({name for name, _ in parse_qsl(parts.query)}))
                links.setdefault(key, (page, parts._replace(fragment="").geturl()))
        for form in shown.forms:
            form.action = urljoin(page, form.action)
            if form.method == "post" or urlsplit(form.action).path != urlsplit(page).path:
                forms.setdefault((urlsplit(form.action).path, *sorted(form.fields)), (page, form))
    return {address: page for page, address in links.values()}, list(forms.values())


@pytest.fixture
def everything(world: dict[str, Any]) -> dict[str, Any]:
    """The world, with each thing in a state in which something can be done with it."""
    dag = DagRun.objects.get(run_id="r1").dag
    factories.make_run(dag, "running", state="running", states={"a": "running"})
    failed = factories.make_run(dag, "failed", state="failed", states={"a": "failed"})
    factories.make_mapped(failed, "m", 1)
    now = timezone.now()
    Process.objects.create(
        kind="slot", hostname="box", pid=1, worker_pid=2, queues=["default"], started_at=now, beat_at=now
    )
    return world


@pytest.mark.parametrize("role", ROLES)
def test_what_is_shown_may_be_done_and_what_may_be_done_is_shown(everything: dict[str, Any], role: str):
    client = Client(raise_request_exception=False)
    user = factories.make_user(role)
    api_tokens.make(user, "mine", days=1, role="viewer", user=user, now=timezone.now())
    client.force_login(user)
    links, forms = found_on(client, everything)
    asked = [(page, "get", route_of(address)) for address, page in links.items()]
    asked += [(page, form.method, route_of(form.action)) for page, form in forms]
    rules = {**routes.API, **routes.PAGES}  # a page may lead to the document of the API, too
    assert [each for each in asked if not is_open(role, rules[each[2]][each[1]])] == []
    allowed = {route for route, methods in routes.PAGES.items() if role and can_act(role, methods)}
    assert sorted(allowed - {route for _, _, route in asked} - set(SHOWN_ELSEWHERE)) == []
    if role == "admin":
        assert refused(client, user, links, forms) == []


def refused(client: Client, user: Any, links: dict[str, str], forms: list[tuple[str, Form]]) -> list[str]:
    """Return the links that are dead and the forms that are refused: asked as somebody who may do all."""
    wrong = []
    for address, page in links.items():
        if (answer := client.get(address)).status_code >= 400:
            wrong.append(f"{page} links to {address}: {answer.status_code}")
    for page, form in forms:
        with undone():
            answer = getattr(client, form.method)(form.action, form.fields)
        if answer.status_code in REFUSED or answer.status_code >= 500:
            wrong.append(f"{page} has a form to {form.action}: {answer.status_code}")
        client.force_login(user)
    return wrong


def is_open(role: str, rule: str) -> bool:
    """Whether somebody of the role gets what an address of this rule is for."""
    kind, _, verb = rule.partition(":")
    return kind in {"open", "mine", "lists"} or may(role, verb or "read")


def can_act(role: str, methods: dict[str, str]) -> bool:
    return methods.get("post", "open") != "open" and is_open(role, methods["post"])


def route_of(address: str) -> str:
    return str(resolve(urlsplit(address).path).route)


@pytest.mark.parametrize("role", ROLES[:2])
def test_the_search_offers_only_what_may_be_done(everything: dict[str, Any], role: str):
    client = Client(raise_request_exception=False)
    client.force_login(factories.make_user(role))
    asked = (
        "trigger alpha",
        "pause alpha",
        "clear alpha",
        "mark alpha",
        "backfill epsilon",
        "variables",
        "users",
        "alpha",
    )
    for words in asked:
        for each in client.get("/search", {"q": words}).json()["found"]:
            assert client.get(each["to"]).status_code not in REFUSED, (words, each)
