"""How Airflow hands the context to functions and programs: ``airflow.utils.operator_helpers`` and ``utils.context``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

from orchestrator.sdk.context import CONTEXT_KEYS

KNOWN_CONTEXT_KEYS = CONTEXT_KEYS
DEFAULT_FORMAT_PREFIX = "airflow.ctx."
ENV_VAR_FORMAT_PREFIX = "AIRFLOW_CTX_"
_NAMES = ("dag_id", "task_id", "execution_date", "logical_date", "try_number", "dag_run_id", "dag_owner", "dag_email")
AIRFLOW_VAR_NAME_FORMAT_MAPPING = {
    f"AIRFLOW_CONTEXT_{name.upper()}": {
        "default": DEFAULT_FORMAT_PREFIX + name,
        "env_var_format": ENV_VAR_FORMAT_PREFIX + name.upper(),
    }
    for name in _NAMES
}


def context_to_airflow_vars(context: Mapping[str, Any], in_env_var_format: bool = False) -> dict[str, str]:
    """What of the context programs are told, as texts: ids, date, try, owner and addresses."""
    task, ti, run = (context.get(name) for name in ("task", "ti", "dag_run"))
    date = context.get("logical_date")
    emails = getattr(task, "email", None) or ""
    found = {
        "dag_id": getattr(ti, "dag_id", None),
        "task_id": getattr(ti, "task_id", None),
        "execution_date": date.isoformat() if date else None,
        "logical_date": date.isoformat() if date else None,
        "try_number": getattr(ti, "try_number", None),
        "dag_run_id": getattr(run, "run_id", None),
        "dag_owner": getattr(task, "owner", None),
        "dag_email": emails if isinstance(emails, str) else ",".join(emails),
    }
    way = "env_var_format" if in_env_var_format else "default"
    return {
        AIRFLOW_VAR_NAME_FORMAT_MAPPING[f"AIRFLOW_CONTEXT_{name.upper()}"][way]: str(value)
        for name, value in found.items()
        if value
    }


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
