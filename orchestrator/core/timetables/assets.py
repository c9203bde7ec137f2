"""Timetables that assets move: alone, or beside another timetable."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orchestrator.core.assets import ExpressionError, expression_of, leaves

from .base import DataInterval, NextRun, Restriction, Timetable, TimetableError
from .simple import NullTimetable


class AssetTriggeredTimetable(NullTimetable):
    """A run whenever ``assets`` (one, an expression, or several: all of them) have changed."""

    type = "assets"
    summary = "Asset"
    description = "Triggered by assets"

    def __init__(self, assets: Any) -> None:
        self.asset_condition = assets
        try:
            self.expression = assets if isinstance(assets, dict) else expression_of(assets)
            list(leaves(self.expression))
        except (TypeError, ExpressionError) as error:
            raise TimetableError(str(error)) from error

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, "assets": self.expression}


class AssetOrTimeSchedule(AssetTriggeredTimetable):
    """The runs of ``timetable``, and a run whenever ``assets`` have changed."""

    type = "asset_or_time"

    def __init__(self, *, timetable: Timetable, assets: Any) -> None:
        super().__init__(assets)
        if isinstance(timetable, AssetTriggeredTimetable):
            raise TimetableError("AssetOrTimeSchedule: asset timetables cannot be nested in each other")
        if not hasattr(timetable, "next_run"):
            raise TimetableError(f"AssetOrTimeSchedule: timetable must be a timetable, not {timetable!r}")
        self.timetable = timetable
        self.periodic, self.can_be_scheduled = timetable.periodic, timetable.can_be_scheduled
        self.summary = f"Asset or {timetable.summary}"

    @property
    def description(self) -> str:  # type: ignore[override]
        return f"Triggered by assets or {self.timetable.description}"

    def next_run(self, *, last: DataInterval | None, restriction: Restriction, now: datetime) -> NextRun | None:
        return self.timetable.next_run(last=last, restriction=restriction, now=now)

    def infer_manual_interval(self, run_after: datetime) -> DataInterval:
        return self.timetable.infer_manual_interval(run_after)

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "timetable": self.timetable.to_json()}


def is_continuous(timetable: Any) -> bool:
    """Whether a timetable, or the one beside its assets, begins a run as soon as the one before has ended."""
    return getattr(getattr(timetable, "timetable", timetable), "type", "") == "continuous"
