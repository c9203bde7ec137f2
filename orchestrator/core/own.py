"""Mappers and windows of authors' own: a name and data here, objects only in processes that have loaded the plugins.

The engine works with stand-ins. What a stand-in cannot answer is asked of a process that holds the class.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Json = dict[str, Any]
KIND = "own"
LARGEST = 65536

registered: dict[str, type] = {}
"""The classes that plugins of this process registered, by their paths. Empty in every process of the server's."""


class NotRegistered(TypeError):
    """A class of an author's own that no plugin brings; the message says where to list it."""


def path_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def register(kinds: Iterable[Any]) -> None:
    """Know these classes instead of those from before."""
    registered.clear()
    registered.update({path_of(kind): kind for kind in kinds if isinstance(kind, type)})


def document_of(made: Any, what: str, listed: str) -> Json:
    """Describe an object of an author's own class.

    Raises:
        NotRegistered: no plugin of this process brings the class.
        TypeError: what its ``serialize()`` says cannot be stored.
    """
    kind = type(made)
    path = path_of(kind)
    if registered.get(path) is not kind:
        raise NotRegistered(
            f"{kind.__name__} is a {what} of your own that no plugin registers: list it in {listed} of an AirflowPlugin"
        )
    data = made.serialize()
    try:
        size = len(json.dumps(data))
    except (TypeError, ValueError) as error:
        raise TypeError(f"{kind.__name__}.serialize() must return what JSON can hold: {error}") from error
    if not isinstance(data, dict) or size > LARGEST:
        raise TypeError(f"{kind.__name__}.serialize() must return a dict of at most {LARGEST} bytes as JSON")
    decoded = getattr(kind, "expected_decoded_type", str)
    return {"type": KIND, "class": path, "data": data, "decoded": getattr(decoded, "__name__", str(decoded))}


def made_from(document: Mapping[str, Any]) -> Any:
    """Return the object behind a description, where its class is registered here; else None."""
    kind: Any = registered.get(document["class"])
    return kind.deserialize(document["data"]) if kind is not None else None


def is_within(document: Any) -> bool:
    """Whether something of an author's own is part of a description."""
    if isinstance(document, Mapping):
        return document.get("type") == KIND or any(is_within(each) for each in document.values())
    return isinstance(document, list) and any(is_within(each) for each in document)
