"""Schemas in one line each: ``Name: *field type; other type``; ``*`` is always there, ``type|null`` may be null.

Types are ``str``, ``int``, ``num``, ``bool``, ``time``, ``uuid``, ``duration``, ``object``, ``any``, ``[type]`` for a list,
``=text`` for that text, and the name of another schema. ``Name: = a, b`` is one of these texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

SIMPLE: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "num": {"type": "number"},
    "bool": {"type": "boolean"},
    "object": {"type": "object"},
    "null": {"type": "null"},
    "any": {},
    "JsonValue": {},
    "time": {"type": "string", "format": "date-time"},
    "uuid": {"type": "string", "format": "uuid"},
    "duration": {"type": "string", "format": "duration"},
}


def schemas(text: str) -> dict[str, dict[str, Any]]:
    """Return the JSON schemas that a text in this notation declares."""
    return {name: _schema(name, body) for name, body in _entries(text)}


def schema_of(written: str) -> dict[str, Any]:
    """Return the JSON schema of one type."""
    parts = _split(written)
    if len(parts) > 1:
        return {"anyOf": [schema_of(part) for part in parts]}
    if written.startswith("["):
        return {"type": "array", "items": schema_of(written[1:-1])}
    if written.startswith("="):
        texts = written[1:].split(",")
        return {"type": "string", "enum": texts}
    return dict(SIMPLE[written]) if written in SIMPLE else {"$ref": f"#/components/schemas/{written}"}


def _entries(text: str) -> Iterator[tuple[str, str]]:
    joined = re.sub(r"\n +", " ", text)
    for line in joined.strip().splitlines():
        name, _, body = line.partition(": ")
        yield name, body


def _schema(name: str, body: str) -> dict[str, Any]:
    if body.startswith("= "):
        return {"title": name, "type": "string", "enum": [each.strip() for each in body[2:].split(",")]}
    fields, required = {}, []
    for entry in body.split("; "):
        field, _, written = entry.strip().partition(" ")
        if field.startswith("*"):
            field = field[1:]
            required.append(field)
        fields[field] = schema_of(written)
    found: dict[str, Any] = {"title": name, "type": "object", "properties": fields}
    return {**found, "required": required} if required else found


def _split(written: str) -> list[str]:
    """Cut a union into its types, but not the one inside of a list."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(written):
        depth += {"[": 1, "]": -1}.get(letter, 0)
        if letter == "|" and depth == 0:
            parts.append(written[start:place])
            start = place + 1
    return [*parts, written[start:]]
