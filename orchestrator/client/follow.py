"""Follows a run: what changes, and the logs of its tasks line by line, over server-sent events.

Each stream is taken up again where it broke off, so that a server that restarts costs no line and doubles none.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import httpx
from httpx_sse import ServerSentEvent, SSEError, aconnect_sse

from .problems import Refused, Unreached
from .server import PAGE, Patience, Server, address, read, unreached

LOGS_AT_ONCE = 16
OVER = ("success", "failed")

Write = Callable[[str, dict[str, Any]], None]
"""Is given the label of a task instance and a record of its log."""
Tell = Callable[[str, str], None]
"""Is given the label of a task instance ("" for the run) and its new state."""


def follow(server: Server, dag_id: str, run_id: str, write: Write, tell: Tell) -> dict[str, Any]:
    """Return the run when it has ended and everything of its logs is written."""
    return asyncio.run(_follow(server, dag_id, run_id, write, tell))


def follow_log(
    server: Server, dag_id: str, run_id: str, task_id: str, map_index: int, number: int, write: Write
) -> Any:
    """Write the log of one try until it is over; return the state it ended in."""

    async def go() -> Any:
        async with httpx.AsyncClient(**server.settings()) as client:
            return await _Follower(client, server, dag_id, run_id, write, _silent).log(task_id, map_index, number)

    return asyncio.run(go())


def _silent(label: str, state: str) -> None:
    pass


async def _follow(server: Server, dag_id: str, run_id: str, write: Write, tell: Tell) -> dict[str, Any]:
    limits = httpx.Limits(max_connections=LOGS_AT_ONCE + 4)
    async with httpx.AsyncClient(**server.settings(), limits=limits) as client:
        return await _Follower(client, server, dag_id, run_id, write, tell).until_over()


class _Follower:
    def __init__(
        self, client: httpx.AsyncClient, server: Server, dag_id: str, run_id: str, write: Write, tell: Tell
    ) -> None:
        self.client, self.server, self.dag_id, self.run_id = client, server, dag_id, run_id
        self.write, self.tell = write, tell
        self.begun: set[tuple[str, int, int]] = set()
        self.places = asyncio.Semaphore(LOGS_AT_ONCE)

    async def until_over(self) -> dict[str, Any]:
        """Follow until the run has ended and its logs are written; what goes wrong with one of them ends all."""
        try:
            async with asyncio.TaskGroup() as self.jobs:
                self.jobs.create_task(self._changes())
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from group
        return await self._get(self._run())

    async def _changes(self) -> None:
        params = {"dag_id": self.dag_id, "dag_run_id": self.run_id}
        async with aclosing(self._stream(address("events"), params)) as events:
            async for each in events:
                if each is None:  # the stream is open: what was before it is asked for, so that there is no gap
                    if await self._catch_up():
                        return
                    continue
                if each.event == "dag_run":
                    data = each.json()
                    if data["state"] != data["old_state"]:
                        self.tell("", data["state"])
                    if data["state"] in OVER:
                        return
                elif each.event == "task_instance":
                    data = each.json()
                    self._changed(data["task_id"], data["map_index"], data["state"])

    async def _catch_up(self) -> bool:
        """Take up the logs of what has begun already; whether the run has ended."""
        over = (await self._get(self._run()))["state"] in OVER
        offset = 0
        while True:
            params = {"limit": PAGE, "offset": offset, "order_by": "id"}
            page = (await self._get(self._run("taskInstances"), params))["task_instances"]
            for row in page:
                if row["try_number"] and row["state"] is not None:
                    self._follow_task(row["task_id"], row["map_index"])
            offset += PAGE
            if len(page) < PAGE:
                return over

    def _changed(self, task_id: str, map_index: int, state: str | None) -> None:
        if state in ("running", *OVER, "up_for_retry", "upstream_failed", "skipped"):
            self.tell(label(task_id, map_index), state or "")
        if state == "running":
            self._follow_task(task_id, map_index)

    def _follow_task(self, task_id: str, map_index: int) -> None:
        self.jobs.create_task(self._tries(task_id, map_index))

    async def _tries(self, task_id: str, map_index: int) -> None:
        """Write every try that there has been and that nobody has begun to write."""
        async with self.places:
            parts = ("taskInstances", task_id, *(() if map_index < 0 else (map_index,)))
            try:
                row = await self._get(self._run(*parts))
            except Refused as error:
                if error.status == 404:  # deleted, or mapped anew meanwhile
                    return
                raise
            for number in range(1, row["try_number"] + 1):
                key = (task_id, map_index, number)
                if key not in self.begun:
                    self.begun.add(key)
                    await self.log(*key)

    async def log(self, task_id: str, map_index: int, number: int) -> Any:
        path = self._run("taskInstances", task_id, "logs", number)
        try:
            async with aclosing(self._stream(path, {"map_index": map_index})) as events:
                async for each in events:
                    if each is not None and each.event == "end":
                        return each.json()["state"]
                    if each is not None and each.event == "log":
                        self.write(label(task_id, map_index), each.json())
        except Refused as error:
            if error.status != 404:  # a try that was decided without a process has no log
                raise
        return None

    def _run(self, *parts: str | int) -> str:
        return address("dags", self.dag_id, "dagRuns", self.run_id, *parts)

    async def _get(self, path: str, params: dict[str, Any] | None = None) -> Any:
        patience = Patience(self.server.patience)
        while True:
            try:
                return read(await self.client.get(path, params=params), f"GET {path}")
            except (httpx.HTTPError, Unreached) as error:
                await self._bear(patience, error)

    async def _stream(self, path: str, params: dict[str, Any]) -> AsyncIterator[ServerSentEvent | None]:
        """Yield None whenever the stream has been opened, and each event once."""
        last, patience = "", Patience(self.server.patience)
        while True:
            problem: Exception = Unreached(f"{self.server.url} ended the stream {path}")
            headers = {"Last-Event-ID": last} if last else {}
            try:
                async with aconnect_sse(self.client, "GET", path, params=params, headers=headers) as source:
                    if source.response.status_code != 200:
                        await source.response.aread()
                        read(source.response, f"GET {path}")
                    yield None
                    async for each in source.aiter_sse():
                        last = each.id or last
                        patience.heard()
                        yield each
            except (httpx.TransportError, SSEError, Unreached) as error:
                problem = error
            await self._bear(patience, problem)

    async def _bear(self, patience: Patience, problem: Exception) -> None:
        """Wait before the next try, unless patience is over."""
        known = problem if isinstance(problem, Unreached) else unreached(self.server.url, problem)
        await asyncio.sleep(patience.after(known))


def label(task_id: str, map_index: int) -> str:
    return task_id if map_index < 0 else f"{task_id}[{map_index}]"
