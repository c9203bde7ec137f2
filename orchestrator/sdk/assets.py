"""Assets by name: what a task reads and writes. Runs are not started by them yet."""

from __future__ import annotations

from typing import Any

from .operator import check_text


class Asset:
    """Something that tasks make or use, known by a name and a URI."""

    def __init__(
        self,
        name: str | None = None,
        uri: str | None = None,
        *,
        group: str = "asset",
        extra: dict[str, Any] | None = None,
        watchers: Any = None,
        **ignored: Any,
    ) -> None:
        if name is None and uri is None:
            raise TypeError("Asset() requires either 'name' or 'uri'")
        self.name = check_text("name of an asset", name if name is not None else uri)
        self.uri = check_text("uri of an asset", uri if uri is not None else name)
        self.group, self.extra, self.watchers = group, dict(extra or {}), list(watchers or [])

    @staticmethod
    def ref(*, name: str | None = None, uri: str | None = None) -> Asset:
        """Another DAG's asset, by one of its names."""
        return Asset(name=name, uri=uri)

    def __or__(self, other: Any) -> AssetAny:
        return AssetAny(self, other)

    def __and__(self, other: Any) -> AssetAll:
        return AssetAll(self, other)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Asset) and (other.name, other.uri) == (self.name, self.uri)

    def __hash__(self) -> int:
        return hash((self.name, self.uri))

    def __str__(self) -> str:
        return self.uri

    def __repr__(self) -> str:
        return f"Asset(name={self.name!r}, uri={self.uri!r})"


class AssetAlias:
    """A name under which a task announces assets it only knows when it runs."""

    def __init__(self, name: str, *, group: str = "asset") -> None:
        self.name, self.group = check_text("name of an asset alias", name), group

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetAlias) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"AssetAlias(name={self.name!r})"


class AssetAll:
    """All of several assets."""

    def __init__(self, *objects: Any) -> None:
        self.objects = objects

    def __or__(self, other: Any) -> AssetAny:
        return AssetAny(self, other)

    def __and__(self, other: Any) -> AssetAll:
        return AssetAll(*self.objects, other)


class AssetAny(AssetAll):
    """Any of several assets."""

    def __or__(self, other: Any) -> AssetAny:
        return AssetAny(*self.objects, other)

    def __and__(self, other: Any) -> AssetAll:
        return AssetAll(self, other)


class AssetOrTimeSchedule:
    """A timetable's runs, and runs whenever ``assets`` change."""

    def __init__(self, *, timetable: Any, assets: Any) -> None:
        self.timetable, self.assets = timetable, assets


class AssetWatcher:
    """A trigger that says when an asset changed."""

    def __init__(self, name: str, trigger: Any) -> None:
        self.name, self.trigger = name, trigger


class Metadata:
    """What a task says about an asset it wrote."""

    def __init__(self, asset: Any, extra: dict[str, Any] | None = None, alias: Any = None) -> None:
        self.asset, self.extra, self.alias = asset, dict(extra or {}), alias


class OutletEvent:
    """What a task notes about one of its outlets; kept nowhere yet."""

    def __init__(self, asset: Any) -> None:
        self.asset, self.extra = asset, dict[str, Any]()

    def add(self, asset: Any, extra: dict[str, Any] | None = None) -> None:
        self.extra.update(extra or {})


class OutletEvents(dict[Any, OutletEvent]):
    """``outlet_events[asset].extra``: made when it is first asked for."""

    def __missing__(self, asset: Any) -> OutletEvent:
        self[asset] = made = OutletEvent(asset)
        return made


class InletEvents(dict[Any, list[Any]]):
    """``inlet_events[asset]``: no events are kept yet, so each list is empty."""

    def __missing__(self, asset: Any) -> list[Any]:
        return []


Dataset, DatasetAlias = Asset, AssetAlias


def is_asset_schedule(schedule: Any) -> bool:
    """Whether a schedule names assets: one, an expression, or a list with one inside."""
    if isinstance(schedule, (Asset, AssetAlias, AssetAll, AssetOrTimeSchedule)):
        return True
    return isinstance(schedule, (list, tuple, set)) and any(is_asset_schedule(each) for each in schedule)
