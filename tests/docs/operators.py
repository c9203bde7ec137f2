"""The reference page of operators and decorators, from the classes themselves."""

from __future__ import annotations

import inspect
from typing import Any

from orchestrator import sdk
from orchestrator.sdk import decorators
from orchestrator.sdk.operator import BaseOperator
from orchestrator.sdk.sensor import BaseSensorOperator

BASES = (BaseOperator, BaseSensorOperator)


def classes() -> list[type]:
    """The operators and sensors that authors import, in the order of the table of names."""
    homes = [module for module in sdk.NAMES if module.startswith("orchestrator.operators.")]
    found = [getattr(sdk, name) for module in homes for name in sdk.NAMES[module]]
    return [each for each in found if isinstance(each, type) and issubclass(each, BaseOperator)]


def decorator_classes() -> dict[str, type]:
    """``@task.name`` -> the class of the task that it makes."""

    def nothing() -> None: ...

    names = sorted(name for name in vars(decorators.TaskDecorators) if not name.startswith("_"))
    return {
        f"@task.{name}": getattr(sdk.task, name)(nothing).operator_class
        for name in names
        if name not in {"run_if", "skip_if"}
    }


def page() -> str:
    from tests.docs.pages import table, text

    lines = [
        "# Operators and decorators",
        "",
        "All of Airflow's standard provider, by Airflow's names, from `orchestrator.sdk` or from `airflow.providers.standard`. Each",
        "takes the [arguments of every task](#every-task), sensors those of [every sensor](#every-sensor), too. *T* marks what may be",
        "a template. This page is made from the classes: `make docs`.",
    ]
    for each in classes():
        lines += ["", f"## {each.__name__}", "", *_words(each)]
        rows = [row for kind in _own(each) for row in _rows(kind, set(each.template_fields))]
        if rows:
            lines += ["", *table(("argument", "default", ""), rows)]
        if tuple(each.template_ext):
            endings = ", ".join(f"`{ending}`" for ending in each.template_ext)
            lines += ["", f"A text that ends with {endings} is read from a file."]
    lines += ["", "## Decorators", "", *_decorators()]
    lines += ["", "## Every task", "", *table(("argument", "default", ""), _rows(BaseOperator, set()))]
    lines += ["", "## Every sensor", "", *_words(BaseSensorOperator), ""]
    lines += table(("argument", "default", ""), _rows(BaseSensorOperator, set()))
    return text(*lines)


def _words(kind: type) -> list[str]:
    return [line.replace("``", "`") for line in (inspect.getdoc(kind) or "").splitlines()]


def _own(kind: type) -> list[type]:
    """The classes whose arguments are not those of every task or sensor, the most special first."""
    return [each for each in kind.__mro__ if issubclass(each, BaseOperator) and each not in BASES]


def _rows(kind: type, templated: set[str]) -> list[list[str]]:
    init: Any = kind.__dict__.get("__init__")
    if init is None:
        return []
    rows = []
    for name, parameter in inspect.signature(init).parameters.items():
        if name == "self" or parameter.kind is parameter.VAR_KEYWORD:
            continue
        default = "needed" if parameter.default is parameter.empty else f"`{_shown(parameter.default)}`"
        rows.append([f"`{name}`", default, "*T*" if name in templated else ""])
    return rows


def _shown(value: Any) -> str:
    if inspect.isfunction(value):
        return "as it is"
    return value if isinstance(value, str) and value else repr(value)


def _decorators() -> list[str]:
    from tests.docs.pages import table

    rows = []
    for name, kind in decorator_classes().items():
        public = next(each for each in kind.__mro__ if each.__name__ in set(sdk.__all__))
        rows.append([f"`{name}`", f"[{public.__name__}](#{public.__name__.lower()})"])
    return [
        "A decorated function makes the task of the class beside it, whose arguments go to the decorator. `@task` is `@task.python`.",
        "`@task.run_if(condition, skip_message)` and `@task.skip_if(condition, skip_message)` above a task skip it by `condition(context)`.",
        "",
        *table(("decorator", "class"), rows),
    ]
