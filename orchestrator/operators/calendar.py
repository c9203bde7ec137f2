"""Choosing and waiting by the day of the week and by time windows."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, time, timedelta
from typing import Any

from orchestrator.sdk.clock import now
from orchestrator.sdk.enums import WeekDay
from orchestrator.sdk.exceptions import DagError
from orchestrator.sdk.sensor import BaseSensorOperator

from .branch import BaseBranchOperator


def _day(context: Any, by_logical_date: bool) -> int:
    """The day of the week, 1 to 7: of the run's logical date, or of today."""
    date = (context.get("logical_date") or context["run_after"]) if by_logical_date else now()
    return date.isoweekday()


class BranchDayOfWeekOperator(BaseBranchOperator):
    """Follows ``follow_task_ids_if_true`` on the days ``week_day``, else the other."""

    def __init__(
        self,
        *,
        follow_task_ids_if_true: str | Iterable[str],
        follow_task_ids_if_false: str | Iterable[str],
        week_day: str | WeekDay | Iterable[str | WeekDay],
        use_task_logical_date: bool = False,
        use_task_execution_day: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.follow_task_ids_if_true, self.follow_task_ids_if_false = follow_task_ids_if_true, follow_task_ids_if_false
        self.week_day, self.days = week_day, WeekDay.validate_week_day(week_day)
        self.use_task_logical_date = use_task_logical_date or use_task_execution_day

    def choose_branch(self, context: Any) -> Any:
        matches = _day(context, self.use_task_logical_date) in self.days
        return self.follow_task_ids_if_true if matches else self.follow_task_ids_if_false


class DayOfWeekSensor(BaseSensorOperator):
    """Waits until today (or the run's logical date) is one of the days ``week_day``."""

    def __init__(
        self,
        *,
        week_day: str | WeekDay | Iterable[str | WeekDay],
        use_task_logical_date: bool = False,
        use_task_execution_day: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.week_day, self.days = week_day, WeekDay.validate_week_day(week_day)
        self.use_task_logical_date = use_task_logical_date or use_task_execution_day

    def poke(self, context: Any) -> bool:
        return _day(context, self.use_task_logical_date) in self.days


class BranchDateTimeOperator(BaseBranchOperator):
    """Follows the one branch between ``target_lower`` and ``target_upper``, the other outside; times count for today."""

    template_fields: Collection[str] = ()

    def __init__(
        self,
        *,
        follow_task_ids_if_true: str | Iterable[str],
        follow_task_ids_if_false: str | Iterable[str],
        target_lower: datetime | time | None,
        target_upper: datetime | time | None,
        use_task_logical_date: bool = False,
        use_task_execution_date: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if target_lower is None and target_upper is None:
            raise DagError(
                f"task {self.task_id!r}: Both target_upper and target_lower are None. At least one "
                "must be defined to be compared to the current datetime"
            )
        self.follow_task_ids_if_true, self.follow_task_ids_if_false = follow_task_ids_if_true, follow_task_ids_if_false
        self.target_lower, self.target_upper = target_lower, target_upper
        self.use_task_logical_date = use_task_logical_date or use_task_execution_date

    def choose_branch(self, context: Any) -> Any:
        at = (context.get("logical_date") or context["run_after"]) if self.use_task_logical_date else now()
        lower, upper = self._bounds(at)
        inside = (lower is None or at >= lower) and (upper is None or at <= upper)
        return self.follow_task_ids_if_true if inside else self.follow_task_ids_if_false

    def _bounds(self, at: datetime) -> tuple[datetime | None, datetime | None]:
        lower, upper = self._on_day(self.target_lower, at), self._on_day(self.target_upper, at)
        both_dates = isinstance(self.target_lower, datetime) and isinstance(self.target_upper, datetime)
        if not both_dates and lower is not None and upper is not None and upper < lower:
            upper += timedelta(days=1)  # 22:00 to 02:00 ends on the next day
        return lower, upper

    def _on_day(self, bound: datetime | time | None, at: datetime) -> datetime | None:
        """A time counts on the day of ``at``; without a zone of its own in that of the DAG."""
        if bound is None:
            return None
        found = bound if isinstance(bound, datetime) else datetime.combine(at.date(), bound)
        if found.tzinfo is not None:
            return found
        from zoneinfo import ZoneInfo

        return found.replace(tzinfo=ZoneInfo(self.dag.timezone_name))
