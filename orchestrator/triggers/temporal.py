"""Waiting for a moment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.sdk import clock

from .base import BaseTrigger, TaskSuccessEvent, TriggerEvent

LONGEST_SLEEP = 60.0
"""Seconds of one sleep: the wall clock may be set while we wait, and the loop's clock does not follow it."""


class DateTimeTrigger(BaseTrigger):
    """Fires at ``moment``, or at ``target_time`` as ISO text; with ``end_from_trigger`` the task ends there and then."""

    def __init__(
        self,
        moment: datetime | None = None,
        *,
        target_time: datetime | str | None = None,
        end_from_trigger: bool = False,
    ) -> None:
        super().__init__()
        if (moment is None) is (target_time is None):
            raise TypeError("DateTimeTrigger requires exactly one of 'moment' or 'target_time'")
        if isinstance(target_time, str):
            found = datetime.fromisoformat(target_time.replace("Z", "+00:00"))
            moment = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        elif target_time is not None:
            moment = target_time
        if not isinstance(moment, datetime):
            raise TypeError(f"Expected datetime.datetime type for moment. Got {type(moment)}")
        if moment.tzinfo is None:
            raise ValueError("You cannot pass naive datetimes: give the moment a timezone")
        self.moment = moment.astimezone(UTC)
        self.end_from_trigger = end_from_trigger

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.DateTimeTrigger", {"moment": self.moment, "end_from_trigger": self.end_from_trigger}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        import asyncio

        self.log.info("Waiting until %s", self.moment.isoformat())
        while (left := (self.moment - clock.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left, LONGEST_SLEEP))
        yield TaskSuccessEvent() if self.end_from_trigger else TriggerEvent(self.moment)


class TimeDeltaTrigger(DateTimeTrigger):
    """Fires ``delta`` after it was made; it travels as the moment, so moving it does not start the wait anew."""

    def __init__(self, delta: timedelta, *, end_from_trigger: bool = False) -> None:
        super().__init__(clock.now() + delta, end_from_trigger=end_from_trigger)
