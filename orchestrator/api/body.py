"""Request bodies: declared once, refused with the name of the field that is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rest_framework.request import Request

from .errors import BadRequest, Invalid, problem
from .query import read_time

MISSING: Any = object()
"""Default of a field that was not sent; ``body.get(name, MISSING)`` tells it from null."""


@dataclass(frozen=True)
class Part:
    """One field of a body: how to read it, and whether it must be there or may be null."""

    read: Callable[[str, Any], Any]
    required: bool = False
    nullable: bool = True
    default: Any = None


def has_body(request: Request) -> bool:
    """Whether anything was sent: without it every field would have its default, which nobody asked for."""
    return int(request.META.get("CONTENT_LENGTH") or 0) > 0


def read_body(
    request: Request, parts: Mapping[str, Part], *, partial: bool = False, optional: bool = False
) -> dict[str, Any]:
    """Return the fields of a JSON object; with ``optional`` their defaults where there is no body at all.

    ``partial`` leaves fields out that were not sent instead of giving their default. Every problem is
    reported at once; unknown fields are problems, because a misspelt one would silently do nothing.

    Raises:
        Invalid: the body is no object, lacks a required field, or holds unknown or wrong ones.
    """
    if not has_body(request) and not optional:
        raise Invalid({"type": "missing", "loc": ["body"], "msg": "Field required", "input": None})
    return read_fields(request.data, parts, partial=partial)


def read_fields(data: Any, parts: Mapping[str, Part], *, partial: bool = False) -> dict[str, Any]:
    """Return the fields of an object inside of a body, as :func:`read_body` does those of a whole one."""
    if not isinstance(data, Mapping):
        message = "Input should be a valid dictionary or object to extract fields from"
        raise Invalid({"type": "model_attributes_type", "loc": ["body"], "msg": message, "input": _short(data)})
    problems = []
    values: dict[str, Any] = {}
    for name in data.keys() - parts.keys():
        problems.append(
            problem("body", str(name), "Extra inputs are not permitted", _short(data[name]), "extra_forbidden")
        )
    for name, part in parts.items():
        if name not in data:
            if part.required and not partial:
                problems.append(problem("body", name, "Field required", _short(dict(data)), "missing"))
            elif not partial:
                values[name] = part.default
            continue
        value = data[name]
        if value is None and part.nullable:
            values[name] = None
            continue
        try:
            values[name] = part.read(name, value)
        except Invalid as error:
            problems.extend(error.problems)
    if problems:
        raise Invalid(*sorted(problems, key=lambda each: str(each["loc"])))
    return values


@contextmanager
def within(*place: str | int) -> Iterator[None]:
    """Name the place inside of the body in whatever is refused there."""
    try:
        yield
    except Invalid as error:
        for each in error.problems:
            each["loc"] = ["body", *place, *each["loc"][1:]]
        raise


def reads(schema: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Say of a reader, for the API's document, what JSON it takes."""

    def noted(reader: Any) -> Any:
        reader.schema = dict(schema)
        return reader

    return noted


def schema_of(reader: Any) -> dict[str, Any]:
    """Return what JSON a reader takes; anything where it does not say."""
    return dict(getattr(reader, "schema", {}))


@reads({"type": "string"})
def text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid(problem("body", name, "Input should be a valid string", _short(value), "string_type"))
    if "\x00" in value or any(0xD800 <= ord(each) <= 0xDFFF for each in value):
        raise Invalid(problem("body", name, "Input holds characters that cannot be stored", None, "string_unicode"))
    return value


def limited_text(longest: int, pattern: str = "", least: int = 1) -> Callable[[str, Any], str]:
    """A text of ``least`` to ``longest`` characters that matches ``pattern`` (a regular expression) as a whole."""

    @reads({"type": "string", "minLength": least, "maxLength": longest})
    def read(name: str, value: Any) -> str:
        found = text(name, value)
        if not least <= len(found) <= longest:
            raise Invalid(problem("body", name, f"String should have {least} to {longest} characters", _short(value)))
        if pattern and not re.fullmatch(pattern, found):
            raise Invalid(problem("body", name, f"String should match '{pattern}'", _short(value), "string_pattern"))
        return found

    return read


