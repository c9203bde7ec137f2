"""Asset expressions: what a schedule says of assets, whether it holds, and what it still waits for.

An expression is JSON in Airflow's form: ``{"asset": {"name", "uri", "group"}}``, ``{"asset_ref": {"name"}}`` or
``{"asset_ref": {"uri"}}``, ``{"alias": {"name", "group"}}``, ``{"all": [...]}``, ``{"any": [...]}``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

Json = Any
Key = tuple[str, str]
"""Name and URI: what identifies an asset."""

LEAVES = ("asset", "asset_ref", "alias")
BRANCHES = ("all", "any")
DEEPEST = 50
"""Levels of nesting that an expression may have."""


class ExpressionError(ValueError):
    """A document is no asset expression; the message says which part of it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of assets while an expression is looked at."""

    ready: AbstractSet[Key]  # have changed since the last run
    by_name: Mapping[str, Key] = field(default_factory=dict)  # the active asset behind a reference
    by_uri: Mapping[str, Key] = field(default_factory=dict)
    of_alias: Mapping[str, Collection[Key]] = field(default_factory=dict)  # what tasks announced under it


def expression_of(assets: Any) -> Json:
    """Return what authors write (an asset-like object, or several: all of them) as an expression.

    Raises:
        TypeError: something among them is no asset.
    """
    if hasattr(assets, "as_expression"):
        return assets.as_expression()
    if isinstance(assets, (list, tuple, set, frozenset)) and all(hasattr(each, "as_expression") for each in assets):
        found = [each.as_expression() for each in assets]
        # A set comes in another order each time, and the same schedule must be the same text.
        return {"all": sorted(found, key=str) if isinstance(assets, (set, frozenset)) else found}
    raise TypeError(f"all elements in a schedule on assets must be assets, not {assets!r}")


def leaves(expression: Json, depth: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what an expression is made of: (``asset``, ``asset_ref`` or ``alias``; its fields).

    Raises:
        ExpressionError: it is not of the form above.
    """
    if depth > DEEPEST:
        raise ExpressionError(f"an expression nested deeper than {DEEPEST} levels is no asset expression")
    if not isinstance(expression, Mapping) or len(expression) != 1:
        raise ExpressionError(f"{str(expression)[:200]} is no asset expression")
    [(kind, content)] = expression.items()
    if kind in BRANCHES and isinstance(content, (list, tuple)):
        for each in content:
            yield from leaves(each, depth + 1)
    elif kind in LEAVES and isinstance(content, Mapping) and _is_named(kind, content):
        yield kind, dict(content)
    else:
        raise ExpressionError(f"{str(expression)[:200]} is no asset expression")


def _is_named(kind: str, content: Mapping[str, Any]) -> bool:
    names = {"asset": {"name", "uri"}, "alias": {"name"}}.get(kind)
    if names is None:
        names = set(content)
        if len(names) != 1 or not names <= {"name", "uri"}:
            return False
    return all(isinstance(content.get(name), str) and content[name] for name in names)


def holds(expression: Json, known: Known) -> bool:
    """Whether an expression is true."""
    [(kind, content)] = expression.items()
    if kind == "all":
        return all(holds(each, known) for each in content)
    if kind == "any":
        return any(holds(each, known) for each in content)
    return any(key in known.ready for key in _keys(kind, content, known))


def _keys(kind: str, content: Mapping[str, Any], known: Known) -> Collection[Key]:
    """The assets that a leaf stands for."""
    if kind == "asset":
        return [(content["name"], content["uri"])]
    if kind == "alias":
        return known.of_alias.get(content["name"], ())
    found = known.by_name.get(content["name"]) if "name" in content else known.by_uri.get(content["uri"])
    return [found] if found is not None else []


def waiting_for(expression: Json, known: Known) -> list[tuple[str, dict[str, Any]]]:
    """Return the leaves that an expression still waits for, in the order written; none where it holds."""
    if holds(expression, known):
        return []
    [(kind, content)] = expression.items()
    if kind in BRANCHES:
        return [leaf for each in content for leaf in waiting_for(each, known)]
    return [(kind, dict(content))]
