"""Params of DAGs and tasks: defaults, a run's values over them, and their JSON schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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

    try:
        jsonschema.validate(
            value, dict(schema), cls=jsonschema.Draft202012Validator, format_checker=jsonschema.FormatChecker()
        )
    except jsonschema.ValidationError as error:
        raise ParamError(f"Invalid input for param {name}: {error.message}") from error
    except jsonschema.SchemaError as error:
        raise ParamError(f"The schema of param {name} is not valid: {error.message}") from error


def check_schema(name: str, schema: Mapping[str, Any]) -> None:
    """Check that a param's schema is one.

    Raises:
        ParamError: it is not; the message names the param.
    """
    if not schema:
        return
    import jsonschema

    try:
        jsonschema.Draft202012Validator.check_schema(dict(schema))
    except jsonschema.SchemaError as error:
        raise ParamError(f"The schema of param {name} is not valid: {error.message}") from error


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