def one_of(*choices: str) -> Callable[[str, Any], str]:
    """One of the given texts."""

    @reads({"type": "string", "enum": [str(each) for each in choices]})
    def read(name: str, value: Any) -> str:
        if value not in choices:
            raise Invalid(problem("body", name, f"{value!r:.200} is not one of {list(choices)}", _short(value)))
        return str(value)

    return read


def listing(of: Callable[[str, Any], Any], most: int = 10_000) -> Callable[[str, Any], list[Any]]:
    """A list of at most ``most`` values that ``of`` reads."""

    @reads({"type": "array", "items": schema_of(of), "maxItems": most})
    def read(name: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Invalid(problem("body", name, "Input should be a valid list", _short(value), "list_type"))
        if len(value) > most:
            raise Invalid(problem("body", name, f"List should have at most {most} items", kind="too_long"))
        return [of(name, each) for each in value]

    return read


@reads({"type": "boolean"})
def boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid(problem("body", name, "Input should be a valid boolean", _short(value), "bool_type"))
    return value


@reads({"type": "integer"})
def large_number(name: str, value: Any) -> int:
    return whole_number(name, value, 64)


@reads({"type": "integer"})
def whole_number(name: str, value: Any, bits: int = 32) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(problem("body", name, "Input should be a valid integer", _short(value), "int_type"))
    if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise Invalid(problem("body", name, f"Input should fit {bits} bits", value, "int_parsing_size"))
    return value


@reads({"type": "number"})
def number(name: str, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Invalid(problem("body", name, "Input should be a valid number", _short(value), "float_type"))
    check_json(name, value)
    return value


def maybe(of: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    """What ``of`` reads, or null."""

    @reads({"anyOf": [schema_of(of), {"type": "null"}]})
    def read(name: str, value: Any) -> Any:
        return None if value is None else of(name, value)

    return read


@reads({"type": "object"})
def mapping(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Invalid(problem("body", name, "Input should be a valid dictionary", _short(value), "dict_type"))
    check_json(name, value)
    return value


def any_json(name: str, value: Any) -> Any:
    check_json(name, value)
    return value


@reads({"type": "string", "format": "date-time"})
def time(name: str, value: Any) -> Any:
    return read_time("body", name, value)


def masked(request: Request, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that ``update_mask`` names, all of them where there is none.

    Raises:
        BadRequest: it names a field the body does not have.
    """
    names = [name for each in request.GET.getlist("update_mask") for name in each.split(",") if name]
    unknown = sorted(set(names) - values.keys())
    if unknown:
        raise BadRequest(f"Field(s) in update_mask are not in the request body: {', '.join(unknown)[:200]}")
    return {name: values[name] for name in names} if names else values


def check_json(name: str, value: Any) -> None:
    """Refuse JSON that no database keeps: NUL or half characters in its texts."""
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, str):
            text(name, each)
        elif isinstance(each, dict):
            pending.extend(each)
            pending.extend(each.values())
        elif isinstance(each, list):
            pending.extend(each)
        elif isinstance(each, int) and not isinstance(each, bool) and each.bit_length() > 1024:
            raise Invalid(problem("body", name, "Numbers of so many digits cannot be stored", None, "int_parsing_size"))
        elif isinstance(each, float) and (each != each or each in (float("inf"), float("-inf"))):
            raise Invalid(problem("body", name, "NaN and infinity cannot be stored", None, "finite_number"))


def _short(value: Any) -> Any:
    """``value`` as the answer repeats it: never larger than a line."""
    shown = repr(value)
    return value if len(shown) <= 200 and shown.isprintable() else shown[:200].encode("ascii", "replace").decode()
