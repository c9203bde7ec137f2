"""What a triggerer runs: triggers, and the child processes that they run in."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from orchestrator.logs.writer import LogWriter
from orchestrator.runtime.trigger_client import TriggerProcess

from .answers import Scope
from .deferrals import Deferral

Json = dict[str, Any]


@dataclass(slots=True)
class Running:
    """One trigger that runs here."""

    number: int  # what the child knows it by
    deferral: Deferral
    writer: LogWriter
    scope: Scope
    host: Host
    answer: Json | None = None  # what it found; kept until it is accepted


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
