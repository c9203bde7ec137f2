"""A clock that stands still until somebody waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class VirtualClock:
    """``sleep`` takes no time: it moves ``now``. Sensors, retries and triggers of the SDK go by it in a test."""

    def __init__(self, at: datetime | str) -> None:
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
        self._now = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=max(0.0, seconds))
