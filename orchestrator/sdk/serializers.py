"""XCom values of classes: an author's own by a registered tag, dataclasses, models, and numpy's, pandas' and Arrow's.

Reading makes an object of a class only where that class is made for it (a dataclass, a model, one with
``deserialize``) and either loaded already or allowed by name: data must not choose what code is run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

TAG = "__type"
ALLOWED = "AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES"

Recurse = Callable[[Any], Any]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Serializer:
    """How values of one class travel: ``to_json(value)`` and back ``from_json(data)``; data is what an XCom may hold."""

    kind: type
    tag: str
    to_json: Recurse
    from_json: Recurse


_by_kind: dict[type, Serializer] = {}
_by_tag: dict[str, Serializer] = {}


def register_serializer(kind: type, tag: str, to_json: Recurse, from_json: Recurse) -> None:
    """Name the form in which values of ``kind`` (and of its subclasses) travel as XComs, in every file that registers it.

    Raises:
        ValueError: ``tag`` is taken by another class, or is one of ours (no dot in it).
    """
    if "." not in tag:
        raise ValueError(f"the tag {tag!r} of a serializer needs a dot in it, such as 'mycompany.{tag}'")
    other = _by_tag.get(tag)
    if other is not None and other.kind.__qualname__ != kind.__qualname__:
        raise ValueError(f"the tag {tag!r} is {other.kind.__module__}.{other.kind.__qualname__}'s already")
    _by_kind[kind] = _by_tag[tag] = Serializer(kind, tag, to_json, from_json)


def registered(kind: type) -> Serializer | None:
    """What an author registered for a class or one of its bases."""
    if not _by_kind:
        return None
    return next((_by_kind[each] for each in kind.__mro__ if each in _by_kind), None)


# ---- writing


def of_library(value: Any) -> Json | None:
    """The tagged form of an object of numpy, pandas, Arrow or polars; None: it is none of theirs."""
    library = type(value).__module__.partition(".")[0]
    if library not in _LIBRARIES:
        return None
    from . import frames

    return frames.to_tagged(library, value)


def to_tagged(value: Any, encode: Recurse) -> Json | None:
    """The tagged form of an object; None: its class has none."""
    kind = type(value)
    if hasattr(value, "model_dump") and hasattr(kind, "model_validate"):
        return _object("model", kind, encode(value.model_dump(mode="json")))
    if hasattr(value, "_fields") and isinstance(value, tuple):
        return _object("namedtuple", kind, [encode(each) for each in value])
    if hasattr(value, "serialize") and hasattr(kind, "deserialize"):
        made = _object("object", kind, encode(value.serialize()))
        return {**made, "version": getattr(kind, "__version__", 0)}
    names = _init_fields(kind)
    if names is None:
        return None
    return _object("dataclass", kind, {name: encode(getattr(value, own)) for own, name in names.items()})


_LIBRARIES = frozenset({"numpy", "pandas", "pyarrow", "polars"})


def _object(tag: str, kind: type, value: Any) -> Json:
    return {TAG: tag, "class": f"{kind.__module__}:{kind.__qualname__}", "value": value}


def _init_fields(kind: type) -> dict[str, str] | None:
    """Attribute -> argument of a dataclass or attrs class; None: it is neither."""
    if hasattr(kind, "__attrs_attrs__"):
        return {each.name: each.alias or each.name.lstrip("_") for each in kind.__attrs_attrs__ if each.init}
    if hasattr(kind, "__dataclass_fields__"):
        import dataclasses

        return {each.name: each.name for each in dataclasses.fields(kind) if each.init}
    return None


# ---- reading


def from_tagged(tag: str, data: Json, decode: Recurse) -> Any:
    """Make the object again.

    Raises:
        TypeError: nobody knows the tag here, or the class must not be made from data.
    """
    own = _by_tag.get(tag)
    if own is not None:
        return own.from_json(decode(data["value"]))
    if tag in _FROM_LIBRARIES:
        from . import frames

        return frames.from_tagged(tag, data)
    if tag not in _MAKERS:
        raise TypeError(f"an XCom holds a value of the unknown type {tag!r}: import the module that registers it")
    value = decode(data["value"])
    kind = _class(data["class"], tag)
    return tuple(value) if kind is None else _MAKERS[tag](kind, value, data)


_FROM_LIBRARIES = frozenset({"numpy", "ndarray", "pandas", "series", "arrow", "polars"})


def _made_of_fields(kind: type, value: Any, data: Json) -> Any:
    if _init_fields(kind) is None:
        raise TypeError(f"an XCom holds a {data['class']}, which is no dataclass here: it is not made from data")
    return kind(**value)


def _made_by_itself(kind: Any, value: Any, data: Json) -> Any:
    if not hasattr(kind, "deserialize"):
        raise TypeError(f"an XCom holds a {data['class']}, which has no deserialize() here")
    return kind.deserialize(value, data.get("version", 0))


def _validated(kind: Any, value: Any, data: Json) -> Any:
    if not hasattr(kind, "model_validate"):
        raise TypeError(f"an XCom holds a {data['class']}, which is no pydantic model here")
    return kind.model_validate(value)


_MAKERS: dict[str, Callable[[Any, Any, Json], Any]] = {
    "dataclass": _made_of_fields,
    "model": _validated,
    "object": _made_by_itself,
    "namedtuple": lambda kind, value, data: kind(*value) if hasattr(kind, "_fields") else tuple(value),
}


def _class(name: str, tag: str) -> Any:
    """The class of that name, if its module is loaded or the name is allowed.

    None for a named tuple that is neither: as in Airflow it is a plain tuple then.
    """
    module, _, path = name.partition(":")
    dotted = f"{module}.{path}"
    if module not in sys.modules and is_allowed(dotted):
        import importlib

        importlib.import_module(module)
    kind: Any = sys.modules.get(module)
    for part in path.split("."):
        kind = getattr(kind, part, None)
    if kind is not None or tag == "namedtuple":
        return kind
    raise TypeError(
        f"an XCom holds a {dotted}, which this DAG file does not import: import it there, or name it in {ALLOWED} "
        "(patterns such as mycompany.*, separated by spaces)"
    )


def is_allowed(dotted: str) -> bool:
    """Whether a class may be imported because an XCom names it; by the patterns Airflow has for it."""
    import re
    from fnmatch import fnmatch

    patterns = os.environ.get(ALLOWED, "").replace(",", " ").split()
    expressions = os.environ.get(f"{ALLOWED}_REGEXP", "").replace(",", " ").split()
    return any(fnmatch(dotted, each) for each in patterns) or any(re.fullmatch(each, dotted) for each in expressions)
