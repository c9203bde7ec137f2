"""Sensors that wait for a moment."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, time, timedelta
from typing import Any

from orchestrator.sdk import clock
from orchestrator.sdk.exceptions import AirflowException
from orchestrator.sdk.operator import deferrable_or_default, seconds
from orchestrator.sdk.sensor import BaseSensorOperator


def moment_of(value: Any) -> datetime | None:
    """A time given as a datetime or as ISO 8601 text; without a zone it is UTC.

    Raises:
        AirflowException: a text that is no time.
    """
    if value is None or value == "None":
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError as error:
            raise AirflowException(f"{value!r} is no time: give ISO 8601, such as 2024-03-01T08:00:00+00:00") from error
    if not isinstance(value, datetime):
        raise AirflowException(f"a time is wanted, not {value!r} ({type(value).__name__})")
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


class _UntilSensor(BaseSensorOperator):
    """Waits until a moment that ``target(context)`` names, in a slot or, with ``deferrable``, without one.

    ``start_from_trigger`` and ``trigger_kwargs`` are taken as in Airflow; a deferrable wait needs a slot for milliseconds
    only, so they change nothing.
    """

    deferrable = False
    end_from_trigger = False

    def target(self, context: Any) -> datetime:
        raise AirflowException(f"{self.task_type} names no time to wait for")

    def poke(self, context: Any) -> bool:
        target = self.target(context)
        self.log.info("Checking if the time (%s) has come", target)
        return clock.now() >= target

    def execute(self, context: Any) -> Any:
        if not self.deferrable:
            return super().execute(context)
        target = self.target(context)
        if target <= clock.now() and not self.end_from_trigger:
            return None
        from orchestrator.triggers.temporal import DateTimeTrigger

        self.defer(
            trigger=DateTimeTrigger(moment=target, end_from_trigger=self.end_from_trigger),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )
        return None

    def execute_complete(self, context: Any, event: Any = None) -> None:
        """The moment has come."""

    def _pause(self, pokes: int, waited: float, began: datetime) -> float:
        # Looking again later than the moment itself would make every wait end up to poke_interval late.
        pause = super()._pause(pokes, waited, began)
        return max(0.0, min(pause, (self._due - clock.now()).total_seconds())) if self._due is not None else pause

    _due: datetime | None = None

    def _poke(self, context: Any) -> Any:
        self._due = self.target(context)
        return super()._poke(context)


class DateTimeSensor(_UntilSensor):
    """Waits until ``target_time``: a datetime, or text that may be a template."""

    template_fields: Collection[str] = ("target_time",)

    def __init__(
        self,
        *,
        target_time: str | datetime,
        deferrable: bool | None = None,
        end_from_trigger: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(target_time, (str, datetime)):
            raise TypeError(f"Expected str or datetime.datetime type for target_time. Got {type(target_time).__name__}")
        self.target_time = target_time.isoformat() if isinstance(target_time, datetime) else target_time
        self.deferrable, self.end_from_trigger = deferrable_or_default(deferrable), end_from_trigger

    def target(self, context: Any) -> datetime:
        found = moment_of(self.target_time)
        if found is None:
            raise AirflowException(f"task {self.task_id!r}: target_time is None")
        return found


class DateTimeSensorAsync(DateTimeSensor):
    """A deferrable :class:`DateTimeSensor`."""

    def __init__(
        self,
        *,
        end_from_trigger: bool = False,
        start_from_trigger: bool = False,
        trigger_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{**kwargs, "deferrable": True, "end_from_trigger": end_from_trigger})


class TimeDeltaSensor(_UntilSensor):
    """Waits until ``delta`` after the end of the run's data interval, or after ``run_after`` where it has none."""

    template_fields: Collection[str] = ("delta",)

    def __init__(
        self, *, delta: timedelta, deferrable: bool | None = None, end_from_trigger: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.delta, self.end_from_trigger = delta, end_from_trigger
        self.deferrable = deferrable_or_default(deferrable)

    def target(self, context: Any) -> datetime:
        base = context.get("data_interval_end") or context.get("run_after")
        return base + self.delta


class TimeDeltaSensorAsync(TimeDeltaSensor):
    """A deferrable :class:`TimeDeltaSensor`."""

    def __init__(self, *, end_from_trigger: bool = False, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "deferrable": True, "end_from_trigger": end_from_trigger})


class TimeSensor(_UntilSensor):
    """Waits until ``target_time`` of today, in the time zone of the DAG."""

    def __init__(
        self,
        *,
        target_time: time,
        deferrable: bool | None = None,
        end_from_trigger: bool = False,
        start_from_trigger: bool = False,
        trigger_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.target_time, self.end_from_trigger = target_time, end_from_trigger
        self.deferrable = deferrable_or_default(deferrable)

    def target(self, context: Any) -> datetime:
        from zoneinfo import ZoneInfo

        zone = self.target_time.tzinfo or ZoneInfo(self.dag.timezone_name)
        today = clock.now().astimezone(zone).date()
        return datetime.combine(today, self.target_time.replace(tzinfo=None), tzinfo=zone).astimezone(UTC)


class TimeSensorAsync(TimeSensor):
    """A deferrable :class:`TimeSensor`."""

    def __init__(self, *, end_from_trigger: bool = False, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "deferrable": True, "end_from_trigger": end_from_trigger})


class WaitSensor(BaseSensorOperator):
    """Waits for ``time_to_wait`` (a timedelta, or minutes) from the task's start on."""

    template_fields: Collection[str] = ("time_to_wait",)

    def __init__(self, *, time_to_wait: timedelta | float, deferrable: bool | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.time_to_wait = (
            time_to_wait if isinstance(time_to_wait, timedelta) else timedelta(minutes=float(time_to_wait))
        )
        self.deferrable = deferrable_or_default(deferrable)

    def execute(self, context: Any) -> None:
        if not self.deferrable:
            clock.sleep(seconds(self.time_to_wait) or 0)
            return
        from orchestrator.triggers.temporal import TimeDeltaTrigger

        self.defer(
            trigger=TimeDeltaTrigger(self.time_to_wait),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def execute_complete(self, context: Any, event: Any = None) -> None:
        """The time is over."""


__all__ = [
    "DateTimeSensor",
    "DateTimeSensorAsync",
    "TimeDeltaSensor",
    "TimeDeltaSensorAsync",
    "TimeSensor",
    "TimeSensorAsync",
    "WaitSensor",
    "moment_of",
]
