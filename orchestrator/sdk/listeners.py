"""Listeners: functions of plugins that are called when task instances and runs change their state."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .plugins import active, brought

log = logging.getLogger("orchestrator.listener")

TASK_HOOKS = {
    "running": "on_task_instance_running",
    "success": "on_task_instance_success",
    "failed": "on_task_instance_failed",
    "skipped": "on_task_instance_skipped",
}
RUN_HOOKS = {"running": "on_dag_run_running", "success": "on_dag_run_success", "failure": "on_dag_run_failed"}
"""Kind of a run's callback -> hook."""
ASSET_HOOKS = ("on_asset_created", "on_asset_alias_created", "on_asset_changed", "on_asset_event_emitted")
IMPORT_HOOKS = ("on_new_dag_import_error", "on_existing_dag_import_error")
COMPONENT_HOOKS = ("on_starting", "before_stopping")
MARK = "__listener_hook__"


class TaskRunnerMarker:
    """What ``on_starting`` and ``before_stopping`` get as ``component`` in the process of a task."""


_hooks: dict[str, list[Callable[..., Any]]] | None = None


def hookimpl(function: Any = None, *, specname: str | None = None, **ordering: Any) -> Any:
    """Mark a function as a listener's; its name, or ``specname``, says what it hears of."""

    def mark(each: Any) -> Any:
        setattr(each, MARK, specname or each.__name__)
        return each

    return mark(function) if callable(function) else mark


@contextmanager
def without_plugins() -> Iterator[None]:
    """For a while nobody listens, and no plugin adds a link."""
    global _hooks
    kept, _hooks = _hooks, {}
    plugins, active[:] = list(active), []
    try:
        yield
    finally:
        _hooks, active[:] = kept, plugins


def forget() -> None:
    """Look the plugins' listeners up anew at the next call."""
    global _hooks
    _hooks = None


def hears(hook: str) -> bool:
    """Whether a plugin listens to this; what is not listened to costs nothing more than this."""
    return bool(_table().get(hook))


def call(hook: str, **values: Any) -> int:
    """Call every listener of a hook with the values it takes; what one raises is logged and changes nothing.

    Return how many went wrong.
    """
    failed = 0
    for function in _table().get(hook, ()):
        try:
            function(**{name: values[name] for name in _parameters(function) if name in values})
        except Exception as error:
            name = f"{function.__module__}.{function.__qualname__}"
            log.error("The listener %s failed", name, exc_info=without_ours(error))
            failed += 1
    return failed


def without_ours(error: BaseException) -> tuple[type[BaseException], BaseException, Any]:
    """An error as logs take it, with its trace from the author's own code on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None and trace.tb_frame.f_globals.get("__name__") in CALLERS:
        trace = trace.tb_next
    return type(error), error, trace


CALLERS = {
    *(__name__, "orchestrator.runtime.callbacks", "orchestrator.runtime.deadline_callback"),
    *("orchestrator.runtime.child", "orchestrator.operators.python"),
}


def _table() -> dict[str, list[Callable[..., Any]]]:
    global _hooks
    if _hooks is None:
        _hooks = {}
        for listener in brought("listeners"):
            for hook, function in heard_by(listener):
                _hooks.setdefault(hook, []).append(function)
    return _hooks


def heard_by(listener: Any) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The hooks that a module or object listens to, with the function of each."""
    for name in dir(listener):
        function = getattr(listener, name, None)
        hook = getattr(function, MARK, None)
        if isinstance(hook, str) and callable(function):
            yield hook, function


def _parameters(function: Any) -> tuple[str, ...]:
    code = getattr(function, "__code__", None) or function.__func__.__code__
    return tuple(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
