"""JSON schemas as people read them: the name of a type, the fields of an object, a body to begin with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

Schema = Mapping[str, Any]
CHOICES = ("anyOf", "oneOf")
DEEPEST = 6
"""Bodies are no deeper; a schema that named itself would have no end."""


@dataclass(frozen=True)
class Row:
    """One field of an object; ``name`` leads there from the outermost one."""

    name: str
    kind: SafeString
    required: bool
    default: str


def kind(schema: Schema) -> SafeString:
    """Say which values there may be; what has a name of its own is a link to that."""
    if name := referred(schema):
        return format_html('<a class="link" href="#schema-{}">{}</a>', name, name)
    if variants := variants_of(schema):
        return format_html_join(mark_safe(" or "), "{}", ((each,) for each in dict.fromkeys(map(kind, variants))))
    if "const" in schema or "enum" in schema:
        values = [schema["const"]] if "const" in schema else schema["enum"]
        return format_html_join(" | ", "<code>{}</code>", ((json.dumps(each),) for each in values))
    if schema.get("type") == "array":
        return format_html("list of {}", kind(schema.get("items", {})))
    most = f" of at most {schema['maxLength']:,} characters" if "maxLength" in schema else ""
    return escape(schema.get("format") or schema.get("type") or "any") + escape(most)


def fields(schema: Schema, named: Mapping[str, Schema], before: str = "", deep: int = 0) -> Iterator[Row]:
    """Every field of an object and of the nameless objects in it, each with its way there."""
    required = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        default = json.dumps(each["default"]) if "default" in each else ""
        yield Row(before + name, kind(each), name in required, default)
        for way, inner in _inside(each, before + name):
            if deep < DEEPEST:
                yield from fields(inner, named, f"{way}.", deep + 1)


def _inside(schema: Schema, way: str) -> Iterator[tuple[str, Schema]]:
    """The objects without a name that a value may be or hold."""
    if "properties" in schema:
        action = schema["properties"].get("action", {}).get("const")
        yield (f"{way}({action})" if action else way), schema
    if schema.get("type") == "array":
        yield from _inside(schema.get("items", {}), f"{way}[]")
    for each in variants_of(schema):
        yield from _inside(each, way)


def example(schema: Schema, named: Mapping[str, Schema]) -> Any:
    """Return the least that may be sent: what is required, so that nothing is changed by a guess of ours."""
    if name := referred(schema):
        return example(named.get(name, {}), named)
    if "default" in schema:
        return schema["default"]
    if "const" in schema or "enum" in schema:
        return schema.get("const", next(iter(schema.get("enum", ())), None))
    if variants := variants_of(schema):
        return None if {"type": "null"} in variants else example(variants[0], named)
    if schema.get("type") == "object":
        return {name: example(schema["properties"][name], named) for name in schema.get("required", ())}
    plain = {"array": [], "integer": 0, "number": 0, "boolean": False, "string": ""}
    if schema.get("type") == "array" and "properties" in str(schema.get("items")):
        return [example(schema["items"], named)]
    return plain.get(str(schema.get("type")))


def referred(schema: Schema) -> str:
    """Return the name that a reference means."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def variants_of(schema: Schema) -> list[Schema]:
    return [each for choice in CHOICES for each in schema.get(choice, ())]


def prose(text: str) -> SafeString:
    """A description: what stands between backticks is code."""
    return mark_safe(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text)))
