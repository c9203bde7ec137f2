"""Several cron expressions at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from .base import DataInterval, NextRun, Restriction, TimetableError
from .cron import CronTriggerTimetable


class MultipleCronTriggerTimetable:
    """Runs whenever one of its expressions comes due."""

    type = "multiple_cron_trigger"
    periodic = True
    can_be_scheduled = True

    def __init__(
        self,
        *crons: str,
        timezone: Any = "UTC",
        interval: Any = timedelta(),
        run_immediately: bool | timedelta = False,
    ) -> None:
        if not crons:
            raise TimetableError("MultipleCronTriggerTimetable needs at least one cron expression")
        self.parts = [CronTriggerTimetable(each, timezone, interval, run_immediately) for each in crons]
        self.summary = ", ".join(part.summary for part in self.parts)

    @cached_property
    def description(self) -> str:
        return ", ".join(part.description for part in self.parts)

    def next_run(self, *, last: DataInterval | None, restriction: Restriction, now: datetime) -> NextRun | None:
        answers = [part.next_run(last=last, restriction=restriction, now=now) for part in self.parts]
        found = [each for each in answers if each is not None]
        if not found:
            return None
        if not restriction.catchup:
            due = [each for each in found if each.run_after <= now]
            if due:  # of what is due already only the newest counts
                return max(due, key=lambda each: each.run_after)
        return min(found, key=lambda each: each.run_after)

    def infer_manual_interval(self, run_after: datetime) -> DataInterval:
        return self.parts[0].infer_manual_interval(run_after)

    def to_json(self) -> dict[str, Any]:
        document = self.parts[0].to_json()
        document.pop("expression")
        return {**document, "type": self.type, "expressions": [part.cron.given for part in self.parts]}
