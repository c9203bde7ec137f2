"""The API's document, shaped for its page. It is the same for every reader, so it is shaped once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.urls import resolve, reverse
from django.utils.safestring import SafeString
from django.utils.text import slugify

from orchestrator.web.schema_text import Row, Schema, example, fields, kind, prose, referred, variants_of


@dataclass(frozen=True)
class Field:
    """One parameter of an operation."""

    name: str
    place: str
    kind: SafeString
    required: bool
    about: SafeString
    choices: list[str]
    several: bool
    number: bool


@dataclass(frozen=True)
class Body:
    example: str
    rows: list[Row]
    required: bool


@dataclass(frozen=True)
class Answer:
    status: str
    about: str
    kinds: list[SafeString]


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str
    summary: str
    open: bool
    fields: list[Field]
    body: Body | None
    answers: list[Answer]
    media: list[str]

    @property
    def text(self) -> str:
        """What a filter looks in."""
        return f"{self.method} {self.path} {self.name} {self.summary}".lower()

    @property
    def accept(self) -> str:
        """The media type that is asked for unless another is chosen."""
        return self.media[0] if self.media else "application/json"


@dataclass(frozen=True)
class Group:
    """The operations under one tag."""

    name: str
    slug: str
    operations: list[Operation]


@dataclass(frozen=True)
class Named:
    """A schema with a name, which others refer to by it."""

    name: str
    rows: list[Row]
    kind: SafeString

    @property
    def text(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Reference:
    about: str
    groups: list[Group]
    schemas: list[Named]


@cache
def reference() -> Reference:
    """Return everything the page shows, read where every other reader of the document reads it."""
    address = reverse("openapi")
    request = HttpRequest()
    request.method, request.path = "GET", address
    request.META = {"SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    answer = resolve(address).func(request)
    return shaped(json.loads(answer.render().content))


def shaped(document: Mapping[str, Any]) -> Reference:
    named = document["components"]["schemas"]
    groups: dict[str, list[Operation]] = {each["name"]: [] for each in document["tags"]}
    for path, methods in document["paths"].items():
        for method, each in methods.items():
            tag = each["tags"][0]
            groups.setdefault(tag, []).append(_operation(path, method, each, document))
    return Reference(
        about=document["info"]["description"],
        groups=[Group(name, slugify(name), found) for name, found in groups.items() if found],
        schemas=[Named(name, list(fields(each, named)), kind(each)) for name, each in sorted(named.items())],
    )


def _operation(path: str, method: str, each: Schema, document: Mapping[str, Any]) -> Operation:
    answers = list(_answers(each["responses"], document["components"]["responses"]))
    good = next(iter(each["responses"].values())).get("content", {})
    return Operation(
        name=each["operationId"],
        method=method.upper(),
        path=path,
        summary=each["summary"],
        open=each.get("security") == [],
        fields=[_field(one) for one in sorted(each["parameters"], key=lambda one: not one["required"])],
        body=_body(each["requestBody"], document["components"]["schemas"]) if "requestBody" in each else None,
        answers=answers,
        media=list(good),
    )


def _field(each: Schema) -> Field:
    schema = each["schema"]
    truth = ["true", "false"] if schema.get("type") == "boolean" else []
    return Field(
        name=each["name"],
        place=each["in"],
        kind=kind(schema),
        required=each["required"],
        about=prose(each.get("description", "")),
        choices=[str(value) for value in schema.get("enum", truth)],
        several=schema.get("type") == "array",
        number=schema.get("type") in ("integer", "number"),
    )


def _body(each: Schema, named: Mapping[str, Schema]) -> Body:
    schema = each["content"]["application/json"]["schema"]
    whole = named[referred(schema)] if referred(schema) else schema
    ways = [whole] if "properties" in whole else variants_of(whole)
    rows = [row for way in ways for row in fields(way, named)]
    return Body(json.dumps(example(schema, named), indent=2), rows, bool(each.get("required")))


def _answers(responses: Mapping[str, Any], shared: Mapping[str, Any]) -> Iterator[Answer]:
    for status, each in sorted(responses.items()):
        found = shared[referred(each)] if "$ref" in each else each
        kinds = [kind(one["schema"]) for one in found.get("content", {}).values()]
        yield Answer(status, found["description"], list(dict.fromkeys(kinds)))
