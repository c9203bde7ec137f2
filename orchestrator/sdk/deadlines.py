"""Deadlines: by when a run is needed, and what to call where it is not done by then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .exceptions import DagError

Json = dict[str, Any]


class BaseDeadlineReference:
    """What an interval starts from. Only those of :class:`DeadlineReference` are known to the engine."""

    def __init__(self, reference_type: str, **more: Any) -> None:
        self.reference_type, self.more = reference_type, more

    def serialize_reference(self) -> Json:
        return {"reference_type": self.reference_type, **self.more}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BaseDeadlineReference) and self.serialize_reference() == other.serialize_reference()

    def __hash__(self) -> int:
        return hash(self.reference_type)

    def __repr__(self) -> str:
        return f"<{self.reference_type}>"


class DeadlineReference:
    """What there is to start from."""

    DAGRUN_LOGICAL_DATE = BaseDeadlineReference("DagRunLogicalDateDeadline")
    DAGRUN_QUEUED_AT = BaseDeadlineReference("DagRunQueuedAtDeadline")
    TASK_STARTED_AT = BaseDeadlineReference("TaskStartedAtDeadline")
    """When the try of the task that has the deadline started; not for a DAG."""

    @classmethod
    def FIXED_DATETIME(cls, dt: datetime) -> BaseDeadlineReference:
        """A time of its own, the same for every run."""
        return BaseDeadlineReference("FixedDatetimeDeadline", datetime=dt.timestamp())

    @classmethod
    def AVERAGE_RUNTIME(
        cls, max_runs: int = 0, min_runs: int | None = None, *, factor: float = 1.0
    ) -> BaseDeadlineReference:
        """Now, and ``factor`` times what the last ``max_runs`` (10) took on average; none with fewer than ``min_runs``.

        Of a task: the start of its try, and what its last successful tries took.
        """
        most = max_runs or 10
        least = most if min_runs is None else min_runs
        if least < 1:
            raise ValueError("min_runs must be at least 1")
        if not isinstance(factor, (int, float)) or not 0 < factor < 1000:
            raise ValueError(f"factor must be a number above 0 and below 1000, not {factor!r}")
        more = {} if factor == 1 else {"factor": float(factor)}  # the rest is as Airflow writes it
        return BaseDeadlineReference("AverageRuntimeDeadline", max_runs=most, min_runs=least, **more)


@dataclass(frozen=True)
class VariableInterval:
    """An interval of as many seconds as a variable says when the run is made."""

    key: str


class _Callback:
    """A function, or a notifier's class, by the path that it can be imported by where it is called."""

    is_async = False

    def __init__(self, callback_callable: Callable[..., Any] | str, kwargs: Json | None = None) -> None:
        if kwargs and "context" in kwargs:
            raise ValueError("context is a reserved kwarg for this class")
        self.path, self.kwargs = self._path(callback_callable), dict(kwargs or {})

    def _path(self, given: Any) -> str:
        if isinstance(given, str):
            path = given.strip()
            if not all(part.isidentifier() for part in path.split(".")) or "." not in path:
                raise ImportError(f"`{given}` doesn't look like a valid dot path.")
            return path
        if not callable(given):
            raise ImportError(f"`{given}` doesn't look like a valid dot path.")
        name = getattr(given, "__qualname__", "")
        if "<" in name or not name:
            raise DagError(
                f"a deadline's callback is found by its name, which {given!r} has not: define it in the module"
            )
        return f"{given.__module__}.{name}"

    def to_json(self) -> Json:
        from .xcom_json import encode

        return {"path": self.path, "kwargs": encode(self.kwargs), "is_async": self.is_async}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and (self.path, self.kwargs) == (other.path, other.kwargs)  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self.path)


class AsyncCallback(_Callback):
    """Awaited in the triggerer."""

    is_async = True

    def _path(self, given: Any) -> str:
        import inspect

        if callable(given) and not (inspect.iscoroutinefunction(given) or hasattr(given, "__await__")):
            raise AttributeError(f"Provided callback {given} is not awaitable.")
        return super()._path(given)


class SyncCallback(_Callback):
    """Called in a process of its own on a worker."""

    def __init__(
        self, callback_callable: Callable[..., Any] | str, kwargs: Json | None = None, executor: str | None = None
    ) -> None:
        super().__init__(callback_callable, kwargs)
        self.executor = executor


class DeadlineAlert:
    """A run, or a task, is needed ``interval`` after ``reference``; where it is not, ``callback`` is called once."""

    def __init__(
        self,
        reference: BaseDeadlineReference,
        interval: timedelta | VariableInterval,
        callback: Any,
        name: str | None = None,
    ) -> None:
        if not isinstance(callback, _Callback):
            raise ValueError(f"Callbacks of type {type(callback).__name__} are not currently supported")
        if not isinstance(interval, (timedelta, VariableInterval)):
            raise ValueError(f"a deadline's interval is a timedelta or a VariableInterval, not {interval!r}")
        self.reference, self.interval, self.callback, self.name = reference, interval, callback, name

    def to_json(self, *, of_task: bool = False) -> Json:
        from orchestrator.core.deadlines import OF_TASKS, REFERENCES

        reference = self.reference.serialize_reference()
        if reference.get("reference_type") not in (OF_TASKS if of_task else REFERENCES):
            if reference.get("reference_type") in OF_TASKS:
                raise DagError("TASK_STARTED_AT is the reference of a task's deadline: a DAG has no such start")
            raise DagError(f"deadline reference {self.reference!r} is not known here: use those of DeadlineReference")
        interval = (
            self.interval.total_seconds() if isinstance(self.interval, timedelta) else {"variable": self.interval.key}
        )
        return {
            "name": self.name,
            "reference": reference,
            "interval": interval,
            "callback": self.callback.to_json(),
        }
