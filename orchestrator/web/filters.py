"""Filters of a list: declared in one table, read from the address, shown as a form and as chips that can be taken away.

Names are those of Airflow's API: ``dag_id`` is exact, ``dag_id_pattern`` a beginning (with ``anywhere``: a part),
``start_date_gte`` and ``_lte`` a range. What makes no sense filters nothing and is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from typing import Any

from django.db.models import DurationField, ExpressionWrapper, F, Q, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext

from . import zones

TOOK = ExpressionWrapper(F("ended_at") - F("started_at"), output_field=DurationField())
LONGEST = 250
NOT_FILTERS = {"page", "part", "sort", "limit", "anywhere", "view"}


@dataclass(frozen=True)
class Filter:
    """One thing to filter by. ``path`` is the ORM's; ``kind`` is text, exact, choice, time or seconds.

    ``inside`` turns a condition on other rows, whose column ``path`` is, into one on the rows of the list.
    """

    name: str
    label: str
    path: str
    kind: str = "text"
    options: Sequence[str] = ()
    first: bool = False  # stands beside the list, not behind "Filters"
    inside: Callable[[Q], Q] | None = None


@dataclass
class Shown:
    """One filter as the form shows it."""

    filter: Filter
    key: str
    value: str = ""
    chosen: list[str] = field(default_factory=list)
    since: str = ""
    until: str = ""


@dataclass(frozen=True)
class Chip:
    """What is filtered by now, and the address without it."""

    label: str
    value: str
    without: str


class Filters:
    """The filters of one request: ``narrow`` applies them, the rest is what the page shows."""

    def __init__(self, request: HttpRequest, table: Sequence[Filter], query: QueryDict | None = None) -> None:
        self.query, self.table = request.GET if query is None else query, table
        self.zone: tzinfo = zones.chosen(request)
        self.zone_name = str(self.zone)
        self.anywhere = self.query.get("anywhere") == "on"
        self.wrong: list[str] = []
        self.fields = [self._shown(each) for each in table]
        self.chips: list[Chip] = []

    @property
    def first(self) -> list[Shown]:
        return [each for each in self.fields if each.filter.first]

    @property
    def more(self) -> list[Shown]:
        return [each for each in self.fields if not each.filter.first]

    @property
    def has_text_first(self) -> bool:
        """Whether a field that "Match anywhere" is about stands beside the list: else the box stands with the others."""
        return any(each.filter.kind == "text" for each in self.first)

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What else stands in the address and goes along with the form: sort, view, and filters without a field."""
        own = {name for each in self.fields for name in _names(each)} | {"page", "part", "anywhere"}
        return [(name, value) for name, value in self.others if name not in own]

    @property
    def others(self) -> list[tuple[str, str]]:
        """All of the address but the choice of columns: what a form beside this one has to keep."""
        pairs = [(name, value) for name, values in self.query.lists() for value in values]
        return [(name, value) for name, value in pairs if not name.startswith("columns_") and name != "part"]

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Filter rows by everything the address says."""
        if any(each.filter.kind == "seconds" and (each.since or each.until) for each in self.fields):
            rows = rows.annotate(took=TOOK)
        for each in self.fields:
            condition = self._condition(each)
            if condition is not None:
                rows = rows.filter(condition)
        return rows

    def also(self, label: str, value: str, *names: str) -> None:
        """Show a filter that the page applied by itself."""
        self._chip(label, value, *names)

    def _shown(self, each: Filter) -> Shown:
        name, query = each.name, self.query
        if each.kind == "text":
            return Shown(each, f"{name}_pattern", _text(query, f"{name}_pattern"))
        if each.kind in {"exact", "choice"}:
            return Shown(
                each, name, _text(query, name), chosen=[_clean(value) for value in query.getlist(name) if value]
            )
        return Shown(each, name, since=_text(query, f"{name}_gte"), until=_text(query, f"{name}_lte"))

    def _condition(self, each: Shown) -> Q | None:
        filter, path = each.filter, each.filter.path
        found = Q()
        if filter.kind == "text":
            if each.value:
                lookup = "icontains" if self.anywhere else "istartswith"
                found &= Q(**{f"{path}__{lookup}": each.value})
                self._chip(filter.label, f"{each.value}…" if not self.anywhere else f"…{each.value}…", each.key)
            exact = [_clean(value) for value in self.query.getlist(filter.name) if value]
            if exact:
                found &= Q(**{f"{path}__in": exact})
                self._chip(filter.label, ", ".join(exact), filter.name)
        elif filter.kind in {"exact", "choice"}:
            values: list[Any] = each.chosen if filter.kind == "choice" else [each.value] if each.value else []
            if values:
                found &= Q(**{f"{path}__in": values})
                self._chip(filter.label, ", ".join(value.replace("_", " ") for value in values), filter.name)
        else:
            for end, text in (("gte", each.since), ("lte", each.until)):
                if text and (value := self._read(filter, text)) is not None:
                    found &= Q(**{f"{path}__{end}": value})
                    words = (
                        {"gte": gettext("from"), "lte": gettext("to")}
                        if filter.kind == "time"
                        else {"gte": "≥", "lte": "≤"}
                    )
                    unit = " s" if filter.kind == "seconds" else ""
                    self._chip(filter.label, f"{words[end]} {text.replace('T', ' ')}{unit}", f"{filter.name}_{end}")
        if not found:
            return None
        return filter.inside(found) if filter.inside is not None else found

    def _read(self, filter: Filter, text: str) -> Any:
        try:
            if filter.kind == "time":
                return zones.read(text, self.zone)
            return timedelta(seconds=float(text)) if filter.kind == "seconds" else int(text)
        except (ValueError, OverflowError):
            if filter.kind == "time":
                told = gettext("“{text}” is no time, so “{label}” is not filtered by.")
            else:
                told = gettext("“{text}” is no number, so “{label}” is not filtered by.")
            self.wrong.append(told.format(text=text, label=filter.label))
            return None

    def _chip(self, label: str, value: str, *names: str) -> None:
        rest = self.query.copy()
        for name in (*names, "page", "part"):
            rest.pop(name, None)
        self.chips.append(Chip(label, value, f"?{rest.urlencode()}"))


def _names(each: Shown) -> tuple[str, ...]:
    if each.filter.kind in {"text", "exact", "choice"}:
        return (each.key,)
    return (f"{each.key}_gte", f"{each.key}_lte")


def _clean(text: str) -> str:
    return text.replace("\0", "").strip()[:LONGEST]


def _text(query: QueryDict, name: str) -> str:
    return _clean(query.get(name, ""))
