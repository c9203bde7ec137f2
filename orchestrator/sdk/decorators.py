"""``@task`` and its variants, ``@task_group``, ``@setup`` and ``@teardown``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .context import CONTEXT_KEYS, current_dag, current_group
from .mapped import ExpandInput, MappedArgument, MappedOperator, check_names, refuse_twice, unexpected
from .operator import BaseOperator, parameters_of
from .taskgroup import TaskGroup


def unique_id(task_id: str, dag: Any, group: Any) -> str:
    """``name``, ``name__1``, ``name__2``: the first that is free where the task is made."""
    taken = dag.task_ids_and_groups() if dag is not None else set()
    full = group.child_id if group is not None else (lambda label: label)
    if full(task_id) not in taken:
        return task_id
    number = 1
    while full(f"{task_id}__{number}") in taken:
        number += 1
    return f"{task_id}__{number}"


class TaskFunction:
    """A decorated function: calling it makes a task and returns what the task will push."""

    def __init__(self, operator_class: type, function: Callable[..., Any], kwargs: dict[str, Any]) -> None:
        self.operator_class, self.function, self.kwargs = operator_class, function, kwargs
        self.is_setup = self.is_teardown = False
        self.on_failure_fail_dagrun = False
        self.is_result = False
        self.partial_args: dict[str, Any] = {}
        functools.update_wrapper(self, function)

    def _where(self) -> tuple[Any, Any]:
        group = self.kwargs.get("task_group") or current_group()
        dag = self.kwargs.get("dag") or (group.dag if group is not None else None) or current_dag()
        return dag, group

    def _settings(self) -> dict[str, Any]:
        dag, group = self._where()
        settings = {"task_id": self.function.__name__, **self.kwargs}
        settings["task_id"] = unique_id(settings["task_id"], dag, group)
        if "multiple_outputs" not in settings:
            settings["multiple_outputs"] = returns_dict(self.function)
        if settings.get("doc_md") is None and self.function.__doc__:
            settings["doc_md"] = self.function.__doc__
        return settings

    def _finish(self, operator: Any) -> Any:
        if self.is_setup:
            operator.as_setup()
        if self.is_teardown:
            operator.as_teardown(on_failure_fail_dagrun=self.on_failure_fail_dagrun)
        operator.returns_dag_result = self.is_result
        return operator.output

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        check_arguments(self.function, args, {**self.partial_args, **kwargs}, whole=True)
        operator = self.operator_class(
            python_callable=self.function,
            op_args=list(args),
            op_kwargs={**self.partial_args, **kwargs},
            **self._settings(),
        )
        return self._finish(operator)

    def override(self, **kwargs: Any) -> TaskFunction:
        made = TaskFunction(self.operator_class, self.function, {**self.kwargs, **kwargs})
        made.is_setup, made.is_teardown, made.is_result = self.is_setup, self.is_teardown, self.is_result
        made.on_failure_fail_dagrun = kwargs.get("on_failure_fail_dagrun", self.on_failure_fail_dagrun)
        made.kwargs.pop("on_failure_fail_dagrun", None)
        return made

    def partial(self, **kwargs: Any) -> TaskFunction:
        check_arguments(self.function, (), kwargs, whole=False)
        _check_context_keys("partial", kwargs)
        refuse_twice(self.partial_args, kwargs, "duplicate partial")
        made = self.override()
        made.partial_args = {**self.partial_args, **kwargs}
        return made

    def expand(self, **mapped: Any) -> Any:
        if not mapped:
            raise TypeError("no arguments to expand against")
        check_arguments(self.function, (), mapped, whole=False)
        _check_context_keys("expand", mapped)
        return self._expand(ExpandInput("expand", mapped))

    def expand_kwargs(self, kwargs: Any, *, strict: bool = True) -> Any:
        return self._expand(ExpandInput("expand_kwargs", {"": kwargs}))

    def _expand(self, expand_input: ExpandInput) -> Any:
        if self.kwargs.get("trigger_rule") == "always" and next(iter(expand_input.args()), None) is not None:
            raise ValueError(
                f"Task-generated mapping within a task using '{expand_input.mode}' is not allowed with trigger rule 'always'."
            )
        settings = self._settings()
        check_names(self.operator_class, settings, "partial")
        kwargs = {**settings, "python_callable": self.function, "op_kwargs": dict(self.partial_args)}
        return self._finish(MappedOperator(self.operator_class, kwargs, expand_input, field="op_kwargs"))


def _check_context_keys(where: str, given: dict[str, Any]) -> None:
    """Refuse arguments that the context gives anyway: its value and the mapped one would contradict each other."""
    names = sorted(CONTEXT_KEYS & given.keys())
    if names:
        what = f"variable {names[0]!r}" if len(names) == 1 else f"variables {', '.join(map(repr, names))}"
        raise ValueError(f"cannot call {where}() on task context {what}")


def returns_dict(function: Callable[..., Any]) -> bool:
    """Whether the return annotation says dict, in which case each key is an XCom of its own."""
    hint = getattr(function, "__annotations__", {}).get("return")
    if isinstance(hint, str):
        return hint.startswith(("dict", "Dict", "Mapping", "typing.Dict", "typing.Mapping"))
    origin = getattr(hint, "__origin__", hint)
    return isinstance(origin, type) and issubclass(origin, dict)


def check_arguments(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, whole: bool
) -> None:
    """Refuse arguments that the function does not take, where the task is written and not when it runs.

    Arguments named like context keys may be left out: they come from the context.
    """
    import inspect

    signature = inspect.signature(function)
    names = signature.parameters
    if any(each.kind == each.VAR_KEYWORD for each in names.values()) and not args:
        return
    if not whole:
        unknown = [name for name in kwargs if name not in names]
        if unknown:
            raise TypeError(f"{function.__name__}() got {unexpected(unknown)}")
        return
    try:
        signature.bind_partial(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{function.__name__}(): {error}") from error


def decorator_for(load: Callable[[], type]) -> Callable[..., Any]:
    """Make a decorator, with or without arguments, for the operator class that ``load`` returns."""

    def decorate(function: Any = None, *, multiple_outputs: bool | None = None, **kwargs: Any) -> Any:
        if multiple_outputs is not None:
            kwargs["multiple_outputs"] = multiple_outputs

        def wrap(inner: Callable[..., Any]) -> TaskFunction:
            if isinstance(inner, TaskFunction):
                raise TypeError("@task cannot decorate a task")
            operator_class = load()
            known = parameters_of(operator_class) | parameters_of(BaseOperator)
            unknown = [name for name in kwargs if name not in known and name != "on_failure_fail_dagrun"]
            if unknown:
                raise TypeError(f"@task got {unexpected(unknown)}")
            return TaskFunction(operator_class, inner, kwargs)

        return wrap(function) if callable(function) else wrap

    return decorate


def _loader(name: str, module: str = "python") -> Callable[[], type]:
    def load() -> type:
        import importlib

        return getattr(importlib.import_module(f"orchestrator.operators.{module}"), name)

    return load


class TaskDecorators:
    """``task``, and ``task.branch``, ``task.short_circuit``, ``task.bash``, ``task.sensor`` ..."""

    __call__ = staticmethod(decorator_for(_loader("_PythonDecoratedOperator")))
    python = staticmethod(decorator_for(_loader("_PythonDecoratedOperator")))
    branch = staticmethod(decorator_for(_loader("_BranchPythonDecoratedOperator")))
    short_circuit = staticmethod(decorator_for(_loader("_ShortCircuitDecoratedOperator")))
    bash = staticmethod(decorator_for(_loader("_BashDecoratedOperator")))
    sensor = staticmethod(decorator_for(_loader("DecoratedSensorOperator")))
    virtualenv = staticmethod(decorator_for(_loader("_PythonVirtualenvDecoratedOperator", "virtualenv")))
    external_python = staticmethod(decorator_for(_loader("_PythonExternalDecoratedOperator", "external_python")))
    branch_virtualenv = staticmethod(decorator_for(_loader("_BranchPythonVirtualenvDecoratedOperator", "virtualenv")))
    branch_external_python = staticmethod(
        decorator_for(_loader("_BranchExternalPythonDecoratedOperator", "external_python"))
    )

    stub = staticmethod(decorator_for(_loader("_StubOperator")))

    def __getattr__(self, name: str) -> Any:
        from .provider_info import decorators, named

        brought = decorators()
        if name in brought:
            return named(brought[name])
        known = ", ".join(sorted({*_KINDS, *brought}))
        hint = (
            f"; apache-airflow-providers-{_PACKAGES[name]} brings it: manage.py providers install {_PACKAGES[name]}"
            if name in _PACKAGES
            else ""
        )
        raise AttributeError(f"there is no decorator @task.{name}: known are {known}{hint}")

    @staticmethod
    def run_if(
        condition: Callable[[Any], Any], skip_message: str | None = None
    ) -> Callable[[TaskFunction], TaskFunction]:
        """Skip the task unless ``condition(context)`` holds."""
        return _gate(condition, True, skip_message)

    @staticmethod
    def skip_if(
        condition: Callable[[Any], Any], skip_message: str | None = None
    ) -> Callable[[TaskFunction], TaskFunction]:
        """Skip the task if ``condition(context)`` holds."""
        return _gate(condition, False, skip_message)


def _gate(condition: Callable[[Any], Any], wanted: bool, message: str | None) -> Callable[[TaskFunction], TaskFunction]:
    def wrap(function: TaskFunction) -> TaskFunction:
        before = function.kwargs.get("pre_execute")

        def check(context: Any) -> None:
            from .exceptions import AirflowSkipException

            answer = condition(context)
            held, said = answer if isinstance(answer, tuple) else (answer, None)
            if bool(held) is not wanted:
                raise AirflowSkipException(said or message or "skipped by its condition")
            if before is not None:
                before(context)

        function.kwargs["pre_execute"] = check
        return function

    return wrap


_PACKAGES = {
    **{"docker": "docker", "kubernetes": "cncf-kubernetes", "kubernetes_cmd": "cncf-kubernetes"},
    **{"pyspark": "apache-spark", "snowpark": "snowflake", "sftp_sensor": "sftp", "sql": "common-sql"},
}
"""Decorators of provider packages, and which brings them: for those that do not know yet."""
_KINDS = {name for name in vars(TaskDecorators) if not name.startswith("_")}
task = TaskDecorators()


def task_decorator_factory(
    python_callable: Any = None, *, multiple_outputs: bool | None = None, decorated_operator_class: type, **kwargs: Any
) -> Any:
    """Make a decorator for an operator class that takes ``python_callable``, as providers do."""
    return decorator_for(lambda: decorated_operator_class)(python_callable, multiple_outputs=multiple_outputs, **kwargs)


def setup(function: Any) -> Any:
    made = function if isinstance(function, TaskFunction) else task(function)
    made.is_setup = True
    return made


def teardown(function: Any = None, *, on_failure_fail_dagrun: bool = False) -> Any:
    if function is None:
        return lambda inner: teardown(inner, on_failure_fail_dagrun=on_failure_fail_dagrun)
    made = function if isinstance(function, TaskFunction) else task(function)
    made.is_teardown, made.on_failure_fail_dagrun = True, on_failure_fail_dagrun
    return made


def result(function: Any) -> Any:
    """Say that what this task returns is the result of its DAG: who waits for a run gets it without asking."""
    if not isinstance(function, TaskFunction):
        raise TypeError("@result stands above @task: it marks a task, not a function")
    function.is_result = True
    return function


class GroupFunction:
    """A function decorated with ``@task_group``: calling it makes a group of the tasks it makes."""

    def __init__(self, function: Callable[..., Any], kwargs: dict[str, Any]) -> None:
        self.function, self.kwargs = function, kwargs
        self.partial_args: dict[str, Any] = {}
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._make(args, {**self.partial_args, **kwargs}, None)

    def override(self, **kwargs: Any) -> GroupFunction:
        return GroupFunction(self.function, {**self.kwargs, **kwargs})

    def partial(self, **kwargs: Any) -> GroupFunction:
        made = self.override()
        made.partial_args = {**self.partial_args, **kwargs}
        return made

    def expand(self, **mapped: Any) -> Any:
        if not mapped:
            raise TypeError("no arguments to expand against")
        check_arguments(self.function, (), mapped, whole=False)
        refuse_twice(self.partial_args, mapped, "mapping already partial")
        return self._map(ExpandInput("expand", mapped), list(mapped))

    def expand_kwargs(self, kwargs: Any) -> Any:
        import inspect

        names = [name for name in inspect.signature(self.function).parameters if name not in self.partial_args]
        return self._map(ExpandInput("expand_kwargs", {"": kwargs}), names)

    def _map(self, expand_input: ExpandInput, names: list[str]) -> Any:
        arguments = {name: MappedArgument(expand_input, name) for name in names}
        return self._make((), {**self.partial_args, **arguments}, expand_input)

    def _make(self, args: tuple[Any, ...], kwargs: dict[str, Any], expand_input: ExpandInput | None) -> Any:
        settings = {"group_id": self.function.__name__, "add_suffix_on_collision": True, **self.kwargs}
        if self.function.__doc__ and not settings.get("tooltip"):
            settings["tooltip"] = self.function.__doc__.strip()
        with TaskGroup(**settings) as group:
            group.expand_input = expand_input
            if expand_input is not None:
                expand_input.group = group
            result = self.function(*args, **kwargs)
        if expand_input is not None:
            for arg in expand_input.args():
                for operator in arg.operators():
                    for root in group.get_roots():
                        operator.add_downstream(root)
        return group if result is None else result


def task_group(function: Any = None, **kwargs: Any) -> Any:
    """``@task_group``, with or without arguments of :class:`TaskGroup`."""
    if function is not None and not callable(function):
        return lambda inner: GroupFunction(inner, {"group_id": function, **kwargs})
    if function is None:
        return lambda inner: GroupFunction(inner, kwargs)
    return GroupFunction(function, kwargs)
