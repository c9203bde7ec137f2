"""What providers build their ``@task.NAME`` decorators from."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Collection, Mapping
from typing import Any

from orchestrator.operators.python import arguments_from
from orchestrator.sdk.decorators import unique_id
from orchestrator.sdk.operator import BaseOperator


class DecoratedOperator(BaseOperator):
    """An operator that is given a function and its arguments; what it does with them is the subclass's."""

    template_fields: Collection[str] = ("op_args", "op_kwargs")
    template_fields_renderers = {"op_args": "py", "op_kwargs": "py"}

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        task_id: str,
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        kwargs_to_upstream: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.python_callable = python_callable
        self.op_args: Any = op_args or ()
        self.op_kwargs: Any = op_kwargs or {}
        super().__init__(task_id=task_id, **(kwargs_to_upstream or {}), **kwargs)

    def get_python_source(self) -> str:
        """The function's own source, without its decorators."""
        return source_of(self.python_callable)


def source_of(function: Callable[..., Any]) -> str:
    """Return a function's source, without indentation and decorators."""
    import ast

    source = textwrap.dedent(inspect.getsource(function))
    first = ast.parse(source).body[0]
    return "".join(source.splitlines(keepends=True)[first.lineno - 1 :])


def determine_kwargs(func: Callable[..., Any], args: Collection[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return which of ``kwargs`` (a context, mostly) a function takes beside ``args``."""
    return arguments_from(kwargs, func, args)


class KeywordParameters:
    """A function's keyword arguments, chosen from a context."""

    def __init__(self, kwargs: Mapping[str, Any], *, wildcard: bool = False) -> None:
        self._kwargs, self._wildcard = kwargs, wildcard

    @classmethod
    def determine(cls, func: Callable[..., Any], args: Collection[Any], kwargs: Mapping[str, Any]) -> KeywordParameters:
        return cls(determine_kwargs(func, args, kwargs))

    def unpacking(self) -> Mapping[str, Any]:
        return self._kwargs

    def serializing(self) -> Mapping[str, Any]:
        return self._kwargs


def get_unique_task_id(task_id: str, dag: Any = None, task_group: Any = None) -> str:
    """``name``, ``name__1`` ...: the first that is free in the DAG."""
    return unique_id(task_id, dag, task_group)


class BaseAsyncOperator(BaseOperator):
    """Does its work in ``async def aexecute(context)``."""

    @property
    def is_async(self) -> bool:
        return True

    async def aexecute(self, context: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no aexecute()")

    def execute(self, context: Any) -> Any:
        import asyncio

        return asyncio.run(self.aexecute(context))


class _Loaded:
    """A module that is imported at its first use."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        import importlib

        return getattr(importlib.import_module(self._name), attribute)

    @property
    def __name__(self) -> str:
        return self._name


SERIALIZERS = {name: _Loaded(name) for name in ("pickle", "dill", "cloudpickle")}
