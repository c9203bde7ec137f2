"""Answers that are written while they are read, so that a large log never lies in memory whole."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, StreamingHttpResponse
from redis import RedisError

BATCH_BYTES = 64 * 1024
Look = Callable[[], tuple[bytes, bool]]
"""Looks once: what there is to tell now, and whether that was the end."""


def streamed(
    request: HttpRequest, parts: Iterator[Any], content_type: str, batch_bytes: int = BATCH_BYTES
) -> StreamingHttpResponse:
    """Return an answer made of ``parts`` (which may read files, but not the database), sent in batches.

    Under ASGI Django would read a plain iterator to its end before it sends the first byte.
    """
    content = _in_batches(parts, batch_bytes) if isinstance(request, ASGIRequest) else parts
    return StreamingHttpResponse(content, content_type=content_type)


async def _in_batches(parts: Iterator[Any], batch_bytes: int) -> AsyncIterator[bytes]:
    def take() -> bytes:
        found = bytearray()
        for each in parts:
            found += each if isinstance(each, bytes) else str(each).encode("utf-8", "replace")
            if len(found) >= batch_bytes:
                break
        return bytes(found)

    while data := await sync_to_async(take, thread_sensitive=False)():
        yield data


def followed(
    request: HttpRequest, look: Look, content_type: str, *, seconds: float, groups: Collection[str] = ()
) -> StreamingHttpResponse:
    """Return an answer that goes on with what ``look`` finds, until it says that was all.

    Looks every ``seconds``, and as soon as one of the channel ``groups`` tells of a change.
    """
    content = _looking(look, seconds, groups) if isinstance(request, ASGIRequest) else _looking_here(look, seconds)
    answer = StreamingHttpResponse(content, content_type=content_type)
    answer["Cache-Control"] = "no-store"
    answer["X-Accel-Buffering"] = "no"  # a proxy that gathers would keep back what is told
    return answer


def _looking_here(look: Look, seconds: float) -> Iterator[bytes]:
    while True:
        data, over = look()
        yield data
        if over:
            return
        time.sleep(seconds)


async def _looking(look: Look, seconds: float, groups: Collection[str]) -> AsyncIterator[bytes]:
    async with _hints(groups) as hint:
        while True:
            data, over = await sync_to_async(_look_and_let_go)(look)
            if data:
                yield data
            if over:
                return
            await hint(seconds)


def _look_and_let_go(look: Look) -> tuple[bytes, bool]:
    """Look, and give the connection back: who follows for hours waits without one."""
    try:
        return look()
    finally:
        if not connection.in_atomic_block:
            connection.close()


@contextlib.asynccontextmanager
async def _hints(groups: Collection[str]) -> AsyncIterator[Any]:
    """Give what waits for a hint of a change, or for the time to be over."""
    layer = get_channel_layer()
    channel = ""
    if groups and layer is not None:
        with contextlib.suppress(OSError, RedisError):  # without hints, the next look finds it
            channel = await layer.new_channel()
            for group in groups:
                await layer.group_add(group, channel)

    async def wait(seconds: float) -> None:
        if not channel:
            await asyncio.sleep(seconds)
            return
        try:
            await asyncio.wait_for(layer.receive(channel), seconds)
        except TimeoutError:
            return
        except (OSError, RedisError):
            await asyncio.sleep(seconds)

    try:
        yield wait
    finally:
        for group in groups if channel else ():
            with contextlib.suppress(OSError, RedisError):
                await layer.group_discard(group, channel)
