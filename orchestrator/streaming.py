"""Answers that are written while they are read, so that a large log never lies in memory whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

BATCH_BYTES = 64 * 1024


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
