"""Jinja templates in task arguments, with Airflow's filters and rules."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
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
    """Render a task's template fields in place.

    Raises:
        AttributeError: a field that the task does not have.
    """
    seen = {id(each) for each in task.values_of_others}
    task._do_render_template_fields(task, task.template_fields, context, env, seen)


def render_attributes(task: Any, parent: Any, names: Iterable[str], context: Any, env: Any, seen: set[int]) -> None:
    """Render these attributes of ``parent``, the task itself or an object that it holds, in place."""
    for name in names:
        try:
            value = getattr(parent, name)
        except AttributeError as error:
            kind = type(parent).__name__
            raise AttributeError(
                f"{name!r} is configured as a template field but {kind} does not have this attribute."
            ) from error
        if _is_nothing(value):
            continue
        try:
            if callable(value) and not isinstance(value, (XComArg, type)):
                found = value(context=context, jinja_env=env or task.get_template_env())
            else:
                found = render_value(task, value, context, env, seen)
        except Exception:
            logging.getLogger("orchestrator.task").error(
                "Exception rendering Jinja template for task '%s', field '%s'. Template: %.1000r",
                getattr(task, "task_id", None),
                name,
                value,
            )
            raise
        setattr(parent, name, found)


def _is_nothing(value: Any) -> bool:
    try:
        return not value
    except Exception:  # a table has no truth value
        return False


def render_value(task: Any, value: Any, context: Any, env: Any = None, seen: set[int] | None = None) -> Any:
    """Render a text, and the texts inside lists, dicts, tuples, sets and objects with template fields.

    ``seen`` holds the ids of what is not to be rendered: what other tasks pushed, and objects that are being rendered
    already, since one may hold another that holds it.
    """
    seen = set() if seen is None else seen
    if id(value) in seen:
        return value
    if isinstance(value, str):
        return _render_text(task, value, context, env)
    if isinstance(value, XComArg) or (hasattr(value, "resolve") and not isinstance(value, (type, os.PathLike))):
        return value.resolve(context)
    if isinstance(value, os.PathLike):
        return _render_path(task, value, context, env)
    if type(value) is dict:
        return {key: render_value(task, each, context, env, seen) for key, each in value.items()}
    if type(value) is tuple:
        return tuple(render_value(task, each, context, env, seen) for each in value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(render_value(task, each, context, env, seen) for each in value))
    if isinstance(value, list):
        return [render_value(task, each, context, env, seen) for each in value]
    if isinstance(value, set):
        return {render_value(task, each, context, env, seen) for each in value}
    # An operator may know of objects whose fields are templates though they do not say so.
    nested = getattr(task, "_render_nested_template_fields", None)
    if nested is not None:
        nested(value, context, env, seen)
    else:
        render_nested(task, value, context, env, seen)
    return value


def render_nested(task: Any, value: Any, context: Any, env: Any, seen: set[int]) -> None:
    """Render an object that names its template fields."""
    fields = getattr(value, "template_fields", None)
    if not isinstance(fields, (list, tuple)) or hasattr(value, "task_id") or id(value) in seen:
        return
    seen.add(id(value))
    own = getattr(task, "_do_render_template_fields", None)
    if own is not None:
        own(value, fields, context, env, seen)
    else:
        render_attributes(task, value, fields, context, env, seen)


def _render_path(task: Any, path: Any, context: Any, env: Any) -> Any:
    """Render the path of an ObjectStoragePath; other paths are no templates."""
    if not hasattr(path, "storage_options"):
        return path
    data = path.serialize()
    return type(path).deserialize({**data, "path": _render_text(task, data["path"], context, env)}, path.__version__)


def _render_text(task: Any, text: str, context: Any, env: Any) -> Any:
    is_file = bool(task.template_ext) and text.endswith(tuple(task.template_ext))
    if not is_file and _is_plain(task, text):
        return text
    env = env or task.get_template_env()
    template = env.get_template(text) if is_file else env.from_string(text)
    return template.render(context)


def _is_plain(task: Any, text: str) -> bool:
    """Whether a text is no template: then Jinja need not even be imported."""
    dag = getattr(task, "dag", None)
    if dag is not None and wants_native(dag, getattr(task, "render_template_as_native_obj", None)):
        return False
    has_own_signs = dag is not None and bool(dag.jinja_environment_kwargs)
    return not has_own_signs and "{{" not in text and "{%" not in text and "{#" not in text
