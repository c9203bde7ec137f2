"""The API's OpenAPI document, made from the tables that the views work by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from orchestrator.api.body import Part, schema_of
from orchestrator.api.bulk import ON_ABSENCE, ON_EXISTENCE
from orchestrator.api.query import DEFAULT_LIMIT, ENDS, MAXIMUM_LIMIT, Listing, large_int, small_int
from orchestrator.api.views.monitor import AIRFLOW_API_VERSION

from . import notation, runs, things
from .asked import BODIES, BULK, LISTS, MAY_BE_LEFT_OUT, MEDIA, MORE
from .operations import OPERATIONS

OPEN = {"get_document", "get_health", "get_version", "create_token", "create_token_cli", "login", "logout"}
NUMBERS = {
    *("asset_id", "asset_alias_id", "backfill_id", "event_log_id", "import_error_id"),
    *("map_index", "task_try_number", "try_number", "version_number"),
}
OWN = """
Token: *access_token str
"""
REFUSALS = {
    "400": ("HTTPExceptionResponse", "well formed, and makes no sense"),
    "401": ("HTTPExceptionResponse", "no token, or none that is good"),
    "403": ("HTTPExceptionResponse", "the role does not allow it"),
    "404": ("HTTPExceptionResponse", "not there, or not for this caller"),
    "409": ("HTTPExceptionResponse", "there already, or in a state that does not allow it"),
    "422": ("HTTPValidationError", "cannot be read: every problem with its place"),
}
REFUSALS_OF_BODIES = {
    "413": ("HTTPExceptionResponse", "the body is larger than any that makes sense"),
    "415": ("HTTPExceptionResponse", "the body is not JSON"),
}
REFUSALS_OF_GUESSES = {"429": ("HTTPExceptionResponse", "too many wrong passwords: wait as long as Retry-After says")}
ALL_REFUSALS = REFUSALS | REFUSALS_OF_BODIES | REFUSALS_OF_GUESSES
SIGN_IN = {"create_token", "create_token_cli"}
DESCRIPTION = (
    "Paths, parameters, fields and enums are those of Airflow's public API, so its clients work. "
    "What there is on top has the tag “Beyond Airflow”."
)


@dataclass(frozen=True)
class Operation:
    """One line of the table of operations."""

    tag: str
    method: str
    path: str
    name: str
    status: str
    answer: str
    summary: str


def operations() -> Iterator[Operation]:
    """Read the table of operations."""
    tag = ""
    for line in OPERATIONS.strip().splitlines():
        if line.startswith("# "):
            tag = line[2:]
            continue
        head, _, summary = line.partition(" | ")
        method, path, name, status, answer = head.split(" ")
        yield Operation(tag, method, path, name, status, answer, summary[:1].upper() + summary[1:])


@cache
def document() -> dict[str, Any]:
    """Return the whole document."""
    paths: dict[str, dict[str, Any]] = {}
    tags: dict[str, None] = {}
    for each in operations():
        tags[each.tag] = None
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    declared = notation.schemas(runs.SCHEMAS) | notation.schemas(things.SCHEMAS) | notation.schemas(OWN)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Orchestrator API", "version": AIRFLOW_API_VERSION, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in tags],
        "paths": paths,
        "components": {
            "schemas": {**declared, **{_bulk_name(name): _bulk(parts) for name, parts in BULK.items()}},
            "responses": {status: _refusal(*words) for status, words in ALL_REFUSALS.items()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
            },
        },
        "security": [{"bearer": []}, {"session": []}],
    }


def _operation(each: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "tags": [each.tag],
        "summary": each.summary,
        "operationId": each.name,
        "parameters": [*_path_parameters(each.path), *_query_parameters(each.name)],
        "responses": {each.status: _answer(each)},
    }
    body = _body(each.name)
    for status in _refusals(each.name, with_body=body is not None):
        found["responses"].setdefault(status, {"$ref": f"#/components/responses/{status}"})
    if body:
        found["requestBody"] = {
            "content": {"application/json": {"schema": body}},
            "required": each.name not in MAY_BE_LEFT_OUT,
        }
    if each.name in OPEN:
        found["security"] = []
    return found


def _refusals(name: str, *, with_body: bool) -> list[str]:
    found = set(REFUSALS) - ({"401", "403"} if name in OPEN - SIGN_IN else set())
    return sorted(found.union(REFUSALS_OF_BODIES if with_body else (), REFUSALS_OF_GUESSES if name in SIGN_IN else ()))


def _answer(each: Operation) -> dict[str, Any]:
    if each.answer == "-":
        return {"description": "Refused" if each.status.startswith("4") else "Done"}
    schemas = {"application/json": notation.schema_of(each.answer)}
    media = MEDIA.get(each.name, ("application/json",))
    return {
        "description": "Found",
        "content": {name: {"schema": schemas.get(name, {"type": "string"})} for name in media},
    }


def _refusal(schema: str, words: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": words[:1].upper() + words[1:], "content": content}


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", path):
        kind = "integer" if name in NUMBERS else "string"
        yield {"name": name, "in": "path", "required": True, "schema": {"type": kind}}


def _query_parameters(name: str) -> Iterator[dict[str, Any]]:
    if name in LISTS:
        yield from _of_list(LISTS[name])
    for entry in MORE.get(name, "").split("; "):
        if entry:
            field, _, written = entry.partition(" ")
            yield _parameter(field.removeprefix("*"), notation.schema_of(written), required=field.startswith("*"))


def _of_list(listing: Listing) -> Iterator[dict[str, Any]]:
    limit = {"type": "integer", "minimum": 0, "default": DEFAULT_LIMIT}
    yield _parameter("limit", limit, f"No more than {MAXIMUM_LIMIT}, whatever is asked for.")
    yield _parameter("offset", {"type": "integer", "minimum": 0, "default": 0})
    if listing.order:
        names = ", ".join(sorted(listing.order))
        order = {"type": "array", "items": {"type": "string"}}
        yield _parameter("order_by", order, f"By these, `-` before one for descending: {names}.")
    for name in listing.exact:
        kind = "integer" if listing.convert.get(name) in (small_int, large_int) else "string"
        yield _parameter(name, {"type": "array", "items": {"type": kind}})
    for name in listing.unknown:
        yield _parameter(name, {"type": "array", "items": {"type": "string"}}, "Null here: finds nothing.")
    for name in listing.patterns:
        yield _parameter(f"{name}_pattern", {"type": "string"}, "A part in any case; `%` and `_` are wild, `|` is or.")
        yield _parameter(f"{name}_prefix_pattern", {"type": "string"}, "A beginning as written; `|` is or.")
    for names, schema in (
        (listing.times, {"type": "string", "format": "date-time"}),
        (listing.numbers, {"type": "number"}),
    ):
        for name in names:
            for end in ENDS:
                yield _parameter(f"{name}_{end}", schema)


def _parameter(
    name: str, schema: Mapping[str, Any], description: str = "", *, required: bool = False
) -> dict[str, Any]:
    found = {"name": name, "in": "query", "required": required, "schema": dict(schema)}
    return {**found, "description": description} if description else found


def _body(name: str) -> dict[str, Any] | None:
    if name in BULK:
        return {"$ref": f"#/components/schemas/{_bulk_name(name)}"}
    parts = BODIES.get(name)
    return None if parts is None else _object(parts, partial=name.startswith("patch_") and "store" not in name)


def _object(parts: Mapping[str, Part], *, partial: bool = False) -> dict[str, Any]:
    fields = {}
    for name, part in parts.items():
        schema = schema_of(part.read)
        if part.nullable and schema:
            schema = {"anyOf": [schema, {"type": "null"}]}
        if part.default is not None and not partial:
            schema = {**schema, "default": part.default}
        fields[name] = schema
    required = [] if partial else [name for name, part in parts.items() if part.required]
    found: dict[str, Any] = {"type": "object", "properties": fields, "additionalProperties": False}
    return {**found, "required": required} if required else found


def _bulk_name(name: str) -> str:
    return "Bulk" + "".join(word.capitalize() for word in name.removeprefix("bulk_").split("_"))


def _bulk(parts: Mapping[str, Part]) -> dict[str, Any]:
    """The body of a bulk request about these things."""
    one = _object(parts)
    by_name = {"anyOf": [{"type": "string"}, one]}
    absence = {"action_on_non_existence": {"enum": list(ON_ABSENCE), "default": "fail"}}
    mask = {"update_mask": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]}}
    kinds = (
        _action("create", one, {"action_on_existence": {"enum": list(ON_EXISTENCE), "default": "fail"}}),
        _action("update", one, absence | mask),
        _action("delete", by_name, absence),
    )
    actions = {"type": "array", "items": {"oneOf": list(kinds)}}
    return {
        "type": "object",
        "properties": {"actions": actions},
        "required": ["actions"],
        "additionalProperties": False,
    }


def _action(kind: str, entity: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    fields = {"action": {"const": kind}, "entities": {"type": "array", "items": entity}, **more}
    return {
        "type": "object",
        "properties": fields,
        "required": ["action", "entities"],
        "additionalProperties": False,
    }
