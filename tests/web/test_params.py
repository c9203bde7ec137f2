"""Params as a form and back."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict

from orchestrator.web import params


def field(value: Any = params.MISSING, **schema: Any) -> params.Field:
    param = {"schema": schema, "description": None}
    return params.fields_of({"x": param if value is params.MISSING else {**param, "value": value}})[0]


def typed(each: params.Field, text: str | list[str] | None) -> Any:
    """What comes back when ``text`` was typed in (None: the box was left unchecked)."""
    data = QueryDict(mutable=True)
    if text is not None:
        data.setlist("param.x", text if isinstance(text, list) else [text])
    each.default = params.MISSING
    found = params.read([each], data)
    return found.get("x", each.error)


@pytest.mark.parametrize(
    ("schema", "value", "kind"),
    [
        ({"type": "string"}, "a", "text"),
        ({"type": "string", "format": "multiline"}, "a", "area"),
        ({"type": "string", "format": "date"}, "2026-01-01", "date"),
        ({"type": "string", "format": "date-time"}, "2026-01-01T00:00:00+00:00", "datetime-local"),
        ({"type": "string", "format": "time"}, "10:00:00", "time"),
        ({"type": "integer"}, 1, "number"),
        ({"type": ["null", "number"]}, None, "number"),
        ({"type": "boolean"}, True, "yesno"),
        ({"type": "array"}, ["a"], "lines"),
        ({"type": "array", "items": {"type": "number"}}, [1], "json"),
        ({"type": "array"}, [1, 2], "json"),
        ({"type": "object"}, {"a": 1}, "json"),
        ({"enum": [1, 2]}, 1, "choice"),
        ({}, "a", "text"),
        ({}, 3, "number"),
        ({}, True, "yesno"),
        ({}, None, "text"),
        ({"type": ["string", "integer"]}, 1, "mixed"),
        ({"type": ["integer", "number", "null"]}, 1, "number"),
        ({"type": ["string", "integer"], "enum": ["a", 1]}, 1, "choice"),
        ({"type": "string", "format": "password"}, "s", "password"),
        ({"type": "string", "format": "duration"}, "P1D", "text"),
        ({"type": "array", "examples": ["a", "b"]}, ["a"], "many"),
        ({"type": "array", "items": {"type": "string", "enum": ["a"]}}, ["a"], "many"),
        ({"const": 3}, 3, "const"),
    ],
)
def test_the_schema_chooses_the_field(schema: dict[str, Any], value: Any, kind: str):
    assert field(value, **schema).kind == kind


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "string"}, "", ""),
        ({"type": ["string", "null"]}, "", None),
        ({"type": "integer"}, "12", 12),
        ({"type": "number"}, "1.5", 1.5),
        ({"type": "boolean"}, "on", True),
        ({"type": "boolean"}, None, False),
        ({"type": "array"}, " a \n\n b", ["a", "b"]),
        ({"type": "object"}, '{"a": [1]}', {"a": [1]}),
        ({"enum": ["1", 1]}, "1", 1),
        ({"enum": ["1", 1]}, '"1"', "1"),
        ({"type": "string", "format": "date-time"}, "2026-01-02T03:04", "2026-01-02T03:04:00+00:00"),
        ({"type": "string", "format": "date"}, "2026-01-02", "2026-01-02"),
        ({"type": "array", "examples": ["a", "b"]}, ['"a"', '"b"'], ["a", "b"]),
        ({"type": "array", "examples": [1, 2]}, ["2"], [2]),
        ({"type": "array", "examples": ["a"]}, None, []),
        ({"type": ["array", "null"], "examples": ["a"]}, None, None),
        ({"type": ["string", "integer"]}, "7", 7),
        ({"type": ["string", "integer"]}, "7 days", "7 days"),
        ({"type": ["object", "integer"]}, '{"a": 1}', {"a": 1}),
        ({"const": "x"}, "tampered", "x"),
        ({"type": "string", "format": "password"}, " s ", " s "),
        ({"type": "string", "format": "time"}, "10:00:00", "10:00:00"),
    ],
)
def test_what_is_typed_becomes_a_value_of_the_type(schema: dict[str, Any], text: Any, value: Any):
    found = typed(field(**schema), text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("schema", "text", "says"),
    [
        ({"type": "integer"}, "many", "not a number"),
        ({"type": "integer"}, "1.5", "not of type"),
        ({"type": "integer"}, "", "needed"),
        ({"type": "integer", "maximum": 3}, "4", "greater than the maximum"),
        ({"type": "object"}, "{", "not JSON"),
        ({"enum": ["a"]}, '"b"', "not one of"),
        ({"type": "string", "minLength": 2}, "a", "too short"),
        ({"type": "string", "format": "date-time"}, "soon", "not a date"),
        ({"type": ["integer", "object"]}, "seven", "one of these types is needed: integer, object"),
    ],
)
def test_what_does_not_fit_is_said_at_its_field(schema: dict[str, Any], text: str, says: str):
    assert says in typed(field(**schema), text)


def test_an_unchanged_default_is_left_to_the_dag():
    each = field("north", type="string")
    data = QueryDict(mutable=True)
    data["param.x"] = "north"
    assert params.read([each], data) == {}


def test_a_time_is_shown_in_utc_and_the_same_time_is_no_change():
    each = field("2026-01-01T10:00:00+02:00", type="string", format="date-time")
    assert each.text == "2026-01-01T08:00:00"
    data = QueryDict(mutable=True)
    data["param.x"] = each.text
    assert params.read([each], data) == {}
    data["param.x"] = "2026-01-01T10:00"
    assert params.read([each], data) == {"x": "2026-01-01T10:00:00+00:00"}


def test_a_constant_is_always_sent():
    assert params.read([field(3, const=3)], QueryDict()) == {"x": 3}


def test_labels_are_shown_for_values_of_any_type():
    each = field(1, enum=[1, "b", None], type=["integer", "string", "null"], values_display={"1": "one", "b": "two"})
    assert each.options == [("1", "one"), ('"b"', "two")] and each.nullable


def test_words_in_markdown_are_rendered_without_raw_html():
    each = field("a", type="string", description_md="**bold** <script>x</script>")
    assert "<strong>bold</strong>" in each.description_html and "<script>" not in each.description_html
