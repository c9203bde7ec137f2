"""Calling what a missed deadline calls: a function, or a notifier, found by its path."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import AsyncIterator
from typing import Any

from orchestrator.sdk.xcom_json import decode
from orchestrator.triggers.base import BaseTrigger, TriggerEvent

from . import loader

Json = dict[str, Any]


def find(path: str) -> Any:
    """Return what ``path`` names; the longest part of it that is a module is imported.

    Raises:
        ImportError: there is no such thing here.
    """
    parts = path.split(".")
    loader.load_here(parts[0])
    for end in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:end])
        try:
            found = sys.modules.get(name) or importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and not (name + ".").startswith(error.name + "."):
                raise
            continue
        for part in parts[end:]:
            found = getattr(found, part, None)
        if found is None:
            break
        return found
    raise ImportError(f"the deadline's callback {path} cannot be found here")


def begin(order: Json) -> tuple[Any, Any]:
    """Make the call; return (what it gave, the context). ``order``: path, kwargs and context as JSON."""
    callback, context = find(order["path"]), decode(order["context"])
    kwargs = decode(order["kwargs"])
    if _takes_context(callback):
        kwargs["context"] = context
    return callback(**kwargs), context


def call(order: Json) -> None:
    """Call it, in a process of its own; a notifier's class is made and told."""
    found, context = begin(order)
    if inspect.iscoroutine(found):
        import asyncio

        asyncio.run(found)
    elif callable(found):
        found(context)


CLASSPATH = f"{__name__}.CallbackTrigger"


class CallbackTrigger(BaseTrigger):
    """Awaits a callback in the triggerer, beside the triggers of tasks."""

    def __init__(self, order: Json) -> None:
        super().__init__()
        self.order = order

    def serialize(self) -> tuple[str, Json]:
        return CLASSPATH, {"order": self.order}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        import asyncio

        await asyncio.to_thread(find, self.order["path"])  # an import may take a while
        found, _ = begin(self.order)
        if inspect.isawaitable(found):
            await found
        yield TriggerEvent("called")


def _takes_context(callback: Any) -> bool:
    parameters = inspect.signature(callback).parameters.values()
    return any(each.name == "context" or each.kind is each.VAR_KEYWORD for each in parameters)
