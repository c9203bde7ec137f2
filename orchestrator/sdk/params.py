"""Params: what a run can be configured with."""

from __future__ import annotations

from typing import Any

from .exceptions import ParamValidationError

NOTSET: Any = type("NotSet", (), {"__repr__": lambda self: "NOTSET", "__bool__": lambda self: False})()


class Param:
    """A default value (or none) and the JSON schema that a value must fit."""

    def __init__(
        self, default: Any = NOTSET, description: str | None = None, source: str | None = None, **schema: Any
    ) -> None:
        self.value = default
        self.description = description
        self.schema = schema.pop("schema") if "schema" in schema else schema

    @property
    def has_value(self) -> bool:
        return self.value is not NOTSET

    def resolve(self, value: Any = NOTSET, suppress_exception: bool = False) -> Any:
        """Return ``value`` or the default, checked against the schema."""
        from orchestrator.core.params import ParamError, check_value

        found = value if value is not NOTSET else self.value
        if found is NOTSET:
            if suppress_exception:
                return None
            raise ParamValidationError("No value passed and Param has no default value")
        try:
            check_value("param", found, self.schema)
        except ParamError as error:
            if suppress_exception:
                return None
            raise ParamValidationError(str(error)) from error
        return found

    def to_json(self) -> dict[str, Any]:
        from .xcom_json import encode

        found: dict[str, Any] = {"schema": encode(self.schema), "description": self.description}
        if self.has_value:
            found["value"] = encode(self.value)
        return found


def param_json(value: Any) -> dict[str, Any]:
    """A param as data, whether the author gave a Param or a plain default."""
    return (value if isinstance(value, Param) else Param(value)).to_json()


class DagParam:
    """An argument of a ``@dag`` function: the run's value of that param, once there is a run."""

    def __init__(self, current_dag: Any, name: str, default: Any = NOTSET) -> None:
        self.name, self.default = name, default
        if name not in current_dag.params and default is not NOTSET:
            current_dag.params[name] = default

    def iter_references(self) -> Any:
        return iter(())

    def resolve(self, context: Any) -> Any:
        params = context["params"]
        if self.name in params:
            return params[self.name]
        default = self.default
        return default.value if isinstance(default, Param) else default

    def __str__(self) -> str:
        return "{{ params[" + repr(self.name) + "] }}"
