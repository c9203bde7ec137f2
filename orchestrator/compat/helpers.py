"""``airflow.utils.helpers`` and its neighbours: small functions that DAG files and hooks take from there."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from orchestrator.sdk.exceptions import AirflowException
from orchestrator.sdk.operator import KEY, check_id
from orchestrator.sdk.params import NOTSET

KEY_REGEX = KEY
GROUP_KEY_REGEX = re.compile(r"[\w-]+")
CAMELCASE_TO_SNAKE_CASE_REGEX = re.compile(r"(?!^)([A-Z]+)")


def validate_key(k: str, max_length: int = 250) -> None:
    """Raise where ``k`` can be no id."""
    check_id("key", k)
    if len(k) > max_length:
        raise AirflowException(f"The key has to be less than {max_length} characters")


def validate_group_key(k: str, max_length: int = 200) -> None:
    """Raise where ``k`` can be no id of a group, in which there are no dots."""
    if not isinstance(k, str):
        raise TypeError(f"The key has to be a string and is {type(k)}:{k}")
    if len(k) > max_length:
        raise AirflowException(f"The key has to be less than {max_length} characters")
    if not GROUP_KEY_REGEX.fullmatch(k):
        raise AirflowException(f"The key {k!r} has to be made of alphanumeric characters, dashes and underscores")


def is_container(obj: Any) -> bool:
    """Whether it holds several things; a text does not."""
    return hasattr(obj, "__iter__") and not isinstance(obj, str)


def as_tuple(obj: Any) -> tuple[Any, ...]:
    return tuple(obj) if is_container(obj) else (obj,)


def chunks(items: list[Any], chunk_size: int) -> Iterator[list[Any]]:
    """Yield ``items`` by so many at once."""
    if chunk_size <= 0:
        raise ValueError("Chunk size must be a positive integer")
    for start in range(0, len(items), chunk_size):
        yield items[start : start + chunk_size]


def reduce_in_chunks(fn: Callable[..., Any], iterable: list[Any], initializer: Any, chunk_size: int = 0) -> Any:
    """Fold ``iterable``, so many items at a time (0: all at once)."""
    if not iterable:
        return initializer
    return functools.reduce(fn, chunks(iterable, chunk_size or len(iterable)), initializer)


def as_flattened_list(iterable: Iterable[Iterable[Any]]) -> list[Any]:
    return [item for inner in iterable for item in inner]


def partition(pred: Callable[[Any], bool], iterable: Iterable[Any]) -> tuple[Iterable[Any], Iterable[Any]]:
    """Those for which ``pred`` does not hold, and those for which it does."""
    items = list(iterable)
    return iter([each for each in items if not pred(each)]), iter([each for each in items if pred(each)])


def merge_dicts(dict1: dict[Any, Any], dict2: dict[Any, Any]) -> dict[Any, Any]:
    """Both in one, to any depth; the second wins."""
    merged = dict(dict1)
    for key, value in dict2.items():
        both = isinstance(merged.get(key), dict) and isinstance(value, dict)
        merged[key] = merge_dicts(merged[key], value) if both else value
    return merged


def prune_dict(val: Any, mode: str = "strict") -> Any:
    """Leave out what is None (``strict``), or also what is empty (``truthy``), to any depth."""
    if mode not in {"strict", "truthy"}:
        raise ValueError("allowable modes for prune_dict are 'truthy' and 'strict'")

    def is_empty(value: Any) -> bool:
        return value is None if mode == "strict" else not value

    def pruned(value: Any) -> Any:
        return prune_dict(value, mode) if isinstance(value, (dict, list)) else value

    if isinstance(val, dict):
        kept = {key: pruned(each) for key, each in val.items() if not is_empty(each)}
        return {key: each for key, each in kept.items() if not isinstance(val[key], (dict, list)) or each}
    if isinstance(val, list):
        return [
            one for each in val if not is_empty(each) for one in [pruned(each)] if one or not isinstance(each, list)
        ]
    return val


def convert_camel_to_snake(camel_str: str) -> str:
    return CAMELCASE_TO_SNAKE_CASE_REGEX.sub(r"_\1", camel_str).lower()


def _are_set(args: tuple[Any, ...]) -> int:
    return sum(1 for each in args if each is not NOTSET and bool(each))


def exactly_one(*args: Any) -> bool:
    """Whether one of the arguments, and no more, is true."""
    return _are_set(args) == 1


def at_most_one(*args: Any) -> bool:
    return _are_set(args) <= 1


def prevent_duplicates(kwargs1: dict[str, Any], kwargs2: Mapping[str, Any], *, fail_reason: str) -> None:
    """Raise where both name an argument."""
    both = sorted(set(kwargs1) & set(kwargs2))
    if both:
        raise TypeError(f"{fail_reason} argument{'s' if len(both) > 1 else ''}: {', '.join(both)}")


def parse_template_string(template_string: str) -> tuple[str | None, Any]:
    """The text itself, or the template where it holds one."""
    if "{{" not in template_string:
        return template_string, None
    import jinja2

    return None, jinja2.Template(template_string)


def render_template(template: Any, context: Mapping[str, Any], *, native: bool) -> Any:
    """Render a template; ``native``: to a value, not a text."""
    nodes = template.root_render_func(template.new_context(dict(context)))
    if not native:
        return "".join(nodes)
    from jinja2.nativetypes import native_concat

    return native_concat(nodes)


def render_template_to_string(template: Any, context: Mapping[str, Any]) -> str:
    return str(render_template(template, context, native=False))


def render_template_as_native(template: Any, context: Mapping[str, Any]) -> Any:
    return render_template(template, context, native=True)


def build_airflow_url_with_query(query: dict[str, Any]) -> str:
    """The address of a DAG's grid, with a query."""
    from urllib.parse import quote, urlencode

    from .configuration import conf

    rest = {key: value for key, value in query.items() if key != "dag_id"}
    return f"{conf.get('api', 'base_url')}/dags/{quote(str(query.get('dag_id', '')))}?{urlencode(rest)}"


def build_airflow_dagrun_url(dag_id: str, run_id: str) -> str:
    """The address of a run's page."""
    from urllib.parse import quote

    from .configuration import conf

    return f"{conf.get('api', 'base_url')}/dags/{quote(dag_id)}/runs/{quote(run_id)}"
