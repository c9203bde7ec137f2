"""Params as a form: one field a param, chosen by its JSON schema, and back from what was typed to values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import QueryDict

MISSING: Any = object()
INPUTS = {"date": "date", "date-time": "datetime-local", "time": "time"}


@dataclass
class Field:
    """One param. ``kind`` says how it is typed in; ``text`` is what stands in the field now."""

    name: str
    kind: str  # text, area, number, yesno, choice, lines, json, date, datetime-local, time
    title: str
    description: str = ""
    section: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    default: Any = MISSING
    text: str = ""
    checked: bool = False
    options: list[tuple[str, str]] = field(default_factory=list)  # (JSON of the value, label)
    suggestions: list[str] = field(default_factory=list)
    nullable: bool = False
    error: str = ""

    @property
    def key(self) -> str:
        return f"param.{self.name}"

    @property
    def required(self) -> bool:
        return not self.nullable and self.kind not in {"yesno", "lines"}

    @property
    def step(self) -> str:
        return "1" if "integer" in types_of(self.schema, self.default) else "any"


def types_of(schema: Mapping[str, Any], default: Any) -> set[str]:
    """Return the JSON types a param may have; guessed from its default where the schema does not say."""
    said = schema.get("type")
    if isinstance(said, str):
        return {said}
    if isinstance(said, list) and said:
        return {str(each) for each in said}
    if isinstance(default, bool):
        return {"boolean"}
    for kind, name in ((int, "integer"), (float, "number"), (str, "string"), (list, "array"), (dict, "object")):
        if isinstance(default, kind):
            return {name}
    return {"string", "null"}


def fields_of(params: Mapping[str, Mapping[str, Any]]) -> list[Field]:
    """Return the fields of a DAG's params, filled with their defaults."""
    found = []
    for name, param in params.items():
        schema = param.get("schema") or {}
        schema = schema if isinstance(schema, Mapping) else {}
        default = param.get("value", MISSING)
        types = types_of(schema, default)
        each = Field(
            name=name,
            kind=_kind(schema, types),
            title=str(schema.get("title") or name),
            description=str(param.get("description") or schema.get("description") or ""),
            section=str(schema.get("section") or ""),
            schema=schema,
            default=default,
            nullable="null" in types,
        )
        if each.kind == "choice":
            labels = schema.get("values_display") or {}
            each.options = [
                (json.dumps(value), str(labels.get(str(value), value)) if isinstance(labels, Mapping) else str(value))
                for value in schema["enum"]
            ]
        if isinstance(schema.get("examples"), list):
            each.suggestions = [str(value) for value in schema["examples"]]
        fill(each, None if default is MISSING else default)
        found.append(each)
    return found


def _kind(schema: Mapping[str, Any], types: set[str]) -> str:
    types = types - {"null"}
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return "choice"
    if types == {"boolean"}:
        return "yesno"
    if types and types <= {"integer", "number"}:
        return "number"
    if types == {"array"}:
        items = schema.get("items")
        plain = not isinstance(items, Mapping) or items.get("type", "string") == "string"
        return "lines" if plain else "json"
    if types == {"string"} or not types:
        form = str(schema.get("format") or "")
        return INPUTS.get(form, "area" if form == "multiline" else "text")
    return "json"


def fill(each: Field, value: Any) -> None:
    """Put a value into its field as text."""
    if each.kind == "yesno":
        each.checked = bool(value)
    elif each.kind == "choice":
        each.text = "" if value is None else json.dumps(value)
    elif each.kind == "lines" and isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            each.text = "\n".join(value)
        else:
            each.kind, each.text = "json", json.dumps(value, indent=2, ensure_ascii=False)
    elif each.kind == "datetime-local":
        each.text = str(value)[:19] if value else ""
    elif each.kind == "json":
        each.text = "" if value is None else json.dumps(value, indent=2, ensure_ascii=False)
    else:
        each.text = "" if value is None else str(value)


def read(fields: list[Field], data: QueryDict) -> dict[str, Any]:
    """Return the values that differ from their defaults; keeps what was typed, and writes errors into the fields."""
    values: dict[str, Any] = {}
    for each in fields:
        each.text, each.checked = data.get(each.key, ""), each.key in data
        try:
            value = _value(each)
            _check(each, value)
        except ValueError as problem:
            each.error = str(problem)
            continue
        if each.default is MISSING or value != each.default or type(value) is not type(each.default):
            values[each.name] = value
    return values


def _value(each: Field) -> Any:
    text = each.text.strip() if each.kind not in {"text", "area"} else each.text.replace("\r\n", "\n")
    if each.kind == "yesno":
        return each.checked
    if each.kind == "lines":
        return [line.strip() for line in text.splitlines() if line.strip()]
    if not text and (each.nullable or each.kind not in {"text", "area"}):
        if each.nullable:
            return None
        raise ValueError("A value is needed here.")
    if each.kind == "number":
        try:
            return int(text)
        except ValueError:
            pass
        try:
            return float(text)
        except ValueError:
            raise ValueError(f"“{text[:40]}” is not a number.") from None
    if each.kind in {"choice", "json"}:
        try:
            return json.loads(text)
        except ValueError as problem:
            raise ValueError(f"This is not JSON: {problem}") from None
    if each.kind == "datetime-local":
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError("This is not a date and time.") from None
        return found.isoformat() if found.tzinfo else found.isoformat() + "+00:00"
    return text


def _check(each: Field, value: Any) -> None:
    from orchestrator.core.params import ParamError, check_value

    try:
        check_value(each.name, value, each.schema)
    except ParamError as problem:
        raise ValueError(str(problem).removeprefix(f"Invalid input for param {each.name}: ")) from None


def sections(fields: list[Field]) -> list[tuple[str, list[Field]]]:
    """Group fields by their schema's ``section``, in the order they come."""
    found: dict[str, list[Field]] = {}
    for each in fields:
        found.setdefault(each.section, []).append(each)
    return list(found.items())
