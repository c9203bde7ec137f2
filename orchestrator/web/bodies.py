"""How much a request may send: decided while it arrives, before any of it is kept."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

BODY_BYTES = 4 * 1024 * 1024
"""More than any form or API body may have; Django and the API refuse smaller ones by their own rules."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class BodyLimit:
    """ASGI application around another: answers 413 where a body is larger than :data:`BODY_BYTES`.

    Django itself writes a body of any size to a temporary file before it asks who sent it.
    """

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        if _announced(scope) > BODY_BYTES:
            await _refuse(send)
            return
        seen, refused = 0, False

        async def counted() -> Message:
            nonlocal seen, refused
            message = await receive()
            seen += len(message.get("body", b""))
            if seen <= BODY_BYTES or refused:
                return message
            # To Django it looks as if the client had gone: it drops what it has and answers nothing.
            refused = True
            await _refuse(send)
            return {"type": "http.disconnect"}

        async def unless_refused(message: Message) -> None:
            if not refused:
                await send(message)

        await self.application(scope, counted, unless_refused)


def _announced(scope: Message) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


async def _refuse(send: Send) -> None:
    body = json.dumps({"detail": f"The body is larger than {BODY_BYTES} bytes"}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
