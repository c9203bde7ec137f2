"""Partition mappers: which key of a consumer's run a key of an asset's event belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

from orchestrator.core import own

from .policies import WaitForAll, WaitPolicy, policy_from_json
from .windows import Window, window_from_json

Json = dict[str, Any]
MOST_KEYS = 1000
"""Keys that one event may lead to, where its mapper sets no limit."""


class PartitionMapper:
    """Base of the mappers. Those of authors' own are asked in a process that has loaded the plugins."""

    kind: ClassVar[str] = ""
    is_rollup: ClassVar[bool] = False
    expected_decoded_type: ClassVar[type] = str

    def __init__(self, *, max_downstream_keys: int | None = None) -> None:
        if max_downstream_keys is not None and (not isinstance(max_downstream_keys, int) or max_downstream_keys < 1):
            raise ValueError(f"max_downstream_keys must be a positive integer or None, got {max_downstream_keys!r}")
        self.max_downstream_keys = max_downstream_keys

    def to_downstream(self, key: str) -> str | Iterable[str]:
        """Return the key, or keys, that an event's key belongs to."""
        raise NotImplementedError

    def decode_downstream(self, downstream_key: str) -> Any:
        """Return what a key of the consumer stands for: itself, or a time."""
        return downstream_key

    def encode_upstream(self, decoded: Any) -> str:
        """Return the key that an event for ``decoded`` would carry."""
        return str(decoded)

    def to_partition_date(self, downstream_key: str) -> datetime | None:
        """When the part of the data begins; None where the key says nothing of time."""
        return None

    def carry_partition_date(self, date: datetime | None) -> datetime | None:
        """The producer's date where it is the consumer's, too."""
        return None

    def keys_for(self, key: str) -> list[str]:
        """Return the keys that an event's key belongs to, checked.

        Raises:
            ValueError: it belongs to none, or to more than are allowed.
        """
        found = self.to_downstream(key)
        keys = [found] if isinstance(found, str) else list(dict.fromkeys(found))
        most = self.max_downstream_keys or MOST_KEYS
        if len(keys) > most:
            raise ValueError(f"{key!r} belongs to {len(keys)} keys; at most {most} are made from one event")
        for each in keys:
            if not isinstance(each, str) or not each.strip() or len(each) > 250:
                raise ValueError(f"{key!r} belongs to {each!r:.300}, which is no key of 1 to 250 characters")
        return keys

    def fields(self) -> Json:
        """What :meth:`to_json` says beside the kind."""
        return {}

    def serialize(self) -> Json:
        """What :meth:`deserialize` makes an equal one of; for mappers of authors' own."""
        return {}

    @classmethod
    def deserialize(cls, data: Json) -> PartitionMapper:
        return cls()

    def to_json(self) -> Json:
        if type(self) is not KINDS.get(self.kind):
            found = own.document_of(self, "partition mapper", "partition_mappers")
            return {**found, "wait_policy": self.wait_policy.to_json()} if self.is_rollup else found  # type: ignore[attr-defined]
        limit = {} if self.max_downstream_keys is None else {"max_downstream_keys": self.max_downstream_keys}
        return {"type": self.kind, **self.fields(), **limit}

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class IdentityMapper(PartitionMapper):
    """The key as it is."""

    kind = "identity"

    def to_downstream(self, key: str) -> str:
        return key

    def carry_partition_date(self, date: datetime | None) -> datetime | None:
        return date


class AllowedKeyMapper(PartitionMapper):
    """The key as it is, if it is one of a list."""

    kind = "allowed"

    def __init__(self, allowed_keys: list[str], *, max_downstream_keys: int | None = None) -> None:
        super().__init__(max_downstream_keys=max_downstream_keys)
        self.allowed_keys = list(allowed_keys)

    def to_downstream(self, key: str) -> str:
        if key not in self.allowed_keys:
            raise ValueError(f"Key {key!r} not in allowed keys {self.allowed_keys}")
        return key

    def fields(self) -> Json:
        return {"allowed_keys": self.allowed_keys}


class FixedKeyMapper(PartitionMapper):
    """One key whatever the event's."""

    kind = "fixed"

    def __init__(self, downstream_key: str, *, max_downstream_keys: int | None = None) -> None:
        if not downstream_key or not isinstance(downstream_key, str):
            raise ValueError(f"FixedKeyMapper downstream_key must be a non-empty str; got {downstream_key!r}.")
        super().__init__(max_downstream_keys=max_downstream_keys)
        self.downstream_key = downstream_key

    def to_downstream(self, key: str) -> str:
        return self.downstream_key

    def fields(self) -> Json:
        return {"downstream_key": self.downstream_key}


class _Several(PartitionMapper):
    def __init__(
        self,
        mapper0: PartitionMapper,
        mapper1: PartitionMapper,
        /,
        *mappers: PartitionMapper,
        max_downstream_keys: int | None = None,
    ) -> None:
        super().__init__(max_downstream_keys=max_downstream_keys)
        self.mappers = [mapper0, mapper1, *mappers]

    def fields(self) -> Json:
        return {"mappers": [each.to_json() for each in self.mappers]}


