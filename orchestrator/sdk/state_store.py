"""What a task remembers over its tries: ``context["task_state_store"]``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from .assets import Asset, AssetAlias, AssetNameRef, AssetUriRef
from .comms import ask

Json = Any


NEVER_EXPIRE = timedelta.max
"""``retention`` of a key that stays until it is deleted."""


class Store:
    """Keys and JSON values. ``scope`` goes with every question."""

    def __init__(self, kind: str, **scope: Json) -> None:
        self._kind, self._scope = kind, scope

    def _ask(self, what: str, **args: Json) -> Json:
        return ask(f"{self._kind}_{what}", **self._scope, **args)

    def get(self, key: str, default: Json = None) -> Json:
        """Return the value, ``default`` where there is none."""
        found = self._ask("get", key=key)
        return default if found is None else found["value"]

    def delete(self, key: str) -> None:
        """Delete the key if it is there."""
        self._ask("delete", key=key)

    async def aget(self, key: str, default: Json = None) -> Json:
        return self.get(key, default)

    async def adelete(self, key: str) -> None:
        self.delete(key)

    async def aset(self, *args: Any, **kwargs: Any) -> None:
        self.set(*args, **kwargs)

    async def aclear(self, *args: Any, **kwargs: Any) -> None:
        self.clear(*args, **kwargs)

    def set(self, key: str, value: Json) -> None:
        """Write a value; None is no value."""
        self._ask("set", key=key, value=checked(key, value))

    def clear(self) -> None:
        """Delete every key."""
        self._ask("clear")


class TaskStateStore(Store):
    """The store of one task instance. Other tasks cannot see it; its next try can."""

    def __init__(self) -> None:
        super().__init__("task_store")

    def set(self, key: str, value: Json, *, retention: timedelta | None = None) -> None:
        """Write a value that expires after ``retention`` (default: as the server is set; ``NEVER_EXPIRE``).

        Raises:
            ValueError: None, or a value without a JSON form.
            TypeError: ``retention`` is no timedelta.
        """
        if retention is not None and not isinstance(retention, timedelta):
            raise TypeError(f"retention must be a timedelta or NEVER_EXPIRE, not {retention!r}")
        never = retention == NEVER_EXPIRE
        seconds = retention.total_seconds() if retention is not None and not never else None
        self._ask("set", key=key, value=checked(key, value), retention=seconds, never=never)

    def clear(self, all_map_indices: bool = False) -> None:
        """Delete every key of this instance, or of all instances of a mapped task."""
        self._ask("clear", all_map_indices=all_map_indices)


def checked(key: str, value: Json) -> Json:
    """Return a value that has a JSON form, as JSON has it.

    Raises:
        ValueError: None, NaN, or something else without one.
    """
    if value is None:
        raise ValueError(f"the state store cannot keep None under {key!r}: delete the key instead")
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except TypeError as error:
        raise ValueError(f"the value of {key!r} has no JSON form ({error}): store a text or a number of it") from error


class AssetStateStore(Store):
    """The store of one asset, which all tasks that name it share, over all runs."""

    def __init__(self, *, name: str | None = None, uri: str | None = None) -> None:
        super().__init__("asset_store", name=name, uri=uri)

    def __repr__(self) -> str:
        return f"<AssetStateStore {self._scope['name'] or self._scope['uri']}>"


class AssetStateStores(Mapping[Any, AssetStateStore]):
    """``context["asset_state_store"]``: by asset; where the task names one asset only, that one's store itself."""

    def __init__(self, inlets: Iterable[Any], outlets: Iterable[Any]) -> None:
        self._by_key: dict[tuple[str, str], AssetStateStore] = {}
        for each in inlets:
            self._add(each)
            if isinstance(each, AssetAlias):  # those that were announced under it so far
                for found in ask("alias_assets", name=each.name):
                    self._by_key.setdefault(("name", found["name"]), AssetStateStore(name=found["name"]))
        for each in outlets:
            self._add(each)

    def _add(self, each: Any) -> None:
        key = _key(each)
        if key is not None:
            self._by_key.setdefault(key, AssetStateStore(**{key[0]: key[1]}))  # type: ignore[arg-type]

    def __getitem__(self, asset: Any) -> AssetStateStore:
        key = _key(asset)
        if key is None:
            raise TypeError(f"the state store of an asset is asked for by an asset, not by a {type(asset).__name__}")
        if key not in self._by_key:
            raise KeyError(f"{asset!r} is not in this task's inlets or outlets")
        return self._by_key[key]

    def __iter__(self) -> Any:
        return iter(self._by_key)

    def __len__(self) -> int:
        return len(self._by_key)

    def _only(self) -> AssetStateStore:
        if len(self._by_key) != 1:
            raise ValueError(f"the task names {len(self)} assets: say which, as in asset_state_store[MY_ASSET]")
        return next(iter(self._by_key.values()))

    def get(self, key: str, default: Json = None) -> Json:  # type: ignore[override]
        return self._only().get(key, default)

    def set(self, key: str, value: Json) -> None:
        self._only().set(key, value)

    def delete(self, key: str) -> None:
        self._only().delete(key)

    def clear(self) -> None:
        self._only().clear()

    async def aget(self, key: str, default: Json = None) -> Json:
        return self.get(key, default)

    async def aset(self, key: str, value: Json) -> None:
        self.set(key, value)

    async def adelete(self, key: str) -> None:
        self.delete(key)

    async def aclear(self) -> None:
        self.clear()


def _key(asset: Any) -> tuple[str, str] | None:
    """By what an asset is known; None for what is none."""
    if isinstance(asset, AssetUriRef):
        return ("uri", asset.uri)
    return ("name", asset.name) if isinstance(asset, (Asset, AssetNameRef)) else None
