"""How a request gets a thread: one that stays, with its database connection, and one way there and back.

Django's own ASGI handler starts a thread for each request, which connects to the database anew, and goes there and back
for each middleware by itself: most of what an answer cost that had nothing to say.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase

MOST_IDLE = 4
"""So many threads are kept for whoever comes next; more are made as requests come at the same time."""
MOST_IN_A_CROWD = 16
"""So many are kept while they are needed: of eight callers at once, half had a thread made, and SQLite opened, for each request."""
CROWD_SECONDS = 5.0
"""What nobody needed for so long goes: each thread has a connection, and SQLite's has its cache."""


class Handler(ASGIHandler):
    """Django as an ASGI application whose threads outlive their requests."""

    def __init__(self) -> None:
        self.idle: list[Executor] = []  # the last is taken first
        self.spare = 0  # so many were never needed since the last look
        self.looking: asyncio.TimerHandle | None = None
        super().__init__()

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        thread = self.idle.pop() if self.idle else ThreadPoolExecutor(max_workers=1, thread_name_prefix="request")
        self.spare = min(self.spare, len(self.idle))
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self.handle(scope, receive, send)
        except BaseException:
            _end(thread)  # it may still be at work for this one
            raise
        # Here it is free: the last that Django does is a signal in this thread, also for whoever did not wait for an answer.
        if len(self.idle) < MOST_IN_A_CROWD:
            self.idle.append(thread)
        else:
            _end(thread)
        if len(self.idle) > MOST_IDLE and self.looking is None:
            self._look_later()

    def _look_later(self) -> None:
        self.spare = len(self.idle)
        self.looking = asyncio.get_running_loop().call_later(CROWD_SECONDS, self._after_the_crowd)

    def _after_the_crowd(self) -> None:
        """End what is over :data:`MOST_IDLE` and was not needed since the last look."""
        self.looking = None
        for _ in range(min(self.spare, len(self.idle) - MOST_IDLE)):
            _end(self.idle.pop(0))
        if len(self.idle) > MOST_IDLE:
            self._look_later()


def _end(thread: Executor) -> None:
    thread.submit(connections.close_all)
    thread.shutdown(wait=False)
