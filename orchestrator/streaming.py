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
GATHER_SECONDS = 0.1
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
    layer, channel = get_channel_layer(), ""
    if groups and layer is not None:
        with contextlib.suppress(OSError, RedisError):  # without hints, the next look finds it
            channel = await layer.new_channel()
            for group in groups:
                await layer.group_add(group, channel)
    ear = _Ear(layer, channel) if channel else None
    try:
        yield ear.wait if ear is not None else asyncio.sleep
    finally:
        if ear is not None:
            ear.close()
            for group in groups:
                with contextlib.suppress(OSError, RedisError):
                    await layer.group_discard(group, channel)


class _Ear:
    """Waits for messages to one channel.

    The same wait goes on when its time is over: a layer takes one that is cancelled for the end of the channel.
    """

    def __init__(self, layer: Any, channel: str) -> None:
        self.layer, self.channel = layer, channel
        self.pending: asyncio.Future[Any] | None = None

    async def wait(self, seconds: float) -> None:
        if not await self._heard(seconds):
            return
        quiet_at = time.monotonic() + GATHER_SECONDS
        while time.monotonic() < quiet_at and await self._heard(GATHER_SECONDS / 5):
            pass  # many small changes are told in one look

    async def _heard(self, seconds: float) -> bool:
        if self.pending is None:
            self.pending = asyncio.ensure_future(self.layer.receive(self.channel))
        done, _ = await asyncio.wait({self.pending}, timeout=seconds)
        if not done:
            return False
        failed, self.pending = self.pending.exception(), None
        if isinstance(failed, OSError | RedisError):
            await asyncio.sleep(seconds)
            return False
        return failed is None

    def close(self) -> None:
        if self.pending is not None:
            self.pending.cancel()
