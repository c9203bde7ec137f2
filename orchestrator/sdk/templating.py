"""Jinja templates in task arguments, with Airflow's filters and rules."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .xcom_arg import XComArg


class literal:
    """``literal(text)``: a text that is not a template."""

    def __init__(self, value: str) -> None:
        self.value = value

    def resolve(self, context: Any) -> str:
        return self.value


def wants_native(dag: Any, own: bool | None) -> bool:
    """Whether values come out as Python objects; the task's own word counts before the DAG's."""
    return bool(dag.render_template_as_native_obj if own is None else own)


def environment(dag: Any, native: bool | None) -> Any:
    """Return the Jinja environment of a DAG; made once."""
    import jinja2
    import jinja2.nativetypes
    import jinja2.sandbox

    as_native = wants_native(dag, native)
    cache = dag.__dict__.setdefault("_environments", {})
    if as_native not in cache:
        kind = type("Native", (jinja2.nativetypes.NativeEnvironment, jinja2.sandbox.SandboxedEnvironment), {})
        folders = [os.path.join(dag.folder, str(each)) for each in dag.template_searchpath]
        options: dict[str, Any] = {
            "loader": jinja2.FileSystemLoader([dag.folder, *folders]),
            "undefined": dag.template_undefined or jinja2.StrictUndefined,
            "extensions": ["jinja2.ext.do"],
            "cache_size": 0,
        }
        made = (kind if as_native else jinja2.sandbox.SandboxedEnvironment)(
            **{**options, **dag.jinja_environment_kwargs}
        )
        made.is_safe_attribute = lambda obj, name, value: not str(name).startswith("__")
        made.filters.update(FILTERS)
        made.globals.update(dag.user_defined_macros)
        made.filters.update(dag.user_defined_filters)
        cache[as_native] = made
    return cache[as_native]


def _format(pattern: str) -> Any:
    def apply(value: Any) -> Any:
        return None if value is None else value.strftime(pattern)

    return apply


FILTERS = {
    "ds": _format("%Y-%m-%d"),
    "ds_nodash": _format("%Y%m%d"),
    "ts": lambda value: None if value is None else value.isoformat(),
    "ts_nodash": _format("%Y%m%dT%H%M%S"),
    "ts_nodash_with_tz": lambda value: None if value is None else value.isoformat().replace("-", "").replace(":", ""),
}


def render_fields(task: Any, context: Any, env: Any = None) -> None:
    """Render a task's template fields in place."""
    for name in task.template_fields:
        value = getattr(task, name, None)
        if value:
            setattr(task, name, render_value(task, value, context, env))


def render_value(task: Any, value: Any, context: Any, env: Any = None) -> Any:
    """Render a text, and the texts inside lists, dicts, tuples and objects with template fields."""
    if isinstance(value, str):
        return _render_text(task, value, context, env)
    if isinstance(value, XComArg) or (hasattr(value, "resolve") and not isinstance(value, type)):
        return value.resolve(context)
    if isinstance(value, Mapping) and type(value) is dict:
        return {key: render_value(task, each, context, env) for key, each in value.items()}
    if type(value) is tuple:
        return tuple(render_value(task, each, context, env) for each in value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(render_value(task, each, context, env) for each in value))
    if isinstance(value, list):
        return [render_value(task, each, context, env) for each in value]
    if isinstance(value, set):
        return {render_value(task, each, context, env) for each in value}
    fields = getattr(value, "template_fields", None)
    if isinstance(fields, (list, tuple)) and not hasattr(value, "task_id"):
        for name in fields:
            setattr(value, name, render_value(task, getattr(value, name, None), context, env))
    return value


def _render_text(task: Any, text: str, context: Any, env: Any) -> Any:
    is_file = bool(task.template_ext) and text.endswith(tuple(task.template_ext))
    dag = getattr(task, "dag", None)
    native = dag is not None and wants_native(dag, getattr(task, "render_template_as_native_obj", None))
    if not is_file and not native and "{{" not in text and "{%" not in text and "{#" not in text:
        return text
    env = env or task.get_template_env()
    template = env.get_template(text) if is_file else env.from_string(text)
    return template.render(context)
