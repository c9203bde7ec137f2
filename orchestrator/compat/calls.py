"""How Airflow hands the context to functions and programs: ``airflow.utils.operator_helpers`` and ``utils.context``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

from orchestrator.sdk.context import CONTEXT_KEYS

KNOWN_CONTEXT_KEYS = CONTEXT_KEYS


def determine_kwargs(func: Callable[..., Any], args: Collection[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Those of ``kwargs`` that a function takes.

    Raises:
        ValueError: one of them is given by position already.
    """
    parameters = list(inspect.signature(func).parameters.values())
    taken = {each.name for each in parameters[: len(args)]}
    found = dict(kwargs)
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters):
        for name in taken:
            found.pop(name, None)
        return found
    named = {each.name for each in parameters if each.kind is not inspect.Parameter.VAR_POSITIONAL} - taken
    return {name: value for name, value in found.items() if name in named}


def make_kwargs_callable(func: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which lets arguments be that it does not know."""

    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **determine_kwargs(func, args, kwargs))

    return call


def context_merge(context: Any, *args: Any, **kwargs: Any) -> None:
    """Add to the context."""
    context.update(*args, **kwargs)


def check_cycle(dag: Any) -> None:
    """Raise where tasks of the DAG wait for each other in a circle."""
    dag.to_spec()


def unchanged(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator of Airflow's that has nothing to do here."""
    return function
