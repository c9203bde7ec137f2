"""Small things that files import from all over Airflow."""

from __future__ import annotations

import functools
import importlib
import logging
from collections.abc import Callable
from typing import Any

from orchestrator.sdk.exceptions import AirflowException

cached_property, cache = functools.cached_property, functools.cache
TIMEZONE_NAME = "UTC"


def apply_defaults(function: Callable[..., Any]) -> Callable[..., Any]:
    """Airflow 1 wanted this around ``__init__``; default_args are applied without it."""
    return function


def import_string(dotted_path: str) -> Any:
    """Return what a dotted path names.

    Raises:
        ImportError: no such module, or no such name in it.
    """
    module, _, name = dotted_path.rpartition(".")
    if not module:
        raise ImportError(f"{dotted_path} doesn't look like a module path")
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError as error:
        raise ImportError(f'Module "{module}" does not define a "{name}" attribute/class') from error


def qualname(o: Any, use_qualname: bool = False, exclude_module: bool = False) -> str:
    """The dotted path of a class or function, or of an object's class."""
    named = o if callable(o) and not isinstance(o, functools.partial) else getattr(o, "func", type(o))
    name = str(named.__qualname__ if use_qualname else named.__name__)
    return name if exclude_module else f"{named.__module__}.{name}"


def iter_namespace(ns: Any) -> Any:
    """The modules of a package."""
    import pkgutil

    return pkgutil.iter_modules(ns.__path__, ns.__name__ + ".")


def to_boolean(text: str | None) -> bool:
    return (text or "").strip().lower() in {"on", "t", "true", "y", "yes", "1"}


class LoggingMixin:
    """Gives ``self.log``."""

    @property
    def log(self) -> logging.Logger:
        return logging.getLogger(f"{type(self).__module__}.{type(self).__name__}")


class DownstreamTasksSkipped(AirflowException):
    """How Airflow's own operators say which tasks to skip; ours say it to the engine."""

    def __init__(self, *, tasks: Any) -> None:
        super().__init__(f"downstream tasks are skipped: {tasks}")
        self.tasks = tasks


class DagRunTriggerException(AirflowException):
    """How Airflow's own operator starts a run; ours asks the engine."""


class ParsingContext:
    """While a file is parsed: which DAG and task it is parsed for, where only one is wanted."""

    dag_id: str | None = None
    task_id: str | None = None


def get_parsing_context() -> ParsingContext:
    return ParsingContext()


def mask_secret(secret: Any, name: str | None = None) -> None:
    """Have a text, or the texts in a dict or list, masked in this task's log from here on.

    In a dict those are secret whose keys say so (``password``, ``token`` ...); else what stands under ``name``.
    """
    from orchestrator.sdk.comms import CommsError, ask, is_connected

    if not is_connected():
        return
    try:
        ask("mask_secret", value=_texts(secret), name=name)
    except CommsError:  # masking is a kindness to the log; the task goes on without it
        return


def _texts(secret: Any) -> Any:
    """What of a value can be masked, as JSON."""
    if isinstance(secret, dict):
        return {str(key): _texts(each) for key, each in secret.items()}
    if isinstance(secret, (list, tuple, set, frozenset)):
        return [_texts(each) for each in secret]
    return secret if isinstance(secret, str) else None


class Stats:
    """Counters that go nowhere."""

    incr = decr = gauge = timing = staticmethod(lambda *args, **kwargs: None)


SET_DURING_EXECUTION = "<set during execution>"
"""Stands where a decorated function decides only when the task runs."""


def pod_mutation_hook(pod: Any) -> None:
    """Airflow's hook for changing pods; ours changes none."""


class _Details:
    """What Airflow's auth managers decide on; access is decided elsewhere here, and packages only name these."""

    def __init__(self, **kwargs: Any) -> None:
        self.__dict__.update(kwargs)


AssetDetails = AssetAliasDetails = AccessView = DagAccessEntity = _Details


def __getattr__(name: str) -> Any:
    if name == "TIMEZONE":
        import pendulum

        return pendulum.timezone(TIMEZONE_NAME)
    raise AttributeError(name)
