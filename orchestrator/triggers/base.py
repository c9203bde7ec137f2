"""What a deferred task waits for: an object that the triggerer runs beside a thousand others in one event loop."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any


class BaseTrigger:
    """Waits in ``run`` without blocking, and yields one event.

    It travels as what ``serialize`` returns, so it is made anew on the triggerer, maybe several times and
    on several machines at once: what ``run`` does must bear that.
    """

    def __init__(self, **kwargs: Any) -> None:
        self.trigger_id: Any = None
        self.task_instance: Any = None

    @property
    def log(self) -> logging.Logger:
        return logging.getLogger(f"{type(self).__module__}.{type(self).__qualname__}")

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class as ``module.Name`` and the arguments that make this trigger again."""
        raise NotImplementedError(f"{type(self).__name__} defines no serialize()")

    def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, then yield one :class:`TriggerEvent`: ``async def run(self)`` with a ``yield`` in it."""
        raise NotImplementedError(f"{type(self).__name__} defines no run()")

    async def cleanup(self) -> None:
        """Called when the trigger ends here, whether it fired, failed, was cancelled or moved elsewhere."""

    def __repr__(self) -> str:
        classpath, kwargs = self.serialize()
        return f"<{classpath} {', '.join(f'{name}={value!r}' for name, value in kwargs.items())}>"


class BaseEventTrigger(BaseTrigger):
    """A trigger that may also watch an asset: there it is begun again whenever it ends, and each event counts."""

    watches = True


class TriggerEvent:
    """What a trigger found; ``payload`` is what the task's method gets as ``event``."""

    def __init__(self, payload: Any = None, **kwargs: Any) -> None:
        self.payload = payload

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.payload == self.payload  # type: ignore[attr-defined]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}<{self.payload!r}>"


class BaseTaskEndEvent(TriggerEvent):
    """Ends the task in ``task_instance_state`` without going back to a worker; ``xcoms`` are pushed for it."""

    task_instance_state = ""

    def __init__(self, *, xcoms: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(payload=self.task_instance_state)
        self.xcoms = xcoms


class TaskSuccessEvent(BaseTaskEndEvent):
    task_instance_state = "success"


class TaskFailedEvent(BaseTaskEndEvent):
    task_instance_state = "failed"


class TaskSkippedEvent(BaseTaskEndEvent):
    task_instance_state = "skipped"


@dataclass
class StartTriggerArgs:
    """How a task that begins on the triggerer would be started."""

    trigger_cls: str
    next_method: str
    trigger_kwargs: dict[str, Any] | None = None
    next_kwargs: dict[str, Any] | None = None
    timeout: timedelta | None = None
