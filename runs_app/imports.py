"""Reading variables, connections and pools from a file that an export wrote, here or in Airflow: all of it or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import models, transaction

from dags_app.models import Connection, Pool, Variable
from dags_app.secrets import FIELDS, HIDDEN
from orchestrator.sdk.connections import connection_from_text

from . import registry
from .registry import InvalidEntry

CHOICES = ("fail", "overwrite", "skip")
MASK = "***"
"""How a secret is shown: where a file holds it, what is there stays."""
MOST = 10_000
MOST_TOLD = 10


@dataclass(frozen=True, slots=True)
class Kind:
    """What can be imported. ``read`` makes of an entry what ``save`` takes, or raises :class:`InvalidEntry`."""

    word: str
    model: type[models.Model]
    read: Callable[[str, Any, bool], dict[str, Any]]
    save: Callable[..., Any]


@dataclass(slots=True)
class Report:
    """What became of each entry."""

    made: list[str] = field(default_factory=list)
    overwritten: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @property
    def written(self) -> list[str]:
        return [*self.made, *self.overwritten]

    def __str__(self) -> str:
        return f"{len(self.made)} made, {len(self.overwritten)} overwritten, {len(self.skipped)} skipped"


def load(kind: Kind, found: Mapping[str, Any], *, on_conflict: str, user: Any) -> Report:
    """Write every entry of ``found``; ``on_conflict`` says what becomes of those that are there already.

    Raises:
        InvalidEntry: one is there already and ``fail`` was chosen, or some cannot be read; nothing was changed.
    """
    if len(found) > MOST:
        raise InvalidEntry(f"There are {len(found)} entries; at most {MOST} are imported at once")
    report, wrong = Report(), []
    with transaction.atomic():
        known = _known(kind, list(found))
        if known and on_conflict == "fail":
            raise InvalidEntry(
                f"{kind.word} {_few(sorted(known))} there already: choose --on-conflict overwrite or skip"
            )
        for key, entry in found.items():
            if key in known and on_conflict == "skip":
                report.skipped.append(key)
                continue
            try:
                kind.save(key, kind.read(key, entry, key not in known), new=key not in known, user=user)
            except InvalidEntry as error:
                wrong.append(str(error))
            else:
                (report.overwritten if key in known else report.made).append(key)
        if wrong:
            rest = f" (and {len(wrong) - MOST_TOLD} more)" if len(wrong) > MOST_TOLD else ""
            raise InvalidEntry("; ".join(wrong[:MOST_TOLD]) + rest)
    return report


def _known(kind: Kind, keys: list[str]) -> set[str]:
    return {
        pk
        for at in range(0, len(keys), 500)
        for pk in kind.model._default_manager.filter(pk__in=keys[at : at + 500]).values_list("pk", flat=True)
    }


def _few(keys: list[str]) -> str:
    shown = ", ".join(repr(key) for key in keys[:MOST_TOLD])
    return (
        f"{shown} {'is' if len(keys) == 1 else 'are'}"
        if len(keys) <= MOST_TOLD
        else f"{shown} and {len(keys) - MOST_TOLD} more are"
    )


def _variable(key: str, entry: Any, new: bool) -> dict[str, Any]:
    """A value, or an object of value and description; what is no text is kept as JSON."""
    described = isinstance(entry, dict) and "value" in entry and entry.keys() <= {"value", "description"}
    value = entry["value"] if described else entry
    values: dict[str, Any] = {"value": value if isinstance(value, str) else json.dumps(value)}
    if described and entry.get("description") is not None:
        values["description"] = str(entry["description"])
    if value == MASK:
        if new:
            raise InvalidEntry(f"Variable {key!r} is masked in the file, and there is none to keep: give its value")
        del values["value"]
    return values


def _connection(conn_id: str, entry: Any, new: bool) -> dict[str, Any]:
    if not isinstance(entry, (str, dict)):
        raise InvalidEntry(f"Connection {conn_id!r} must be an address or an object")
    values = {
        **dict.fromkeys(FIELDS),
        **connection_values(conn_id, entry if isinstance(entry, str) else json.dumps(entry)),
    }
    for name in HIDDEN:
        if values[name] == MASK:
            del values[name]
    return values


def connection_values(conn_id: str, text: str) -> dict[str, Any]:
    """Return the fields that an address or JSON text gives.

    Raises:
        InvalidEntry: it is neither; the text is not told, since it may hold a password.
    """
    try:
        found = connection_from_text(conn_id, text)
    except (ValueError, TypeError, AttributeError):
        raise InvalidEntry(
            f"Connection {conn_id!r} is neither an address (type://login:password@host:port/schema) nor a JSON object"
        ) from None
    return {name: getattr(found, name) for name in FIELDS if getattr(found, name) is not None}


def _pool(name: str, entry: Any, new: bool) -> dict[str, Any]:
    if not isinstance(entry, dict) or not _is_number(entry.get("slots")):
        raise InvalidEntry(f"Pool {name!r} needs an object with a whole number of slots")
    rate = entry.get("rate_per_minute")
    if rate is not None and not _is_number(rate):
        raise InvalidEntry(f"Pool {name!r} needs a whole number as rate_per_minute, or none")
    return {
        "slots": entry["slots"],
        "description": str(entry.get("description") or ""),
        "include_deferred": bool(entry.get("include_deferred", False)),
        "rate_per_minute": rate,
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31


VARIABLES = Kind("Variable", Variable, _variable, registry.save_variable)
CONNECTIONS = Kind("Connection", Connection, _connection, registry.save_connection)
POOLS = Kind("Pool", Pool, _pool, registry.save_pool)
