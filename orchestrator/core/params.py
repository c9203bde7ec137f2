"""Params of DAGs and tasks: defaults, a run's values over them, and their JSON schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FORMATS = frozenset({"date", "email", "idn-email", "idn-hostname", "ipv4", "ipv6", "regex", "time", "uuid"})
"""The formats that are checked, as in Airflow. The library would check more wherever some other package is installed: a
DAG would be triggered on one machine and refused on the next."""


class ParamError(ValueError):
    """A value that does not fit; the message names the param."""


def check_value(name: str, value: Any, schema: Mapping[str, Any]) -> None:
    """Check one value.

    Raises:
        ParamError: it does not fit the schema.
    """
    if not schema:
        return
    import jsonschema

    formats = jsonschema.FormatChecker(FORMATS & jsonschema.FormatChecker.checkers.keys())
    try:
        jsonschema.validate(value, dict(schema), cls=jsonschema.Draft202012Validator, format_checker=formats)
    except jsonschema.ValidationError as error:
        raise ParamError(f"Invalid input for param {name}: {error.message}") from error
    except jsonschema.SchemaError as error:
        raise ParamError(f"The schema of param {name} is not valid: {error.message}") from error


TYPES = frozenset({"null", "boolean", "object", "array", "number", "integer", "string"})
NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
COUNTS = frozenset({"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"})
INNER = frozenset({"items", "additionalProperties", "not", "contains", "if", "then", "else", "propertyNames"})
LISTS = frozenset({"anyOf", "allOf", "oneOf", "prefixItems"})
MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions"})


def check_schema(name: str, schema: Any) -> None:
    """Check that a param's schema is one; without the library, whose import would cost each parse 70 ms.

    Raises:
        ParamError: it is not; the message names the param and the keyword.
    """
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        raise _bad(name, f"{schema!r} is no schema")
    for keyword, value in schema.items():
        _check_keyword(name, keyword, value)


def _check_keyword(name: str, keyword: str, value: Any) -> None:
    if keyword == "type":
        for each in value if isinstance(value, (list, tuple)) else [value]:
            if each not in TYPES:
                raise _bad(name, f"type {each!r} is none of {', '.join(sorted(TYPES))}")
    elif keyword == "pattern":
        _check_pattern(name, value)
    elif keyword == "enum" and not isinstance(value, (list, tuple)):
        raise _bad(name, f"enum must be a list, not {value!r}")
    elif keyword in NUMBERS and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise _bad(name, f"{keyword} must be a number, not {value!r}")
    elif keyword in COUNTS and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise _bad(name, f"{keyword} must be a whole number from 0 on, not {value!r}")
    elif keyword in INNER:
        check_schema(name, value)
    elif keyword in LISTS or keyword in MAPS:
        if not isinstance(value, (list, tuple) if keyword in LISTS else Mapping):
            raise _bad(
                name, f"{keyword} holds {value!r}, which is no {'list' if keyword in LISTS else 'object'} of schemas"
            )
        for each in value.values() if isinstance(value, Mapping) else value:
            check_schema(name, each)


def _check_pattern(name: str, value: Any) -> None:
    import re

    try:
        re.compile(value)
    except (re.error, TypeError) as error:
        raise _bad(name, f"pattern {value!r} is no regular expression: {error}") from error


def _bad(name: str, reason: str) -> ParamError:
    return ParamError(f"The schema of param {name} is not valid: {reason}")


def merged(
    params: Mapping[str, Mapping[str, Any]], conf: Mapping[str, Any] | None, *, check: bool = True
) -> dict[str, Any]:
    """Return the values a run sees: each param's default, the run's ``conf`` over it; other keys of ``conf`` join them.

    ``params``: name -> ``{"value"?, "schema", "description"}``.

    Raises:
        ParamError: a value does not fit its schema, or a param has neither default nor value.
    """
    values: dict[str, Any] = {}
    for name, param in params.items():
        if conf and name in conf:
            values[name] = conf[name]
        elif "value" in param:
            values[name] = param["value"]
        elif check:
            raise ParamError(f"Invalid input for param {name}: No value passed and Param has no default value")
        if check and name in values:
            check_value(name, values[name], param.get("schema") or {})
    for name, value in (conf or {}).items():
        values.setdefault(name, value)
    return values
