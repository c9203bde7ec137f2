"""Pages by cursor: each begins after the last row of the one before, so that rows made meanwhile shift nothing.

A cursor is the sort keys of a row, signed; with ``~`` before it, the page that ends before that row. Without ``cursor``
in the query string a list is paged by ``offset``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core import signing
from django.db.models import F, OrderBy, Q, QuerySet
from django.http import QueryDict

from .errors import BadRequest
from .query import Listing, window

SALT = "cursor"
BACK = "~"
LIMIT = 50_000
"""Where Airflow stops to count what a cursor goes through; all are counted here."""
BY_OFFSET = {"total_entries_limit": None, "next_cursor": None, "previous_cursor": None}
"""What is told beside a page that was asked for by offset."""


def page(listing: Listing, rows: QuerySet[Any], query: QueryDict) -> tuple[QuerySet[Any], dict[str, Any]]:
    """Filter, order and cut; return the page, and what is told beside it."""
    if "cursor" not in query:
        found, total = listing.page(rows, query)
        return found, {"total_entries": total, **BY_OFFSET}
    keys = listing.keys(query)
    paths = [key.removeprefix("-") for key in keys]
    if "conf" in paths:
        raise BadRequest("Ordering with 'conf' cannot be combined with a cursor")
    rows = listing.narrow(rows, query)
    token = query["cursor"]
    back, token = token.startswith(BACK), token.removeprefix(BACK)
    wanted = rows.filter(_beyond(keys, _read(token, paths), back)) if token or back else rows
    limit = max(window(query)[0], 1)
    found = list(wanted.order_by(*_order(keys, back)).values_list(*paths)[: limit + 1])
    more, found = len(found) > limit, found[:limit]
    if back:
        found.reverse()
    before, after = (more, True) if back else (bool(token), more)
    shown = rows.filter(pk__in=[row[-1] for row in found]).order_by(*_order(keys, False))
    return shown, {
        "total_entries": rows.order_by().count(),
        "total_entries_limit": LIMIT,
        "next_cursor": _write(found[-1], paths) if after and found else None,
        "previous_cursor": BACK + _write(found[0], paths) if before and found else None,
    }


def _order(keys: list[str], back: bool) -> list[OrderBy]:
    """Nulls count as least on either database, so that a cursor can stand on one."""
    order = []
    for key in keys:
        falling = key.startswith("-") != back
        path = F(key.removeprefix("-"))
        order.append(path.desc(nulls_last=True) if falling else path.asc(nulls_first=True))
    return order


def _beyond(keys: list[str], values: list[Any], back: bool) -> Q:
    """What comes after a row in this order: equal in the first keys, and later in the next one."""
    found, equal = Q(pk__in=[]), Q()
    for key, value in zip(keys, values, strict=True):
        path, falling = key.removeprefix("-"), key.startswith("-") != back
        found |= equal & _later(path, value, falling)
        equal &= Q(**{f"{path}__isnull": True}) if value is None else Q(**{path: value})
    return found


def _later(path: str, value: Any, falling: bool) -> Q:
    if value is None:
        return Q(pk__in=[]) if falling else Q(**{f"{path}__isnull": False})
    if falling:
        return Q(**{f"{path}__lt": value}) | Q(**{f"{path}__isnull": True})
    return Q(**{f"{path}__gt": value})


def _write(row: tuple[Any, ...], paths: list[str]) -> str:
    return signing.dumps([paths, [_as_json(value) for value in row]], salt=SALT, compress=True)


def _read(token: str, paths: list[str]) -> list[Any]:
    try:
        known, values = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError, UnicodeError) as error:
        raise BadRequest("Invalid cursor token") from error
    if known != paths:
        raise BadRequest("Cursor token does not match current query shape: it was made for another order_by")
    return [_from_json(value) for value in values]


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    return {"seconds": value.total_seconds()} if isinstance(value, timedelta) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, dict):
        return datetime.fromisoformat(value["at"]) if "at" in value else timedelta(seconds=value["seconds"])
    return value
