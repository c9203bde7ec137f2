"""How many instances a mapped task or group has, and which elements each instance gets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from .spec import InputSpec, MapSpec

Length = Callable[[str, str], int | None]
"""(task id, XCom key) -> how long what it pushed is; None = not known."""


def input_length(each: InputSpec, length: Length) -> int | None:
    """Return how many elements an input has, or None while that is not known."""
    if each.kind == "literal":
        return each.length
    if each.kind == "xcom":
        return length(each.task_id or "", each.key)
    parts = [input_length(part, length) for part in each.parts]
    if not parts or any(part is None for part in parts):
        return None
    known = [part for part in parts if part is not None]
    if each.kind == "map":
        return known[0]
    if each.kind == "zip":
        return max(known) if each.fill else min(known)
    if each.kind == "concat":
        return sum(known)
    return None


def expand_count(mapped: MapSpec, length: Length) -> int | None:
    """Return how many instances ``mapped`` makes, or None while that is not known."""
    counts = [input_length(each, length) for each in mapped.inputs.values()]
    if any(count is None for count in counts):
        return None
    return math.prod(count for count in counts if count is not None)


def sources(mapped: MapSpec) -> set[str]:
    """Return the tasks whose XComs ``mapped`` expands over."""
    return sources_of(mapped.inputs.values())


def sources_of(inputs: Iterable[InputSpec]) -> set[str]:
    found: set[str] = set()
    pending = list(inputs)
    while pending:
        each = pending.pop()
        if each.task_id is not None:
            found.add(each.task_id)
        pending.extend(each.parts)
    return found
