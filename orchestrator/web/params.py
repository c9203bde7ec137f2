"""Params as a form: one field a param, chosen by its JSON schema, and back from what was typed to values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext

from .text import markdown

MISSING: Any = object()
INPUTS = {
    "date": "date",
    "date-time": "datetime-local",
    "time": "time",
    "multiline": "area",
    "password": "password",
}
"""Format of a text -> how it is typed in."""


@dataclass
class Field:
    """One param. ``kind`` says how it is typed in; ``text`` is what stands in the field now, ``chosen`` what of several."""

    name: str
    kind: (
        str  # text, area, password, number, yesno, choice, many, lines, json, mixed, const, date, datetime-local, time
    )
    title: str
    description: str = ""
    description_html: str = ""
    section: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    default: Any = MISSING
    text: str = ""
    checked: bool = False
    options: list[tuple[str, str]] = field(default_factory=list)  # (JSON of the value, label)
    chosen: list[str] = field(default_factory=list)
    suggestions: list[str] = field(default_factory=list)
    nullable: bool = False
    error: str = ""

    @property
    def key(self) -> str:
        return f"param.{self.name}"

    @property
    def required(self) -> bool:
        return not self.nullable and self.kind not in {"yesno", "lines", "many"}

    @property
    def rows(self) -> int:
        """How high a list to choose from is."""
        return max(2, min(8, len(self.options)))

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
        each.description_html = markdown(str(schema.get("description_md") or ""))
        if each.kind in {"choice", "many"}:
            each.options = _options(schema, each.kind)
        if isinstance(schema.get("examples"), list):
            each.suggestions = [str(value) for value in schema["examples"]]
        fill(each, None if default is MISSING else default)
        found.append(each)
    return found


def _options(schema: Mapping[str, Any], kind: str) -> list[tuple[str, str]]:
    """What can be chosen: (JSON of the value, what is shown for it)."""
    values = schema.get("enum") or (_proposals(schema) if kind == "many" else [])
    labels = schema.get("values_display")
    labels = labels if isinstance(labels, Mapping) else {}
    shown = [
        (value, labels.get(value if isinstance(value, str) else json.dumps(value), value))
        for value in values
        if value is not None
    ]
    return [(json.dumps(value), str(label)) for value, label in shown]


def _proposals(schema: Mapping[str, Any]) -> list[Any]:
    items = schema.get("items")
    of_items = items.get("enum") if isinstance(items, Mapping) else None
    found = schema.get("examples") or of_items
    return list(found) if isinstance(found, list) else []


def _kind(schema: Mapping[str, Any], types: set[str]) -> str:
    types = types - {"null"}
    if "const" in schema:
        return "const"
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return "many" if types == {"array"} else "choice"
    if len(types) > 1 and types != {"integer", "number"} and not schema.get("examples"):
        return "mixed"
    if types == {"boolean"}:
        return "yesno"
    if types and types <= {"integer", "number"}:
        return "number"
    if types == {"array"} and _proposals(schema):
        return "many"
    if types == {"array"}:
        items = schema.get("items")
        plain = not isinstance(items, Mapping) or items.get("type", "string") == "string"
        return "lines" if plain else "json"
    if types == {"string"} or not types:
        form = str(schema.get("format") or "")
        return INPUTS.get(form, "text")
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
        each.text = _in_utc(value)
    elif each.kind == "many":
        each.chosen = [json.dumps(item) for item in value] if isinstance(value, list) else []
    elif each.kind == "mixed":
        each.text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    elif each.kind == "const":
        each.text = json.dumps(each.schema["const"])
    elif each.kind == "json":
        each.text = "" if value is None else json.dumps(value, indent=2, ensure_ascii=False)
    else:
        each.text = "" if value is None else str(value)


def _in_utc(value: Any) -> str:
    """A time as the field shows it: in UTC, whatever its offset; what is no time, as it is."""
    try:
        found = datetime.fromisoformat(str(value).replace("Z", "+00:00")) if value else None
    except ValueError:
        return str(value)
    if found is None:
        return ""
    return (found.astimezone(UTC) if found.tzinfo else found).replace(tzinfo=None).isoformat(timespec="seconds")


def read(fields: list[Field], data: QueryDict) -> dict[str, Any]:
    """Return the values that differ from their defaults; keeps what was typed, and writes errors into the fields."""
    values: dict[str, Any] = {}
    for each in fields:
        each.text, each.checked, each.chosen = data.get(each.key, ""), each.key in data, data.getlist(each.key)
        try:
            value = _value(each)
            _check(each, value)
        except ValueError as problem:
            each.error = str(problem)
            continue
        if each.kind == "const" or not _is_default(each, value):
            values[each.name] = value
    return values


def _is_default(each: Field, value: Any) -> bool:
    if each.default is MISSING:
        return False
    if each.kind == "datetime-local":  # the same time in another zone is no other value
        return _in_utc(value) == _in_utc(each.default)
    return value == each.default and type(value) is type(each.default)


AS_TYPED = frozenset({"text", "area", "password"})


def _value(each: Field) -> Any:
    text = each.text.replace("\r\n", "\n") if each.kind in AS_TYPED else each.text.strip()
    if each.kind == "yesno":
        return each.checked
    if each.kind == "const":
        return each.schema["const"]
    if each.kind == "many":
        return _chosen(each)
    if each.kind == "lines":
        return [line.strip() for line in text.splitlines() if line.strip()] or (None if each.nullable else [])
    if not text and (each.nullable or each.kind not in AS_TYPED):
        if each.nullable:
            return None
        raise ValueError(gettext("A value is needed here."))
    if each.kind == "number":
        try:
            return int(text)
        except ValueError:
            pass
        try:
            return float(text)
        except ValueError:
            raise ValueError(gettext("“{text}” is not a number.").format(text=text[:40])) from None
    if each.kind == "mixed":
        return _mixed(each, text)
    if each.kind in {"choice", "json"}:
        try:
            return json.loads(text)
        except ValueError as problem:
            raise ValueError(gettext("This is not JSON: {problem}").format(problem=problem)) from None
    if each.kind == "datetime-local":
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(gettext("This is not a date and time.")) from None
        return found.isoformat() if found.tzinfo else found.isoformat() + "+00:00"
    return text


def _chosen(each: Field) -> list[Any] | None:
    if not each.chosen and each.nullable:
        return None
    try:
        return [json.loads(item) for item in each.chosen]
    except ValueError:
        raise ValueError(gettext("This is not one of the choices.")) from None


def _mixed(each: Field, text: str) -> Any:
    """Read a value that may be of several types: as JSON where that fits one, else as text where that is allowed."""
    types = types_of(each.schema, each.default)
    try:
        found = json.loads(text)
        _check(each, found)
        return found
    except ValueError:
        if "string" in types:
            return text
    raise ValueError(
        gettext("A value of one of these types is needed: {types}.").format(types=", ".join(sorted(types - {"null"})))
    )


def _check(each: Field, value: Any) -> None:
    from orchestrator.core.params import ParamError, check_value

    try:
        check_value(each.name, value, each.schema)
    except ParamError as problem:
        raise ValueError(
            str(problem).removeprefix(gettext("Invalid input for param {name}: ").format(name=each.name))
        ) from None


def sections(fields: list[Field]) -> list[tuple[str, list[Field]]]:
    """Group fields by their schema's ``section``, in the order they come."""
    found: dict[str, list[Field]] = {}
    for each in fields:
        found.setdefault(each.section, []).append(each)
    return list(found.items())


