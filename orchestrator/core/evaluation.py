"""How an asset expression came to hold: in words, change by change, and what it waited for after each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from .assets import BRANCHES, Json, Key, Known, holds

JOINED = {"all": " and ", "any": " or "}


@dataclass(frozen=True, slots=True)
class Step:
    """An asset has changed: what the expression still waited for then, in words; nothing where it held."""

    key: Key
    at: datetime
    missing: str


def words(expression: Json, inside: str = "") -> str:
    """An expression as people read it: ``orders and (prices or rates)``."""
    [(kind, content)] = expression.items()
    if kind not in BRANCHES:
        name = content.get("name") or content.get("uri") or ""
        return f"alias {name}" if kind == "alias" else str(name)
    if len(content) == 1:
        return words(content[0], inside)
    if not content:
        return "nothing"
    text = JOINED[kind].join(words(each, kind) for each in content)
    return f"({text})" if inside not in {"", kind} else text


def remaining(expression: Json, known: Known) -> Json | None:
    """Return the part of an expression that it still waits for; None where it holds."""
    if holds(expression, known):
        return None
    [(kind, content)] = expression.items()
    if kind not in BRANCHES:
        return expression
    rest = [each for each in (remaining(part, known) for part in content) if each is not None]
    return rest[0] if len(rest) == 1 else {kind: rest}


def steps(expression: Json, changes: Iterable[tuple[Key, datetime]], known: Known) -> list[Step]:
    """What an expression waited for after each change of an asset, the oldest first; ``known.ready`` is not looked at."""
    found, ready = [], set[Key]()
    for key, at in sorted(changes, key=lambda change: (change[1], change[0])):
        ready.add(key)
        rest = remaining(expression, replace(known, ready=frozenset(ready)))
        found.append(Step(key, at, words(rest) if rest is not None else ""))
    return found