class ProductMapper(_Several):
    """Keys of several parts, ``us|2026-03-01``: each part by a mapper of its own."""

    kind = "product"

    def __init__(self, *mappers: PartitionMapper, delimiter: str = "|", max_downstream_keys: int | None = None) -> None:
        super().__init__(*mappers, max_downstream_keys=max_downstream_keys)
        self.delimiter = delimiter

    def to_downstream(self, key: str) -> str:
        parts = key.split(self.delimiter)
        if len(parts) != len(self.mappers):
            raise ValueError(f"Expected {len(self.mappers)} segments in key, got {len(parts)}")
        found = [mapper.to_downstream(part) for mapper, part in zip(self.mappers, parts, strict=True)]
        if not all(isinstance(each, str) for each in found):
            raise TypeError("the mappers of a ProductMapper must return a single key each")
        return self.delimiter.join(map(str, found))

    def to_partition_date(self, downstream_key: str) -> datetime | None:
        parts = downstream_key.split(self.delimiter)
        if len(parts) != len(self.mappers):
            return None
        dates = [mapper.to_partition_date(part) for mapper, part in zip(self.mappers, parts, strict=True)]
        known = [date for date in dates if date is not None]
        return known[0] if len(known) == 1 else None

    def fields(self) -> Json:
        return {**super().fields(), "delimiter": self.delimiter}


class ChainMapper(_Several):
    """One mapper after the other."""

    kind = "chain"

    def to_downstream(self, key: str) -> str | list[str]:
        keys = [key]
        for mapper in self.mappers:
            following: list[str] = []
            for each in keys:
                found = mapper.to_downstream(each)
                following += [found] if isinstance(found, str) else list(found)
            keys = following
        return keys[0] if len(keys) == 1 else keys

    def to_partition_date(self, downstream_key: str) -> datetime | None:
        return self.mappers[-1].to_partition_date(downstream_key)


class RollupMapper(PartitionMapper):
    """Many keys into one: the run waits until enough of its ``window`` has arrived."""

    kind = "rollup"
    is_rollup = True

    def __init__(
        self,
        *,
        upstream_mapper: PartitionMapper,
        window: Window,
        wait_policy: WaitPolicy | None = None,
        max_downstream_keys: int | None = None,
    ) -> None:
        if upstream_mapper.expected_decoded_type is not window.expected_decoded_type:
            raise TypeError(
                f"{type(window).__name__} is made of {window.expected_decoded_type.__name__}, but keys of "
                f"{type(upstream_mapper).__name__} stand for {upstream_mapper.expected_decoded_type.__name__}: "
                "pair a window and a mapper of one kind"
            )
        super().__init__(max_downstream_keys=max_downstream_keys)
        self.upstream_mapper, self.window = upstream_mapper, window
        self.wait_policy = wait_policy if wait_policy is not None else WaitForAll()

    def to_downstream(self, key: str) -> str | Iterable[str]:
        return self.upstream_mapper.to_downstream(key)

    def to_upstream(self, downstream_key: str) -> frozenset[str]:
        """Return every key that is expected for a key of the consumer."""
        decoded = self.upstream_mapper.decode_downstream(downstream_key)
        return frozenset(self.upstream_mapper.encode_upstream(each) for each in self.window.to_upstream(decoded))

    def to_partition_date(self, downstream_key: str) -> datetime | None:
        return self.upstream_mapper.to_partition_date(downstream_key)

    def fields(self) -> Json:
        return {
            "upstream_mapper": self.upstream_mapper.to_json(),
            "window": self.window.to_json(),
            "wait_policy": self.wait_policy.to_json(),
        }


class OwnMapper(PartitionMapper):
    """Stands for a mapper of an author's own where its class is not: it says nothing by itself."""

    def __init__(self, document: Json) -> None:
        super().__init__()
        self.document = document
        self.is_rollup = "wait_policy" in document  # type: ignore[misc]
        if self.is_rollup:
            self.wait_policy = policy_from_json(document["wait_policy"])
        self.expected_decoded_type = DECODED.get(document["decoded"], str)  # type: ignore[misc]

    def to_json(self) -> Json:
        return self.document


DECODED: dict[str, type] = {"datetime": datetime, "str": str}
KINDS: dict[str, Any] = {
    each.kind: each
    for each in (IdentityMapper, AllowedKeyMapper, FixedKeyMapper, ProductMapper, ChainMapper, RollupMapper)
}
PARTS = {"upstream_mapper", "downstream_mapper"}


def mapper_from_json(document: Json) -> PartitionMapper:
    """Return the mapper that ``to_json`` described.

    Raises:
        KeyError, TypeError, ValueError: it is none of ours.
    """
    if document["type"] == own.KIND:
        made: PartitionMapper = own.made_from(document) or OwnMapper(document)
        return made
    values = {name: value for name, value in document.items() if name != "type"}
    kind = KINDS[document["type"]]
    for name in PARTS & values.keys():
        values[name] = mapper_from_json(values[name])
    if "window" in values:
        values["window"] = window_from_json(values["window"])
    if "wait_policy" in values:
        values["wait_policy"] = policy_from_json(values["wait_policy"])
    several = [mapper_from_json(each) for each in values.pop("mappers", ())]
    found: PartitionMapper = kind(*several, **values)
    return found
