"""The socket of a page: who may listen to what, and what it hears."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.layers import channel_layers
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connections
from django.test import Client

from orchestrator.live import consumers
from orchestrator.live.routing import websocket
from runs_app import notify
from tests.support import factories

pytestmark = pytest.mark.django_db(transaction=True)
ORIGIN = b"http://localhost"


PROMISED = (consumers.SESSION_SECONDS, consumers.RIGHTS_SECONDS)


def test_rights_are_looked_at_as_often_as_promised():
    assert PROMISED[0] < 5
    assert PROMISED[1] <= 30


def test_a_word_to_a_page_that_has_just_gone_is_no_error(monkeypatch: pytest.MonkeyPatch):
    """What changed is told some moments later: a socket may have closed in between, and the server raises then."""
    consumer, tried = consumers.LiveConsumer(), []

    async def gone(**words: str) -> None:
        tried.append(words)
        raise ConnectionResetError

    monkeypatch.setattr(consumer, "send", gone)
    consumer.pending = {"dags"}
    asyncio.run(consumer._tell_soon())
    assert tried == [{"text_data": '{"changed": "dags"}'}]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, redis_server: object) -> None:
    """Rights are looked at again often, so that a test need not wait half a minute."""
    monkeypatch.setattr(consumers, "SESSION_SECONDS", 0.1)
    monkeypatch.setattr(consumers, "RIGHTS_SECONDS", 0.2)


def cookie_of(user: User) -> bytes:
    client = Client()
    client.force_login(user)
    return f"sessionid={client.cookies['sessionid'].value}".encode()


def run(work: Callable[[], Awaitable[None]]) -> None:
    """Run one conversation in a loop of its own, with a channel layer of its own."""

    async def whole() -> None:
        channel_layers.backends.clear()
        try:
            await work()
        finally:
            for layer in channel_layers.backends.values():
                await layer.flush()
            channel_layers.backends.clear()
            await sync_to_async(connections.close_all)()

    asyncio.run(whole())


class Page(ApplicationCommunicator):
    """A web socket as a browser opens it."""

    async def connect(self) -> bool:
        """Open it; False if the server refused."""
        await self.send_input({"type": "websocket.connect"})
        return bool((await self.receive_output(5))["type"] == "websocket.accept")

    async def say(self, message: Any) -> None:
        kind = "bytes" if isinstance(message, bytes) else "text"
        text = message if isinstance(message, (bytes, str)) else json.dumps(message)
        await self.send_input({"type": "websocket.receive", kind: text})

    async def hear(self) -> Any:
        return json.loads((await self.receive_output(5))["text"])

    async def leave(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(5)


def socket(cookie: bytes = b"", origin: bytes | None = ORIGIN) -> Page:
    headers = [(b"host", b"localhost"), (b"cookie", cookie)]
    headers += [(b"origin", origin)] if origin else []
    return Page(websocket, {"type": "websocket", "path": "/ws/live", "headers": headers, "subprotocols": []})


async def watch(page: Page, *subjects: str) -> tuple[list[str], list[str]]:
    """Watch and return (what is watched, what was refused)."""
    await page.say({"watch": subjects})
    refused: list[str] = []
    while True:
        message = await page.hear()
        if "refused" in message:
            refused.append(message["refused"])
        if "watching" in message:
            return message["watching"], refused


async def closed(page: Page) -> int:
    """Wait for the server to close it; return the code."""
    while True:
        message: dict[str, Any] = await page.receive_output(5)
        if message["type"] == "websocket.close":
            return int(message["code"])


async def heard(page: Page) -> str:
    return str((await page.hear())["changed"])


def test_a_page_hears_of_what_it_watches_and_of_nothing_else():
    dag, other = factories.make_dag("shop"), factories.make_dag("other")
    first, second = factories.make_run(dag), factories.make_run(other)
    cookie = cookie_of(factories.make_user("viewer"))

    async def talk() -> None:
        page = socket(cookie)
        assert await page.connect()
        assert await watch(page, "dag:shop", f"run:{first.pk}") == (["dag:shop", f"run:{first.pk}"], [])
        await asyncio.to_thread(notify._send_run, second.pk, "other")
        await asyncio.to_thread(notify._send_run, first.pk, "shop")
        assert {await heard(page), await heard(page)} == {"dag:shop", f"run:{first.pk}"}
        await watch(page, "dags")
        await asyncio.to_thread(notify._send_dag, "shop")
        assert await heard(page) == "dags"
        await page.leave()

    run(talk)


def test_a_growing_log_is_heard_of_by_who_watches_its_attempt():
    run_row = factories.make_run(factories.make_dag("shop"), state="running", states={"a": "running"})
    instance = factories.instance_of(run_row, "a")
    attempt = factories.make_attempt(instance)
    cookie = cookie_of(factories.make_user("viewer"))

    async def talk() -> None:
        page = socket(cookie)
        await page.connect()
        assert await watch(page, f"log:{instance.pk}") == ([f"log:{instance.pk}"], [])
        await asyncio.to_thread(notify.log_grew, instance.pk, attempt.token + 7)
        await asyncio.to_thread(notify.log_grew, instance.pk, attempt.token)
        assert await heard(page) == f"log:{instance.pk}"
        assert await page.receive_nothing(0.2)
        await page.leave()

    run(talk)


@pytest.mark.parametrize("origin", [b"http://evil.example", b"null", None])
def test_another_site_cannot_open_a_socket(origin: bytes | None):
    cookie = cookie_of(factories.make_user("admin"))

    async def talk() -> None:
        page = socket(cookie, origin)
        assert not await page.connect()

    run(talk)


@pytest.mark.parametrize("who", ["nobody", "without a role", "inactive", "invented"])
def test_who_may_see_nothing_gets_no_socket(who: str):
    cookie = b""
    if who == "without a role":
        cookie = cookie_of(factories.make_user(""))
    if who == "inactive":
        user = factories.make_user("admin")
        cookie = cookie_of(user)
        User.objects.filter(pk=user.pk).update(is_active=False)
    if who == "invented":
        cookie = b"sessionid=0123456789abcdef0123456789abcdef"

    async def talk() -> None:
        assert not await socket(cookie).connect()

    run(talk)


@pytest.mark.parametrize(
    "subject", ["dag:nope", "run:999999", "log:999999", "run:1;", "dag:", "dags:x", "run.1", "x" * 500]
)
def test_what_does_not_exist_is_refused_without_a_reason(subject: str):
    cookie = cookie_of(factories.make_user("admin"))

    async def talk() -> None:
        page = socket(cookie)
        await page.connect()
        assert await watch(page, subject) == ([], [subject])
        await page.leave()

    run(talk)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "1",
        '{"watch": 1}',
        '{"watch": [1]}',
        json.dumps({"watch": ["dags"] * 40}),
        "x" * 20000,
        "[" * 5000,
    ],
)
def test_a_message_that_is_none_of_ours_ends_the_socket(text: str):
    cookie = cookie_of(factories.make_user("viewer"))

    async def talk() -> None:
        page = socket(cookie)
        await page.connect()
        await page.say(text)
        assert await closed(page) == consumers.NOT_UNDERSTOOD

    run(talk)


def test_bytes_end_the_socket():
    cookie = cookie_of(factories.make_user("viewer"))

    async def talk() -> None:
        page = socket(cookie)
        await page.connect()
        await page.say(b'{"watch": []}')
        assert await closed(page) == consumers.NOT_UNDERSTOOD

    run(talk)


def test_a_page_that_talks_too_much_is_cut_off():
    cookie = cookie_of(factories.make_user("viewer"))

    async def talk() -> None:
        page = socket(cookie)
        await page.connect()
        for _ in range(int(consumers.BURST) + 20):
            await page.say('{"watch": []}')
        assert await closed(page) == consumers.TOO_MUCH

    run(talk)


@pytest.mark.parametrize("how", ["signed out", "new password", "inactive", "role taken"])
def test_a_right_that_ends_closes_the_socket(how: str):
    user = factories.make_user("viewer")
    cookie = cookie_of(user)

    def end() -> None:
        if how == "signed out":
            Session.objects.all().delete()
        if how == "new password":
            user.set_password("x")
            user.save()
        if how == "inactive":
            User.objects.filter(pk=user.pk).update(is_active=False)
        if how == "role taken":
            user.groups.clear()

    async def talk() -> None:
        page = socket(cookie)
        await page.connect()
        await watch(page, "dags")
        await sync_to_async(end)()
        assert await closed(page) == consumers.SIGNED_OUT

    run(talk)


def test_a_run_that_is_deleted_is_no_longer_watched():
    run_row = factories.make_run(factories.make_dag("shop"))
    cookie = cookie_of(factories.make_user("viewer"))

    async def talk() -> None:
        page = socket(cookie)
        await page.connect()
        subject = f"run:{run_row.pk}"
        await watch(page, subject)
        await sync_to_async(run_row.delete)()
        assert await page.hear() == {"refused": subject}
        await page.leave()

    run(talk)
