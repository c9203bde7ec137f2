"""What the database knows of the assets that an expression names."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import Q

from orchestrator.core.assets import Key, Known, leaves

from .models import Asset, AssetAlias


def known(expression: Any, ready: Collection[Key]) -> Known:
    """What the database knows of the assets of an expression, beside which have changed."""
    return known_of([expression], ready)


def known_of(expressions: Iterable[Any], ready: Collection[Key]) -> Known:
    """What the database knows of the assets of several expressions; as few queries as for one."""
    names, uris, aliases = set[str](), set[str](), set[str]()
    for kind, about in (leaf for expression in expressions for leaf in leaves(expression)):
        if kind == "alias":
            aliases.add(about["name"])
        elif kind == "asset_ref":
            (names if "name" in about else uris).add(about.get("name") or about["uri"])
    by_name: dict[str, Key] = {}
    by_uri: dict[str, Key] = {}
    if names or uris:
        active = Asset.objects.filter(Q(name__in=names) | Q(uri__in=uris), is_active=True)
        for name, uri in active.values_list("name", "uri"):
            by_name[name] = by_uri[uri] = (name, uri)
    of_alias: dict[str, list[Key]] = {}
    if aliases:
        rows = AssetAlias.objects.filter(name__in=aliases, assets__isnull=False)
        for alias, name, uri in rows.values_list("name", "assets__name", "assets__uri"):
            of_alias.setdefault(alias, []).append((name, uri))
    return Known(frozenset(ready), by_name, by_uri, of_alias)
