"""Lists: filters, order and page from the query string, by one declared table an endpoint.

As in Airflow: ``limit`` (50, at most 100) and ``offset``; ``order_by`` may repeat and takes ``-``;
``x_pattern`` finds a part in any case with ``%`` and ``_`` wild, ``x_prefix_pattern`` a prefix as
written, in both ``|`` is "or" and ``~`` matches everything; ``x_gte|_gt|_lte|_lt`` are ranges.
Parameters that an endpoint does not know are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import CharField, Lookup, Q, QuerySet, TextField
from django.http import QueryDict
from django.utils.dateparse import parse_datetime

from .errors import BadRequest, Invalid, problem

DEFAULT_LIMIT = 50
MAXIMUM_LIMIT = 100
ENDS = ("gte", "gt", "lte", "lt")
LOST_PLUS = re.compile(r" (\d\d:?\d\d)$")
"""An offset whose ``+`` was not escaped in the query string."""
LONGEST_PATTERN = 1000
MOST_PARTS = 50
MOST_SECONDS = 3600.0
"""An answer that waits does so for at most this long, or looks at least this often."""


@CharField.register_lookup
@TextField.register_lookup
class ILike(Lookup):  # type: ignore[type-arg]
    """SQL's LIKE in any case, with the caller's own wildcards."""

    lookup_name = "ilike"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        if connection.vendor == "postgresql":
            # There a backslash would escape, and one at the end is an error; SQLite's LIKE knows none.
            return f"{left} ILIKE {right} ESCAPE ''", [*left_params, *right_params]
        return f"{left} LIKE {right}", [*left_params, *right_params]


@CharField.register_lookup
@TextField.register_lookup
class Begins(Lookup):  # type: ignore[type-arg]
    """Starts with a text, as written: SQLite's own ``startswith`` takes any case."""

    lookup_name = "begins"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        left, left_params = self.process_lhs(compiler, connection)
        return f"SUBSTR({left}, 1, {len(self.rhs)}) = %s", [*left_params, self.rhs]


@dataclass(frozen=True)
class Listing:
    """What one list endpoint can be asked. Names are the API's, values the ORM's field paths."""

    order: Mapping[str, str] = field(default_factory=dict)
    default_order: Sequence[str] = ("pk",)
    exact: Mapping[str, str] = field(default_factory=dict)  # repeatable: any of the values
    patterns: Mapping[str, str] = field(default_factory=dict)  # name without _pattern
    times: Mapping[str, str] = field(default_factory=dict)  # ranges over times
    numbers: Mapping[str, str] = field(default_factory=dict)  # ranges over durations in seconds
    took: Any = None  # the expression behind "took", for lists that know a duration
    convert: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)  # of exact values; a tuple = any of these
    unknown: Sequence[str] = ()  # what Airflow's rows have and ours do not: whoever asks for one finds nothing

    def narrow(self, rows: QuerySet[Any], query: QueryDict) -> QuerySet[Any]:
        """Filter ``rows`` by everything the query string says."""
        if any(query.get(name) for name in self.unknown):
            return rows.none()
        for name, path in self.exact.items():
            if values := query.getlist(name):
                rows = rows.filter(self._any_of(name, path, values))
        for name, path in self.patterns.items():
            for suffix, lookup in (("_pattern", "part"), ("_prefix_pattern", "prefix")):
                if text := query.get(name + suffix):
                    rows = rows.filter(_matches(name + suffix, path, text, lookup))
        if any(name.startswith("duration") or name == "order_by" for name in query) and self.took is not None:
            rows = rows.annotate(took=self.took)
        for names, read in ((self.times, _time), (self.numbers, _seconds)):
            for name, path in names.items():
                for comparison in ENDS:
                    text = query.get(f"{name}_{comparison}")
                    if text is not None:
                        rows = rows.filter(**{f"{path}__{comparison}": read(f"{name}_{comparison}", text)})
        return rows

    def sort(self, rows: QuerySet[Any], query: QueryDict) -> QuerySet[Any]:
        """Order ``rows`` by ``order_by``; the primary key decides between equals, so that pages do not overlap.

        It falls where the first key does, as in Airflow: of equals the newest comes first there.
        """
        return rows.order_by(*self.keys(query))

    def keys(self, query: QueryDict) -> list[str]:
        """Return what ``order_by`` sorts by, as the ORM's paths; the primary key last.

        Raises:
            BadRequest: it names what this list cannot be sorted by.
        """
        wanted = list(dict.fromkeys(each for each in query.getlist("order_by") if each))
        keys = []
        for each in wanted:
            path = self.order.get(each.removeprefix("-"))
            if path is None:
                raise BadRequest(
                    f"Ordering with '{each.removeprefix('-')}' is disallowed or the attribute does not exist on the model"
                )
            keys.append(("-" if each.startswith("-") else "") + path)
        keys = keys or list(self.default_order)
        return [*keys, "-pk" if wanted and keys[0].startswith("-") else "pk"]

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
        found: list[Any] = []
        for value in values:
            try:
                read = convert(value)
            except ValueError as error:
                raise Invalid(problem("query", name, str(error) or "Input is not valid", value)) from error
            found += read if isinstance(read, tuple) else (read,)
        return Q(**{f"{path}__in": found})


