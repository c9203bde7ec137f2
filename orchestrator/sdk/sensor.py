"""Sensors: tasks that wait until ``poke`` says yes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from . import clock
from .exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    DagError,
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

    ``mode="reschedule"`` gives the slot back in between. ``soft_fail`` skips instead of failing.
    """

    ui_color = "#e6f1f2"

    def __init__(
        self,
        *,
        poke_interval: timedelta | float = 60,
        timeout: timedelta | float = 604800,
        soft_fail: bool = False,
        mode: str = "poke",
        exponential_backoff: bool = False,
        max_wait: timedelta | float | None = None,
        silent_fail: bool = False,
        never_fail: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if mode not in {"poke", "reschedule"}:
            raise DagError(f"task {self.task_id!r}: The mode must be one of poke, reschedule, not {mode!r}")
        self.poke_interval = seconds(poke_interval) or 0.0
        self.timeout = seconds(timeout) or 0.0
        if self.poke_interval < 0 or self.timeout < 0:
            raise DagError(f"task {self.task_id!r}: poke_interval and timeout must be non-negative numbers")
        self.soft_fail, self.mode, self.never_fail, self.silent_fail = soft_fail, mode, never_fail, silent_fail
        self.exponential_backoff = exponential_backoff
        self.max_wait = seconds(max_wait)

    @property
    def reschedules(self) -> bool:  # type: ignore[override]
        return self.mode == "reschedule"

    def poke(self, context: Any) -> Any:
        raise DagError(f"{self.task_type} (task {self.task_id!r}) defines no poke() method")

    def execute(self, context: Any) -> Any:
        began = context["ti"].first_started_at if self.reschedules else clock.now()
        tries = context["ti"].reschedule_count + 1 if self.reschedules else 1
        while True:
            answer = self._poke(context)
            if answer:
                return answer.xcom_value if isinstance(answer, PokeReturnValue) else None
            waited = (clock.now() - began).total_seconds()
            if waited >= self.timeout:
                self._timed_out(waited)
            pause = self._pause(tries, waited)
            if self.reschedules:
                raise AirflowRescheduleException(clock.now() + timedelta(seconds=pause))
            clock.sleep(pause)
            tries += 1

    def _poke(self, context: Any) -> Any:
        try:
            return self.poke(context)
        except (AirflowSensorTimeout, AirflowFailException) as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException("Skipping due to soft_fail is set to True.") from error
            raise
        except AirflowSkipException:
            raise
        except Exception as error:
            if self.silent_fail:
                self.log.exception("Sensor poke failed")
                return False
            if self.never_fail:
                raise AirflowSkipException("Skipping due to never_fail is set to True.") from error
            raise

    def _timed_out(self, waited: float) -> None:
        message = f"Sensor has timed out; run duration of {waited:.0f} seconds exceeds the specified timeout of {self.timeout:.0f}."
        if self.soft_fail or self.never_fail:
            raise AirflowSkipException(message)
        raise AirflowSensorTimeout(message)

    def _pause(self, tries: int, waited: float) -> float:
        pause = self.poke_interval
        if self.exponential_backoff:
            pause = min(pause * 2.0 ** min(tries - 1, 30), 86400.0)
        if self.max_wait is not None:
            pause = min(pause, self.max_wait)
        return max(0.0, min(pause, self.timeout - waited)) if not self.reschedules else pause
