"""The triggers of a local run: all that are waited for, in one event loop, until the first of them fires."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from .triggers import clean_up, failure, first_event, log, make_trigger

Json = dict[str, Any]
TIMED_OUT = {"type": "failed", "error": "Trigger timeout"}


def first_fired(rows: Sequence[Any], assignment: Callable[[Any], Json]) -> tuple[Any, Json]:
    """Return the row whose trigger fires, fails or times out first, and what it tells; the others start anew later."""
    return asyncio.run(_first(rows, assignment))


async def _first(rows: Sequence[Any], assignment: Callable[[Any], Json]) -> tuple[Any, Json]:
    tasks = {asyncio.create_task(_one(row, assignment(row))): row for row in rows}
    limits = [row for row in rows if row.not_before is not None]
    first = min(limits, key=lambda row: row.not_before, default=None)
    left = max(0.0, (first.not_before - datetime.now(UTC)).total_seconds()) if first is not None else None
    done, waiting = await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    if not done:
        return first, TIMED_OUT
    task = done.pop()
    return tasks[task], task.result()


async def _one(row: Any, assignment: Json) -> Json:
    trigger = None
    try:
        importlib.import_module(row.trigger["classpath"].rpartition(".")[0])
        trigger = make_trigger(row.trigger["classpath"], row.trigger["kwargs"], 0, assignment)
        return await first_event(trigger)
    except Exception as error:
        log.error("The trigger failed", exc_info=error)
        return {"type": "failed", "error": failure(error)}
    finally:
        await clean_up(trigger)
