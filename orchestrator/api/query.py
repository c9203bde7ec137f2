"""Lists: filters, order and page from the query string, by one declared table an endpoint.

As in Airflow: ``limit`` (50, at most 100) and ``offset``; ``order_by`` may repeat and takes ``-``;
``x_pattern`` finds a part in any case with ``%`` and ``_`` wild, ``x_prefix_pattern`` a prefix as
written, in both ``|`` is "or" and ``~`` matches everything; ``x_gte|_gt|_lte|_lt`` are ranges.
Parameters that an endpoint does not know are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import CharField, Lookup, Q, QuerySet, TextField
from django.http import QueryDict
from django.utils.dateparse import parse_datetime

from .errors import BadRequest, Invalid, problem

DEFAULT_LIMIT = 50
MAXIMUM_LIMIT = 100


@CharField.register_lookup
@TextField.register_lookup
class ILike(Lookup):  # type: ignore[type-arg]
    """SQL's LIKE in any case, with the caller's own wildcards."""

    lookup_name = "ilike"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        operator = "ILIKE" if connection.vendor == "postgresql" else "LIKE"
        return f"{left} {operator} {right}", [*left_params, *right_params]


@dataclass(frozen=True)
class Listing:
    """What one list endpoint can be asked. Names are the API's, values the ORM's field paths."""

    order: Mapping[str, str] = field(default_factory=dict)
    default_order: Sequence[str] = ("pk",)
    exact: Mapping[str, str] = field(default_factory=dict)  # repeatable: any of the values
    patterns: Mapping[str, str] = field(default_factory=dict)  # name without _pattern
    times: Mapping[str, str] = field(default_factory=dict)  # ranges over times
    numbers: Mapping[str, str] = field(default_factory=dict)  # ranges over numbers
    convert: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)  # of exact values

    def narrow(self, rows: QuerySet[Any], query: QueryDict) -> QuerySet[Any]:
        """Filter ``rows`` by everything the query string says."""
        for name, path in self.exact.items():
            if values := query.getlist(name):
                rows = rows.filter(self._any_of(name, path, values))
        for name, path in self.patterns.items():
            for suffix, lookup in (("_pattern", "part"), ("_prefix_pattern", "prefix")):
                if text := query.get(name + suffix):
                    rows = rows.filter(_matches(path, text, lookup))
        for names, read in ((self.times, _time), (self.numbers, _number)):
            for name, path in names.items():
                for comparison in ("gte", "gt", "lte", "lt"):
                    text = query.get(f"{name}_{comparison}")
                    if text not in (None, ""):
                        rows = rows.filter(**{f"{path}__{comparison}": read(f"{name}_{comparison}", str(text))})
        return rows

    def sort(self, rows: QuerySet[Any], query: QueryDict) -> QuerySet[Any]:
        """Order ``rows`` by ``order_by``; the primary key decides between equals, so that pages do not overlap."""
        wanted = [each for each in query.getlist("order_by") if each]
        keys = []
        for each in wanted:
            path = self.order.get(each.removeprefix("-"))
            if path is None:
                raise BadRequest(
                    f"Ordering with '{each.removeprefix('-')}' is disallowed or the attribute does not exist on the model"
                )
            keys.append(("-" if each.startswith("-") else "") + path)
        return rows.order_by(*(keys or self.default_order), "pk")

    def page(self, rows: QuerySet[Any], query: QueryDict) -> tuple[QuerySet[Any], int]:
        """Filter, order and cut; return the page and the number of all rows."""
        limit, offset = window(query)
        rows = self.narrow(rows, query)
        total = rows.order_by().count()
        return self.sort(rows, query)[offset : offset + limit], total

    def _any_of(self, name: str, path: str, values: list[str]) -> Q:
        convert = self.convert.get(name)
        if convert is None:
            return Q(**{f"{path}__in": values})
        found = []
        for value in values:
            try:
                found.append(convert(value))
            except ValueError as error:
                raise Invalid(problem("query", name, str(error) or "Input is not valid", value)) from error
        return Q(**{f"{path}__in": found})


def window(query: QueryDict) -> tuple[int, int]:
    """Return (limit, offset) of the query string."""
    limit = min(whole(query, "limit", DEFAULT_LIMIT), MAXIMUM_LIMIT)
    return limit, whole(query, "offset", 0)


def whole(query: QueryDict, name: str, default: int, least: int = 0) -> int:
    """Return a whole number of the query string, at least ``least``."""
    text = query.get(name)
    if text is None or text == "":
        return default
    try:
        value = int(text)
    except ValueError as error:
        message = "Input should be a valid integer, unable to parse string as an integer"
        raise Invalid(problem("query", name, message, text, "int_parsing")) from error
    if value < least:
        message = f"Input should be greater than or equal to {least}"
        raise Invalid(problem("query", name, message, text, "greater_than_equal"))
    # Databases refuse larger numbers, and no list is so long.
    return min(value, 2**31 - 1)


def flag(query: QueryDict, name: str) -> bool | None:
    """Return a boolean of the query string, None when it is not there."""
    text = query.get(name)
    if text is None or text == "":
        return None
    lowered = text.lower()
    if lowered in {"true", "1", "yes", "on", "t", "y"}:
        return True
    if lowered in {"false", "0", "no", "off", "f", "n"}:
        return False
    raise Invalid(problem("query", name, "Input should be a valid boolean", text, "bool_parsing"))


def _matches(path: str, text: str, how: str) -> Q:
    found = Q()
    for part in text.split("|"):
        if part == "~":
            return Q()
        part = part.replace("\x00", "")
        found |= Q(**{f"{path}__ilike": f"%{part}%"}) if how == "part" else Q(**{f"{path}__startswith": part})
    return found


def _time(name: str, text: str) -> datetime:
    return read_time("query", name, text)


def read_time(where: str, name: str, text: Any) -> datetime:
    """Read an RFC 3339 time; one without an offset is refused, because it could mean anything."""
    try:
        value = parse_datetime(text.replace(" ", "+")) if isinstance(text, str) else None
    except ValueError:
        value = None
    if value is None:
        raise Invalid(problem(where, name, "Input should be a valid datetime", text, "datetime_parsing"))
    if value.tzinfo is None:
        raise Invalid(problem(where, name, "Input should have timezone info", text, "timezone_aware"))
    return value


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise Invalid(problem("query", name, "Input should be a valid number", text, "float_parsing")) from error


def order_of(*names: str, **renamed: str) -> dict[str, str]:
    """Build an ``order`` table: names that are field paths themselves, and renamed ones."""
    return {**{name: name for name in names}, **renamed}
