"""Sensors: tasks that wait until ``poke`` says yes."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any

from . import clock
from .exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    DagError,
    TaskDeferralTimeout,
)
from .operator import BaseOperator, seconds


class PokeReturnValue:
    """What ``poke`` may return: whether it is done, and the value to push."""

    def __init__(self, is_done: bool, xcom_value: Any = None) -> None:
        self.is_done, self.xcom_value = is_done, xcom_value

    def __bool__(self) -> bool:
        return self.is_done


class BaseSensorOperator(BaseOperator):
    """Calls ``poke`` every ``poke_interval`` seconds, for at most ``timeout`` seconds.

    ``mode="reschedule"`` gives the slot back in between. ``soft_fail`` skips the task instead of failing it when the time is
    over; ``never_fail`` skips it for any error of ``poke``; ``silent_fail`` pokes again after one. ``exponential_backoff``
    makes the pauses longer and longer, with some jitter, up to ``max_wait`` seconds.
    """

    ui_color = "#e6f1f2"
    valid_modes = ("poke", "reschedule")

    def __init__(
        self,
        *,
        poke_interval: timedelta | float = 60,
        timeout: timedelta | float | None = None,
        soft_fail: bool = False,
        mode: str = "poke",
        exponential_backoff: bool = False,
        max_wait: timedelta | float | None = None,
        silent_fail: bool = False,
        never_fail: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if mode not in self.valid_modes:
            raise DagError(f"task {self.task_id!r}: The mode must be one of poke, reschedule, not {mode!r}")
        if soft_fail and never_fail:
            raise DagError(f"task {self.task_id!r}: soft_fail and never_fail are mutually exclusive")
        if timeout is None:
            timeout = float(os.environ.get("AIRFLOW__SENSORS__DEFAULT_TIMEOUT") or 604800)
        self.poke_interval = self._length("poke_interval", poke_interval)
        self.timeout = self._length("timeout", timeout)
        self.max_wait = None if max_wait is None else self._length("max_wait", max_wait)
        self.soft_fail, self.mode, self.never_fail, self.silent_fail = soft_fail, mode, never_fail, silent_fail
        self.exponential_backoff = exponential_backoff

    def _length(self, name: str, value: Any) -> float:
        if isinstance(value, (timedelta, int, float)):
            found = seconds(value) or 0.0
            if found >= 0:
                return found
        raise DagError(f"task {self.task_id!r}: {name} must be a timedelta or a non-negative number, not {value!r}")

    @property
    def reschedules(self) -> bool:  # type: ignore[override]
        return self.mode == "reschedule"

    reschedule = reschedules

    def poke(self, context: Any) -> Any:
        raise DagError(f"{self.task_type} (task {self.task_id!r}) defines no poke() method")

    def execute(self, context: Any) -> Any:
        began = context["ti"].first_started_at if self.reschedules else clock.now()
        pokes = context["ti"].reschedule_count + 1 if self.reschedules else 1
        while True:
            answer = self._poke(context)
            if answer:
                self.log.info("Success criteria met. Exiting.")
                return answer.xcom_value if isinstance(answer, PokeReturnValue) else None
            waited = (clock.now() - began).total_seconds()
            if waited >= self.timeout:
                self._timed_out(waited)
            pause = self._pause(pokes, waited, began)
            if self.reschedules:
                raise AirflowRescheduleException(clock.now() + timedelta(seconds=pause))
            clock.sleep(pause)
            pokes += 1

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any) -> Any:
        """Go on after a trigger: one that took too long counts as the sensor's own time-out."""
        try:
            try:
                return super().resume_execution(next_method, next_kwargs, context)
            except TaskDeferralTimeout as error:
                raise AirflowSensorTimeout(*error.args) from error
        except AirflowSkipException:
            raise
        except (Exception, AirflowTaskTimeout) as error:
            self._skip_for(error)
            raise

    def _poke(self, context: Any) -> Any:
        try:
            return self.poke(context)
        except AirflowSkipException:
            raise
        except (Exception, AirflowTaskTimeout) as error:
            if self.silent_fail and not isinstance(error, SOFT):
                self.log.exception("Sensor poke failed")
                return False
            self._skip_for(error)
            raise

    def _skip_for(self, error: BaseException) -> None:
        """Skip instead of failing, where this sensor does so for such an error."""
        if self.soft_fail and isinstance(error, SOFT):
            raise AirflowSkipException("Skipping due to soft_fail is set to True.") from error
        if self.never_fail:
            raise AirflowSkipException("Skipping due to never_fail is set to True.") from error

    def _timed_out(self, waited: float) -> None:
        message = f"Sensor has timed out; run duration of {waited:.0f} seconds exceeds the specified timeout of {self.timeout:.0f}."
        if self.soft_fail:
            raise AirflowSkipException(message)
        raise AirflowSensorTimeout(message)

    def _pause(self, pokes: int, waited: float, began: datetime) -> float:
        """Seconds until the next poke, the first of them after poke number 1."""
        if not self.exponential_backoff:
            return self.poke_interval if self.reschedules else max(0.0, min(self.poke_interval, self.timeout - waited))
        pause = min(float(self._jittered(pokes, began)), self.timeout - int(waited))
        return max(0.0, pause if self.max_wait is None else min(self.max_wait, pause))

    def _jittered(self, pokes: int, began: datetime) -> int:
        """Twice as long each time, plus a part that differs from sensor to sensor: they shall not all poke at once."""
        import hashlib

        least = max(int(self.poke_interval * 2.0 ** min(pokes - 2, 40)), 1)
        text = f"{self.dag_id}#{self.task_id}#{began}#{pokes}"
        return least + int(hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(), 16) % least


SOFT = (AirflowSensorTimeout, AirflowTaskTimeout, AirflowFailException)
"""What ``soft_fail`` makes a skip of; every other error fails the sensor."""


def poke_mode_only(cls: type) -> type:
    """Decorate a sensor class that cannot give its slot back between pokes: any other mode is refused."""
    if not issubclass(cls, BaseSensorOperator):
        raise ValueError(
            f"poke_mode_only decorator should only be applied to subclasses of BaseSensorOperator, got: {cls}."
        )

    def refuse(self: Any, value: str) -> None:
        if value != "poke":
            raise ValueError(f"Cannot set mode to '{value}'. Only 'poke' is acceptable")

    cls.mode = property(lambda self: "poke", refuse)  # type: ignore[attr-defined]
    return cls
