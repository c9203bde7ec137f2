"""Tasks that call a Python function."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from types import FunctionType
from typing import Any

from orchestrator.sdk.context import get_current_context
from orchestrator.sdk.exceptions import AirflowException
from orchestrator.sdk.operator import BaseOperator
from orchestrator.sdk.sensor import BaseSensorOperator, PokeReturnValue

from .bash import BashOperator
from .branch import follow, stop_below


def arguments_from(context: Mapping[str, Any], function: Callable[..., Any], args: Collection[Any]) -> dict[str, Any]:
    """Return what a function wants of the context: the keys named like its parameters, or all for ``**kwargs``."""
    parameters = _parameters(function)
    if parameters is None:
        return {}
    names, takes_all = parameters
    clash = [name for name in names[: len(args)] if name in context]
    if clash:
        raise ValueError(f"The key {clash[0]!r} in args is a part of kwargs and therefore reserved.")
    if takes_all:
        return dict(context)
    return {name: context[name] for name in names if name in context}


VAR_POSITIONAL, VAR_KEYWORD = 0x04, 0x08  # of a code object's flags


def _parameters(function: Callable[..., Any]) -> tuple[list[str], bool] | None:
    """Return the names of a function's parameters ("" for ``*args``) and whether it takes ``**kwargs``."""
    if type(function) is FunctionType and not function.__dict__:  # plain: its code says it all, at a tenth of the cost
        code = function.__code__
        count = code.co_argcount
        names = list(code.co_varnames[: count + code.co_kwonlyargcount])
        if code.co_flags & VAR_POSITIONAL:
            names.insert(count, "")
        return names, bool(code.co_flags & VAR_KEYWORD)
    import inspect

    try:
        found = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return None
    kinds = [each.kind for each in found.values()]
    names = [
        "" if each.kind == each.VAR_POSITIONAL else name
        for name, each in found.items()
        if each.kind != each.VAR_KEYWORD
    ]
    return names, inspect.Parameter.VAR_KEYWORD in kinds


class PythonOperator(BaseOperator):
    """Calls ``python_callable(*op_args, **op_kwargs)``; parameters named like context keys are filled in."""

    template_fields: Collection[str] = ("templates_dict", "op_args", "op_kwargs")
    ui_color = "#ffefeb"

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        templates_dict: dict[str, Any] | None = None,
        templates_exts: Sequence[str] | None = None,
        show_return_value_in_logs: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(python_callable):
            raise AirflowException("`python_callable` param must be callable")
        self.python_callable = python_callable
        self.op_args = list(op_args or ())
        self.op_kwargs = dict(op_kwargs or {})
        self.templates_dict = templates_dict
        if templates_exts:
            self.template_ext = templates_exts
        self.show_return_value_in_logs = show_return_value_in_logs

    def execute(self, context: Any) -> Any:
        if self.templates_dict is not None:
            context["templates_dict"] = self.templates_dict
        given = arguments_from(context, self.python_callable, self.op_args)
        given.update(self.op_kwargs)
        # What callbacks and map_index_template may name beside the context's own keys.
        context.update({name: value for name, value in self.op_kwargs.items() if name not in context})
        return self.call(given)

    def call(self, kwargs: dict[str, Any]) -> Any:
        result = self.python_callable(*self.op_args, **kwargs)
        if hasattr(result, "__await__"):
            import asyncio

            result = asyncio.run(_await(result))
        elif hasattr(result, "gi_frame"):
            result = self._exhaust(result)
        if self.show_return_value_in_logs:
            self.log.info("Done. Returned value was: %s", result)
        else:
            self.log.info("Done. Returned value not shown")
        return result

    def _exhaust(self, generator: Any) -> Any:
        """Run a generator to its end and return what it returns; what it yields are notes about assets."""
        from orchestrator.sdk.assets import Metadata

        while True:
            try:
                found = next(generator)
            except StopIteration as end:
                return end.value
            if isinstance(found, Metadata):
                get_current_context()["outlet_events"].note(found)
            else:
                self.log.warning("Ignoring unknown data of %r received from task", type(found))


async def _await(thing: Any) -> Any:
    return await thing


class BranchPythonOperator(PythonOperator):
    """Follows the tasks or groups whose ids the function returns."""

    skips = "branch"

    def execute(self, context: Any) -> Any:
        chosen = super().execute(context)
        follow(self, context, chosen)
        return chosen


class ShortCircuitOperator(PythonOperator):
    """Skips what is below where the function returns something false."""

    skips = "short_circuit"

    def __init__(self, *, ignore_downstream_trigger_rules: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ignore_downstream_trigger_rules = ignore_downstream_trigger_rules

    def execute(self, context: Any) -> Any:
        condition = super().execute(context)
        if not condition:
            stop_below(self, context, self.ignore_downstream_trigger_rules)
        return condition


class _PythonDecoratedOperator(PythonOperator):
    custom_operator_name = "@task"
    template_fields: Collection[str] = ("templates_dict", "op_args", "op_kwargs")


class _BranchPythonDecoratedOperator(BranchPythonOperator):
    custom_operator_name = "@task.branch"


class _ShortCircuitDecoratedOperator(ShortCircuitOperator):
    custom_operator_name = "@task.short_circuit"


class PythonSensor(BaseSensorOperator):
    """Waits until the function returns something true."""

    template_fields: Collection[str] = ("templates_dict", "op_args", "op_kwargs")

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        templates_dict: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.python_callable = python_callable
        self.op_args, self.op_kwargs, self.templates_dict = list(op_args or ()), dict(op_kwargs or {}), templates_dict

    def poke(self, context: Any) -> Any:
        given = arguments_from(context, self.python_callable, self.op_args)
        given.update(self.op_kwargs)
        answer = self.python_callable(*self.op_args, **given)
        return answer if isinstance(answer, PokeReturnValue) else bool(answer)


class DecoratedSensorOperator(PythonSensor):
    custom_operator_name = "@task.sensor"
    template_fields: Collection[str] = ("op_args", "op_kwargs")


class _BashDecoratedOperator(BashOperator):
    """The function returns the command."""

    custom_operator_name = "@task.bash"
    template_fields: Collection[str] = ("op_args", "op_kwargs", "bash_command", "env", "cwd")

    def __init__(
        self, *, python_callable: Callable[..., Any], op_args: Any = None, op_kwargs: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(bash_command="", **kwargs)
        self.python_callable, self.op_args, self.op_kwargs = python_callable, list(op_args or ()), dict(op_kwargs or {})

    def execute(self, context: Any) -> Any:
        given = arguments_from(context, self.python_callable, self.op_args)
        given.update(self.op_kwargs)
        command = self.python_callable(*self.op_args, **given)
        if not isinstance(command, str) or not command.strip():
            raise TypeError("The returned value from the @task.bash callable must be a non-empty string.")
        self.bash_command = self.render_template(command, context)
        context["ti"].tell_rendered()  # only now is the command known
        return super().execute(context)
