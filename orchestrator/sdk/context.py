"""The context of the running task, and what is being defined right now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Context = dict
"""What ``execute`` is given: Airflow's context keys."""

_current: list[Any] = []


def get_current_context() -> Any:
    """Return the running task's context.

    Raises:
        RuntimeError: no task is running here.
    """
    if not _current:
        raise RuntimeError("Current context was requested but no context was found! Are you running within a task?")
    return _current[-1]


class running:
    """``with running(context):`` makes it the current one."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        self.context = context

    def __enter__(self) -> Mapping[str, Any]:
        _current.append(self.context)
        return self.context

    def __exit__(self, *error: object) -> None:
        _current.pop()


class Defining:
    """The stacks of ``with DAG`` and ``with TaskGroup`` that are open while a file is imported."""

    dags: list[Any] = []
    groups: list[Any] = []
    setups: list[Any] = []


def current_dag() -> Any:
    return Defining.dags[-1] if Defining.dags else None


def current_group() -> Any:
    return Defining.groups[-1] if Defining.groups else None
