"""What a task sees and says of asset events: ``outlet_events``, ``inlet_events``, ``triggering_asset_events``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from .assets import Asset, AssetAlias, AssetRef
from .comms import ask

Json = dict[str, Any]
LONGEST_KEY = 250


def find_asset(*, name: str | None = None, uri: str | None = None) -> Asset:
    """Return the active asset of a name or URI.

    Raises:
        LookupError: there is none.
    """
    found = ask("asset", name=name, uri=uri)
    if found is None:
        raise LookupError(f"no active asset has the {'name' if name else 'URI'} {(name or uri)!r}")
    return _asset(found)


def _asset(found: Json) -> Asset:
    return Asset(found["name"], found["uri"], group=found["group"], extra=found["extra"])


def _key(thing: Any) -> Any:
    """What identifies an asset or alias; a reference is looked up."""
    if isinstance(thing, AssetRef):
        thing = find_asset(**{thing.field: thing.value})
    if isinstance(thing, Asset):
        return thing.name, thing.uri
    if isinstance(thing, AssetAlias):
        return thing.name
    raise TypeError(f"Key should be either an asset or an asset alias, not {type(thing)}")


def _named(thing: Any, among: Iterable[Any]) -> Any:
    """The asset or alias of that name or URI, where a text names one of these."""
    if not isinstance(thing, str):
        return thing
    return next(
        (each for each in among if thing in (getattr(each, "name", None), getattr(each, "uri", None))),
        thing,
    )


def _thing(key: Any) -> Asset | AssetAlias:
    return AssetAlias(key) if isinstance(key, str) else Asset(*key)


class _ByAsset(Mapping[Any, Any]):
    """A mapping that also answers for an asset's name or URI alone."""

    def for_asset(self, *, name: str | None = None, uri: str | None = None) -> Any:
        if name and uri:
            return self[Asset(name=name, uri=uri)]
        if not name and not uri:
            raise ValueError("name and uri cannot both be None")
        return self[Asset.ref(name=name) if name else Asset.ref(uri=uri or "")]

    def for_asset_alias(self, *, name: str) -> Any:
        return self[AssetAlias(name=name)]


class OutletEvent:
    """What a task notes about one of its outlets."""

    def __init__(self, key: Any) -> None:
        self.key = key
        self.extra: Json = {}
        self.partition_keys: set[str] = set()
        self.asset_alias_events: list[Json] = []

    def add(self, asset: Any, extra: Json | None = None) -> None:
        """Announce an asset under this alias."""
        if not isinstance(self.key, str):
            return
        if isinstance(asset, AssetRef):
            asset = find_asset(**{asset.field: asset.value})
        about = {"name": asset.name, "uri": asset.uri, "group": asset.group, "extra": asset.extra}
        self.asset_alias_events.append({"alias": self.key, "asset": about, "extra": dict(extra or {})})

    def add_partitions(self, keys: str | list[str]) -> None:
        """Say which partitions were written: one event each."""
        if isinstance(self.key, str):
            raise TypeError(
                "add_partitions() is not supported on asset alias outlet events; "
                "partition keys can only be attached to a concrete asset."
            )
        keys = [keys] if isinstance(keys, str) else list(keys)
        for key in keys:
            if not key.strip():
                raise ValueError(f"partition_key must not be empty or whitespace-only; got {key!r}.")
            if len(key) > LONGEST_KEY:
                raise ValueError(f"partition_key must be at most {LONGEST_KEY} characters; got {len(key)}.")
        self.partition_keys.update(keys)

    def __repr__(self) -> str:
        return f"OutletEvent({self.key!r}, extra={self.extra!r})"


