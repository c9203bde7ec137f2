"""Ways to Airflow's database: files import them to no purpose, or use them in functions that never run here.

So the names are there, as in Airflow 3, and whoever comes to use one is told what to do instead.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NoReturn

from orchestrator.sdk.exceptions import AirflowException

NEW_SESSION = None
INSTEAD = "a task has no way to the database: use the context, XComs, Variable, Connection or the REST API"


def _refused(what: str) -> Callable[..., NoReturn]:
    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise AirflowException(f"{what}: {INSTEAD}")

    refuse.__name__ = refuse.__qualname__ = what
    return refuse


create_session = _refused("create_session")
create_session_async = _refused("create_session_async")
Session = _refused("Session")
merge_conn = _refused("merge_conn")


def provide_session(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function be called with a session of the caller's own; there is none to give it."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if signature.bind_partial(*args, **kwargs).arguments.get("session") is None:
            _refused(f"provide_session of {function.__qualname__}")()
        return function(*args, **kwargs)

    return call


def find_session_idx(function: Callable[..., Any]) -> int:
    """Where among its parameters a function takes the session."""
    return list(inspect.signature(function).parameters).index("session")
