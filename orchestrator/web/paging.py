"""A page of a long list: counted only as far as anybody reads, sorted by what its table says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import F, QuerySet
from django.http import HttpRequest

from .filters import TOOK
from .page import whole_number

LIMITS = (25, 50, 100, 200)
COUNTED = 10_000
"""More rows than these are not counted: a count reads every one of them."""


class Chunk:
    """One page of rows, with what a pager says of it."""

    def __init__(self, request: HttpRequest, rows: QuerySet[Any], limit: int = 50) -> None:
        self.limit = next((each for each in LIMITS if str(each) == request.GET.get("limit")), limit)
        self.number = whole_number(request, "page", 1, 1, 100_000)
        begin = (self.number - 1) * self.limit
        found = list(rows[begin : begin + self.limit + 1])
        self.rows = found[: self.limit]
        self.has_next = len(found) > self.limit
        self.begin, self.end = begin + 1, begin + len(self.rows)
        if self.has_next or (not self.rows and self.number > 1):
            self.total = rows.order_by()[: COUNTED + 1].count()
        else:
            self.total = self.end
        self.is_more = self.total > COUNTED
        self.limits = LIMITS

    @property
    def has_previous(self) -> bool:
        return self.number > 1

    @property
    def next(self) -> int:
        return self.number + 1

    @property
    def previous(self) -> int:
        return self.number - 1


def sorted_by(
    request: HttpRequest, rows: QuerySet[Any], columns: Mapping[str, str], default: str
) -> tuple[QuerySet[Any], str]:
    """Order rows by ``sort`` of the address; return them and the sort that was taken. Empty values come last."""
    wanted = request.GET.get("sort", default)
    if wanted.removeprefix("-") not in columns:
        wanted = default
    path = columns[wanted.removeprefix("-")]
    if path == "took":
        rows = rows.annotate(took=TOOK)
    descending = wanted.startswith("-")
    if path == "pk":  # never empty, and only so is its index used
        return rows.order_by("-pk" if descending else "pk"), wanted
    key = F(path).desc(nulls_last=True) if descending else F(path).asc(nulls_last=True)
    return rows.order_by(key, "-pk" if descending else "pk"), wanted