def conf_of(fields: list[Field], posted: Any, conf_text: str) -> tuple[dict[str, Any], str]:
    """Return (the configuration of a trigger form, what is wrong with it)."""
    if fields and posted.get("mode") != "json":
        conf = read(fields, posted)
        wrong = [each.title for each in fields if each.error]
        conf = {**_without_field(fields, conf_text), **conf}
        return conf, gettext("Look at {names} again.").format(names=", ".join(wrong)) if wrong else _unstorable(conf)
    try:
        conf = json.loads(conf_text)
    except ValueError as problem:
        return {}, gettext("The configuration is not JSON: {problem}").format(problem=problem)
    except RecursionError:
        return {}, gettext("The configuration is nested too deeply.")
    if not isinstance(conf, dict):
        return {}, gettext('The configuration has to be a JSON object, e.g. {"name": "value"}.')
    return conf, _unstorable(conf)


def _without_field(fields: list[Field], conf_text: str) -> dict[str, Any]:
    """What stands in the JSON beside the form and has no field there: it is a part of the configuration, too."""
    try:
        found = json.loads(conf_text)
    except (ValueError, RecursionError):
        return {}
    names = {each.name for each in fields}
    return {key: value for key, value in found.items() if key not in names} if isinstance(found, dict) else {}


def _unstorable(conf: dict[str, Any]) -> str:
    """Say what no database column can keep: PostgreSQL refuses the null character and JSON has no NaN."""
    try:
        text = json.dumps(conf, allow_nan=False)
    except ValueError:
        return gettext("The configuration holds a number that JSON has not, such as NaN.")
    return gettext("The configuration holds a null character, which cannot be stored.") if "\\u0000" in text else ""
