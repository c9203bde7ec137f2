"""What a triggerer runs: triggers, and the child processes that they run in."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import Any

from orchestrator.logs.writer import LogWriter
from orchestrator.runtime.trigger_client import TriggerProcess

from .answers import Scope
from .deferrals import Deferral
from .watches import Watch

log = logging.getLogger(__name__)

Json = dict[str, Any]


class ServerLog:
    """Where a trigger speaks that has no task's log: in the triggerer's own."""

    def __init__(self, name: str) -> None:
        self.name = name

    def record(self, message: Json) -> None:
        log.info("watcher_says trigger=%s level=%s text=%s", self.name, message.get("level"), message.get("event"))

    def system(self, text: str, level: str = "info") -> None:
        log.info("watcher trigger=%s level=%s text=%s", self.name, level, text)

    def flush(self) -> bool:
        return False


@dataclass(slots=True)
class Running:
    """One trigger that runs here."""

    number: int  # what the child knows it by
    deferral: Deferral | Watch
    writer: LogWriter | ServerLog
    scope: Scope
    host: Host
    answer: Json | None = None  # what it found; kept until it is accepted
    events: list[tuple[str, Any]] = field(
        default_factory=list
    )  # of one that watches: (number, payload), not accepted yet
    counted: int = 0  # events that it has told

    @property
    def is_watch(self) -> bool:
        return isinstance(self.deferral, Watch)


@dataclass(slots=True, eq=False)
class Host:
    """One child process and the triggers in it."""

    process: TriggerProcess
    triggers: dict[int, Running] = field(default_factory=dict)
    deaths: int = 0  # how many of its predecessors died with these triggers
    retired: bool = False  # blocked: gets no more triggers
    born: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)
    idle_since: float = field(default_factory=time.monotonic)