class OutletEvents(_ByAsset):
    """``outlet_events[asset].extra``: each is made when it is first asked for."""

    def __init__(self, by_name: Iterable[Any] = ()) -> None:
        self.events: dict[Any, OutletEvent] = {}
        self.by_name = by_name

    def __getitem__(self, thing: Any) -> OutletEvent:
        key = _key(_named(thing, self.by_name))
        if key not in self.events:
            self.events[key] = OutletEvent(key)
        return self.events[key]

    def __iter__(self) -> Iterator[Any]:
        return iter([_thing(key) for key in self.events])

    def __len__(self) -> int:
        return len(self.events)

    def note(self, metadata: Any) -> None:
        """Take in a ``Metadata`` that the task yielded."""
        self[metadata.asset].extra.update(metadata.extra)
        if metadata.alias is not None:
            self[metadata.alias].add(metadata.asset, extra=metadata.extra)

    def to_json(self) -> list[Json]:
        """Return what was noted as the supervisor is told it.

        Raises:
            TypeError: an extra that is no JSON; the message names the asset.
        """
        found: list[Json] = []
        for key, event in self.events.items():
            if isinstance(key, tuple):
                keys: list[str | None] = sorted(event.partition_keys) or [None]  # type: ignore[assignment]
                found += [{"asset": list(key), "extra": event.extra, "partition_key": each} for each in keys]
            found += event.asset_alias_events
        for each in found:
            try:
                json.dumps(each, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise TypeError(f"the extra of the event of asset {each['asset']} is no JSON: {error}") from error
        return found

    def __repr__(self) -> str:
        return f"OutletEvents({list(self.events.values())!r})"


class AssetEvent:
    """One event of an asset."""

    def __init__(self, found: Json) -> None:
        import pendulum

        self.id, self.extra = found["id"], found["extra"]
        self.timestamp = pendulum.parse(found["timestamp"])
        self.asset = _asset(found["asset"])
        self.uri, self.name, self.group = self.asset.uri, self.asset.name, self.asset.group
        self.source_aliases = [AssetAlias(name) for name in found["aliases"]]
        self.source_dag_id, self.source_run_id = found["source_dag_id"], found["source_run_id"]
        self.source_task_id, self.source_map_index = found["source_task_id"], found["source_map_index"]
        self.partition_key = found["partition_key"]
        self._runs = found.get("created_dagruns") or []

    @cached_property
    def created_dagruns(self) -> list[Any]:
        return [_run(each) for each in self._runs]

    @cached_property
    def source_dag_run(self) -> Any:
        """The run that made it; None where no task did, or the run is gone."""
        if not self.source_dag_id or not self.source_run_id:
            return None
        found = ask("dag_run", dag_id=self.source_dag_id, run_id=self.source_run_id)
        return _run(found) if found is not None else None

    @property
    def source_task_instance(self) -> Any:
        if self.source_task_id is None or self.source_dag_run is None:
            return None
        return SourceTaskInstance(self)

    def __repr__(self) -> str:
        return f"AssetEvent(id={self.id}, asset={self.asset!r}, timestamp={self.timestamp}, extra={self.extra!r})"


def _run(found: Json) -> Any:
    import importlib

    # By name: what a task sees of a run is above what describes it.
    return importlib.import_module("orchestrator.runtime.context").RuntimeDagRun(found)


class SourceTaskInstance:
    """The task instance that an event came from."""

    def __init__(self, event: AssetEvent) -> None:
        self.dag_run, self.dag_id, self.run_id = event.source_dag_run, event.source_dag_id, event.source_run_id
        self.task_id, self.map_index = event.source_task_id, event.source_map_index

    def xcom_pull(self, *, key: str = "return_value", default: Any = None) -> Any:
        """Return what it pushed."""
        from .xcom_json import decode

        entries = ask(
            "xcom",
            task_ids=[self.task_id],
            key=key,
            map_indexes=self.map_index,
            dag_id=self.dag_id,
            run_id=self.run_id,
        )
        return decode(entries[0]["value"]) if entries else default


class InletEventsOf(Sequence[AssetEvent]):
    """The events of one inlet, oldest first, read when they are first looked at; ``after``, ``before``, ``limit`` narrow them."""

    def __init__(self, **what: Any) -> None:
        self.query: Json = {**what, "after": None, "before": None, "ascending": True, "limit": None}

    def _with(self, **narrower: Any) -> InletEventsOf:
        self.query.update(narrower)
        self.__dict__.pop("found", None)
        return self

    def after(self, after: Any) -> InletEventsOf:
        return self._with(after=_moment(after))

    def before(self, before: Any) -> InletEventsOf:
        return self._with(before=_moment(before))

    def ascending(self, ascending: bool = True) -> InletEventsOf:
        return self._with(ascending=bool(ascending))

    def limit(self, limit: int) -> InletEventsOf:
        return self._with(limit=limit)

    @cached_property
    def found(self) -> list[AssetEvent]:
        return [AssetEvent(each) for each in ask("asset_events", **self.query)]

    def __getitem__(self, place: Any) -> Any:
        return self.found[place]

    def __len__(self) -> int:
        return len(self.found)

    def __repr__(self) -> str:
        return repr(self.found)


def _moment(value: Any) -> str:
    return value if isinstance(value, str) else value.isoformat()


class InletEvents(_ByAsset):
    """``inlet_events[asset]``: the events of the task's inlets; a number names an inlet by its place."""

    def __init__(self, inlets: Iterable[Any], *, by_name: bool = False) -> None:
        self.inlets = list(inlets)
        self.by_name = self.inlets if by_name else []

    def __getitem__(self, thing: Any) -> InletEventsOf:
        if isinstance(thing, int):
            thing = self.inlets[thing]
            if not isinstance(thing, (Asset, AssetAlias, AssetRef)):
                raise IndexError(thing)
        key = _key(_named(thing, self.by_name))
        if key not in self._keys:
            raise KeyError(thing)
        return InletEventsOf(alias=key) if isinstance(key, str) else InletEventsOf(name=key[0], uri=key[1])

    @cached_property
    def _keys(self) -> set[Any]:
        return {_key(each) for each in self.inlets if isinstance(each, (Asset, AssetAlias, AssetRef))}

    def __iter__(self) -> Iterator[Any]:
        return iter(self.inlets)

    def __len__(self) -> int:
        return len(self.inlets)


class TriggeringAssetEvents(_ByAsset):
    """The events that the run was made for, by asset and by alias."""

    def __init__(self, found: Iterable[Json]) -> None:
        self.events: dict[Any, list[AssetEvent]] = {}
        for event in map(AssetEvent, found):
            for thing in (event.asset, *event.source_aliases):
                self.events.setdefault(_key(thing), []).append(event)

    def __getitem__(self, thing: Any) -> list[AssetEvent]:
        found = self.events.get(_key(thing))
        if found is None:
            raise KeyError(thing)
        return found

    def __iter__(self) -> Iterator[Any]:
        return iter([_thing(key) for key in self.events])

    def __len__(self) -> int:
        return len(self.events)

    def __repr__(self) -> str:
        return f"TriggeringAssetEvents({self.events!r})"
