"""What time it is for a task that waits, and how it waits: for real, or as a test says."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """``now`` is aware and in UTC; ``sleep`` takes seconds."""

    def now(self) -> datetime: ...

    def sleep(self, seconds: float) -> None: ...


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


_clock: Clock = RealClock()


def use(clock: Clock) -> Clock:
    """Go by another clock; return the one before."""
    global _clock
    before, _clock = _clock, clock
    return before


def now() -> datetime:
    return _clock.now()


def sleep(seconds: float) -> None:
    _clock.sleep(seconds)
