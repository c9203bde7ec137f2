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
from .branch import BaseBranchOperator, SkipMixin, stop_below


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
    template_fields_renderers = {"templates_dict": "json", "op_args": "py", "op_kwargs": "py"}
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
        # As they were given: a mapped one is known by its identity when templates are rendered.
        self.op_args: Any = op_args or ()
        self.op_kwargs: Any = op_kwargs or {}
        self.templates_dict = templates_dict
        if templates_exts:
            self.template_ext = templates_exts
        self.show_return_value_in_logs = show_return_value_in_logs

    @property
    def is_async(self) -> bool:
        import inspect

        return inspect.iscoroutinefunction(inspect.unwrap(self.python_callable))

    def execute(self, context: Any) -> Any:
        if self.templates_dict is not None:
            context["templates_dict"] = self.templates_dict
        given = self.op_kwargs
        self.op_kwargs = self.determine_kwargs(context)
        # What callbacks and map_index_template may name beside the context's own keys.
        context.update({name: value for name, value in given.items() if name not in context})
        result = self.execute_callable()
        if self.show_return_value_in_logs:
            self.log.info("Done. Returned value was: %s", result)
        else:
            self.log.info("Done. Returned value not shown")
        return result

    def determine_kwargs(self, context: Any) -> dict[str, Any]:
        """Return the keyword arguments of the call: what the function names of the context, and ``op_kwargs``."""
        return {**arguments_from(context, self.python_callable, self.op_args), **self.op_kwargs}

    def execute_callable(self) -> Any:
        """Call the function with ``op_args`` and ``op_kwargs``."""
        result = self.python_callable(*self.op_args, **self.op_kwargs)
        if hasattr(result, "__await__"):
            import asyncio

            return asyncio.run(_await(result))
        return self._exhaust(result) if hasattr(result, "gi_frame") else result

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


class BranchPythonOperator(BaseBranchOperator, PythonOperator):
    """Follows the tasks or groups whose ids the function returns."""

    def choose_branch(self, context: Any) -> Any:
        return PythonOperator.execute(self, context)


class ShortCircuitOperator(SkipMixin, PythonOperator):
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
        if not callable(python_callable):
            raise AirflowException("`python_callable` param must be callable")
        self.python_callable = python_callable
        self.op_args, self.op_kwargs, self.templates_dict = list(op_args or ()), dict(op_kwargs or {}), templates_dict

    def poke(self, context: Any) -> Any:
        if self.templates_dict is not None:
            context["templates_dict"] = self.templates_dict
        given = arguments_from(context, self.python_callable, self.op_args)
        given.update(self.op_kwargs)
        answer = self.python_callable(*self.op_args, **given)
        return answer if isinstance(answer, PokeReturnValue) else bool(answer)


class _StubOperator(PythonOperator):
    """A task whose work is written in another language and done by a worker of that language."""

    custom_operator_name = "@task.stub"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        code = self.python_callable.__code__
        if code.co_names or any(each is not None and not isinstance(each, str) for each in code.co_consts):
            raise ValueError("Functions passed to @task.stub must be an empty function (`pass`, or `...` only)")

    def execute(self, context: Any) -> Any:
        raise AirflowException(
            f"task {self.task_id!r} is a @task.stub: it stands for work in another language, and no worker here does such work"
        )


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
