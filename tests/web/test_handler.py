"""Requests and their threads: kept from one to the next, never lent to two at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import path

from orchestrator.web import handler as web_handler
from orchestrator.web.handler import MOST_IDLE, MOST_IN_A_CROWD, Handler

pytestmark = pytest.mark.urls(__name__)
held = threading.Event()
reached = threading.Event()


def who(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(threading.get_ident()))


def hold(request: HttpRequest) -> HttpResponse:
    reached.set()
    held.wait(20)
    return who(request)


urlpatterns = [path("api/who", who), path("api/hold", hold)]


@pytest.fixture(autouse=True)
def _begin() -> None:
    held.clear()
    reached.clear()


async def ask(handler: Handler, address: str, gone: asyncio.Event | None = None) -> tuple[int, str]:
    """Return the status and the text of an answer; status 0 where the client is ``gone`` before it comes."""
    sent: list[Any] = []
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await (gone or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost")]
    scope = {"type": "http", "method": "GET", "path": address, "query_string": b"", "headers": headers}
    await handler(scope, receive, send)
    text = b"".join(each.get("body", b"") for each in sent).decode()
    return (sent[0]["status"] if sent else 0), text


def run(test: Callable[[Handler], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(Handler()), 30))  # type: ignore[arg-type]


def test_requests_after_each_other_have_one_thread_and_so_one_connection_to_the_database():
    async def test(handler: Handler) -> None:
        threads = {(await ask(handler, "/api/who"))[1] for _ in range(5)}
        assert len(threads) == 1
        assert threads != {str(threading.get_ident())}

    run(test)


def test_a_request_does_not_wait_for_another():
    async def test(handler: Handler) -> None:
        slow = asyncio.create_task(ask(handler, "/api/hold"))
        await asyncio.to_thread(reached.wait, 20)
        status, text = await ask(handler, "/api/who")
        assert status == 200
        held.set()
        assert text != (await slow)[1]

    run(test)


def test_nobody_is_lent_a_thread_that_still_works_for_a_client_who_left():
    async def test(handler: Handler) -> None:
        gone = asyncio.Event()
        left = asyncio.create_task(ask(handler, "/api/hold", gone))
        await asyncio.to_thread(reached.wait, 20)
        gone.set()
        assert (await ask(handler, "/api/who"))[0] == 200  # while the view still waits
        held.set()
        assert (await left)[0] == 0
        assert len(handler.idle) == 2

    run(test)


async def _crowd(handler: Handler, size: int) -> None:
    reached.clear()
    held.clear()
    crowd = [asyncio.create_task(ask(handler, "/api/hold")) for _ in range(size)]
    await asyncio.to_thread(reached.wait, 20)
    held.set()
    assert {status for status, _ in await asyncio.gather(*crowd)} == {200}


def test_a_crowd_keeps_its_threads_and_never_more_than_a_limit():
    async def test(handler: Handler) -> None:
        await _crowd(handler, MOST_IDLE + 3)
        assert MOST_IDLE < len(handler.idle) <= MOST_IDLE + 3
        await _crowd(handler, MOST_IN_A_CROWD + 3)
        assert len(handler.idle) <= MOST_IN_A_CROWD

    run(test)


def test_when_the_crowd_has_gone_only_some_threads_are_kept(monkeypatch):
    monkeypatch.setattr(web_handler, "CROWD_SECONDS", 0.01)

    async def test(handler: Handler) -> None:
        await _crowd(handler, MOST_IDLE + 3)
        while handler.looking is not None:
            await asyncio.sleep(0.01)
        assert len(handler.idle) == MOST_IDLE

    run(test)