def window(query: QueryDict) -> tuple[int, int]:
    """Return (limit, offset) of the query string."""
    limit = min(whole(query, "limit", DEFAULT_LIMIT), MAXIMUM_LIMIT)
    return limit, whole(query, "offset", 0)


def whole(query: QueryDict, name: str, default: int, least: int = 0, most: int = 2**31 - 1) -> int:
    """Return a whole number of the query string, at least ``least``."""
    text = query.get(name)
    if text is None:
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
    return min(value, most)


LARGEST_INDEX = 10**18


def map_index(query: QueryDict, default: int = -1) -> int:
    """Return the map index of the query string."""
    return whole(query, "map_index", default, least=-LARGEST_INDEX, most=LARGEST_INDEX)


def flag(query: QueryDict, name: str) -> bool | None:
    """Return a boolean of the query string, None when it is not there."""
    text = query.get(name)
    if text is None:
        return None
    lowered = text.lower()
    if lowered in {"true", "1", "yes", "on", "t", "y"}:
        return True
    if lowered in {"false", "0", "no", "off", "f", "n"}:
        return False
    raise Invalid(problem("query", name, "Input should be a valid boolean", text, "bool_parsing"))


def choice(query: QueryDict, name: str, *choices: str) -> str | None:
    """Return one of the given texts, None when it is not there."""
    text = query.get(name)
    if text is not None and text not in choices:
        raise Invalid(problem("query", name, f"Input should be one of {list(choices)}", text, "enum"))
    return text


def _matches(name: str, path: str, text: str, how: str) -> Q:
    found = Q()
    parts = text.split("|")
    if len(text) > LONGEST_PATTERN or len(parts) > MOST_PARTS:
        message = f"A pattern has at most {LONGEST_PATTERN} characters and {MOST_PARTS} alternatives"
        raise Invalid(problem("query", name, message, kind="string_too_long"))
    for part in parts:
        if part == "~":
            return Q()
        found |= Q(**{f"{path}__ilike": f"%{part}%"}) if how == "part" else Q(**{f"{path}__begins": part})
    return found


def _time(name: str, text: str) -> datetime:
    return read_time("query", name, text)


def read_time(where: str, name: str, text: Any) -> datetime:
    """Read an RFC 3339 time; one without an offset is refused, because it could mean anything."""
    try:
        value = parse_datetime(LOST_PLUS.sub(r"+\1", text)) if isinstance(text, str) else None
    except (ValueError, OverflowError):
        value = None
    if value is None:
        raise Invalid(problem(where, name, "Input should be a valid datetime", text, "datetime_parsing"))
    if value.tzinfo is None:
        raise Invalid(problem(where, name, "Input should have timezone info", text, "timezone_aware"))
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise Invalid(problem(where, name, "Input is outside the calendar", text, "datetime_parsing")) from error


def _seconds(name: str, text: str) -> timedelta:
    try:
        return timedelta(seconds=float(text))
    except (ValueError, OverflowError) as error:
        raise Invalid(problem("query", name, "Input should be a valid number", text, "float_parsing")) from error


def small_int(text: str, bits: int = 32) -> int:
    """Read a number that fits the columns it is compared with.

    Raises:
        ValueError: no number, or one no column can hold.
    """
    try:
        value = int(text)
    except ValueError as error:
        raise ValueError("Input should be a valid integer, unable to parse string as an integer") from error
    if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise ValueError(f"Input should fit {bits} bits")
    return value


def large_int(text: str) -> int:
    return small_int(text, 64)


def order_of(*names: str, **renamed: str) -> dict[str, str]:
    """Build an ``order`` table: names that are field paths themselves, and renamed ones."""
    return {**{name: name for name in names}, **renamed}


BODY_NAMES = {"page_offset": "offset", "page_limit": "limit", "states": "state"}


def as_query(values: Mapping[str, Any]) -> QueryDict:
    """Return the filters of a batch body as the query string that the lists understand."""
    query = QueryDict(mutable=True)
    for name, value in values.items():
        sent = value if isinstance(value, list) else [value]
        if value is not None and not name.endswith("_ids"):
            query.setlist(BODY_NAMES.get(name, name), [_as_text(each) for each in sent])
    return query


def _as_text(value: Any) -> str:
    if value is None:
        return "none"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def seconds(query: QueryDict, name: str) -> float | None:
    """Return a parameter that is a number of seconds, more than none; None where it is not given.

    Raises:
        Invalid: it is no such number, or more than an hour.
    """
    text = query.get(name)
    if text is None:
        return None
    try:
        found = float(text)
    except ValueError as error:
        message = "Input should be a valid number, unable to parse string as a number"
        raise Invalid(problem("query", name, message, text, "float_parsing")) from error
    if not 0 < found <= MOST_SECONDS:
        message = f"Input should be greater than 0 and at most {MOST_SECONDS:.0f}"
        raise Invalid(problem("query", name, message, text, "greater_than"))
    return found
