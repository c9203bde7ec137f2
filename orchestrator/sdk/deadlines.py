"""Deadlines: by when a run is needed, and what to call where it is not done by then."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .exceptions import DagError

Json = dict[str, Any]


class BaseDeadlineReference:
    """What an interval starts from. Of an author's own: a class that plugins register, asked when a run is made."""

    required_kwargs: set[str] = set()

    @property
    def reference_name(self) -> str:
        return type(self).__name__

    def serialize_reference(self) -> Json:
        return {"reference_type": self.reference_name}

    @classmethod
    def deserialize_reference(cls, reference_data: Json) -> Any:
        return cls()

    def _evaluate_with(self, *, session: Any, **kwargs: Any) -> datetime | None:
        """Return the time to count from; None where there is none for this run."""
        raise NotImplementedError(f"{self.reference_name} defines no _evaluate_with()")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.serialize_reference() == other.serialize_reference()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self.reference_name)

    def __repr__(self) -> str:
        return f"<{self.reference_name}>"


class Known(BaseDeadlineReference):
    """One that the engine works out by itself."""

    def __init__(self, reference_type: str, **more: Any) -> None:
        self.reference_type, self.more = reference_type, more

    @property
    def reference_name(self) -> str:
        return self.reference_type

    def serialize_reference(self) -> Json:
        return {"reference_type": self.reference_type, **self.more}


class ReferenceModels:
    """Where the base stood in Airflow 3.1."""

    BaseDeadlineReference = BaseDeadlineReference


class _Types:
    """When a reference of one's own is asked."""

    DAGRUN_CREATED = "created"
    DAGRUN_QUEUED = "queued"  # again whenever the run is cleared
    DAGRUN = (DAGRUN_CREATED, DAGRUN_QUEUED)


class DeadlineReference:
    """What there is to start from."""

    TYPES = _Types
    DAGRUN_LOGICAL_DATE = Known("DagRunLogicalDateDeadline")
    DAGRUN_QUEUED_AT = Known("DagRunQueuedAtDeadline")
    TASK_STARTED_AT = Known("TaskStartedAtDeadline")
    """When the try of the task that has the deadline started; not for a DAG."""

    @classmethod
    def FIXED_DATETIME(cls, dt: datetime) -> BaseDeadlineReference:
        """A time of its own, the same for every run."""
        return Known("FixedDatetimeDeadline", datetime=dt.timestamp())

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
        return Known("AverageRuntimeDeadline", max_runs=most, min_runs=least, **more)

    @classmethod
    def register_custom_reference(cls, reference_class: Any, deadline_reference_type: Any = None) -> Any:
        """Make a class of one's own ``DeadlineReference.<its name>``, asked when the run is made or each time it is queued."""
        if not (isinstance(reference_class, type) and issubclass(reference_class, BaseDeadlineReference)):
            raise ValueError(f"{reference_class!r} must inherit from BaseDeadlineReference")
        asked_when = _Types.DAGRUN_CREATED if deadline_reference_type is None else deadline_reference_type
        if asked_when not in _Types.DAGRUN:
            raise ValueError(f"Invalid deadline reference type {asked_when!r}: use one of DeadlineReference.TYPES")
        reference_class._asked_when = asked_when  # type: ignore[attr-defined]
        try:
            setattr(cls, reference_class.__name__, reference_class())
        except TypeError:  # it needs arguments: the file makes one of it by itself
            setattr(cls, reference_class.__name__, reference_class)
        return reference_class


def deadline_reference(deadline_reference_type: Any = None) -> Any:
    """Decorate a class to be had as ``DeadlineReference.<its name>``; with or without parentheses."""
    if isinstance(deadline_reference_type, type):
        return DeadlineReference.register_custom_reference(deadline_reference_type)
    return lambda kind: DeadlineReference.register_custom_reference(kind, deadline_reference_type)


class NoSession:
    """Stands where Airflow gives a reference a session of its database."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(
            "A deadline reference has no way to the database here: name what it needs in required_kwargs (dag_id, run_id, "
            "run_type, logical_date, queued_at, run_after), or read a variable"
        )


def reference_time(document: Json, values: Json) -> datetime | None:
    """Ask a reference of an author's own, in a process that has loaded its plugin; ``values``: the run's, as JSON.

    Raises:
        ValueError: it asks for what there is not, or answers no aware time.
    """
    from orchestrator.core import own

    kind: Any = own.registered.get(document["class"])
    if kind is None:
        raise ValueError(f"the deadline reference {document['class']} is registered by no plugin any more")
    wanted = set(kind.required_kwargs or ())
    if missing := sorted(wanted - values.keys()):
        raise ValueError(f"{kind.__name__} is missing required parameters: {', '.join(missing)}")
    given = {name: _moment(values[name]) if name in MOMENTS else values[name] for name in wanted}
    found = kind.deserialize_reference(document["data"])._evaluate_with(session=NoSession(), **given)
    if found is not None and (not isinstance(found, datetime) or found.tzinfo is None):
        raise ValueError(f"{kind.__name__} must answer a time with a zone, not {found!r}")
    return found  # type: ignore[no-any-return]


MOMENTS = ("logical_date", "queued_at", "run_after")


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _reference_json(reference: Any) -> Json:
    if isinstance(reference, Known):
        return reference.serialize_reference()
    from orchestrator.core import own

    kind = type(reference)
    if own.registered.get(own.path_of(kind)) is not kind:
        raise DagError(
            f"{kind.__name__} is a deadline reference of your own that no plugin registers: list it in "
            "deadline_references of an AirflowPlugin"
        )
    data = reference.serialize_reference()
    try:
        json.dumps(data)
    except (TypeError, ValueError) as error:
        raise DagError(f"{kind.__name__}.serialize_reference() must return what JSON can hold: {error}") from error
    name = str(data.get("reference_type") or kind.__name__)
    asked_when = getattr(kind, "_asked_when", _Types.DAGRUN_CREATED)
    return {"reference_type": name, "class": own.path_of(kind), "data": data, "asked_when": asked_when}


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
        if not isinstance(reference, BaseDeadlineReference):
            raise ValueError(
                f"a deadline's reference is one of DeadlineReference, or of a class of yours, not {reference!r}"
            )
        if not isinstance(interval, (timedelta, VariableInterval)):
            raise ValueError(f"a deadline's interval is a timedelta or a VariableInterval, not {interval!r}")
        self.reference, self.interval, self.callback, self.name = reference, interval, callback, name

    def to_json(self, *, of_task: bool = False) -> Json:
        from orchestrator.core.deadlines import OF_TASKS, REFERENCES

        reference = _reference_json(self.reference)
        if "class" not in reference and reference["reference_type"] not in (OF_TASKS if of_task else REFERENCES):
            raise DagError("TASK_STARTED_AT is the reference of a task's deadline: a DAG has no such start")
        interval = (
            self.interval.total_seconds() if isinstance(self.interval, timedelta) else {"variable": self.interval.key}
        )
        return {
            "name": self.name,
            "reference": reference,
            "interval": interval,
            "callback": self.callback.to_json(),
        }
