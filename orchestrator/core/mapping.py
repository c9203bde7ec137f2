"""How many instances a mapped task or group has in a branch, and what of pushed values must be known for that.

An input is followed to what it comes from: an argument of a group around is one element of that group's own input, and
so on outwards. ``at`` says which part of a value is meant: a number is an element, a text the value under that key.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from .branches import Branches, Path, chain, depth_of, index_of, maps_of, shared, whole_range
from .spec import DagSpec, InputSpec, MapSpec

At = tuple[int | str, ...]
Length = int | None | Mapping[str, Any]
"""How long a pushed value is; or a mapping with that under "", and the lengths inside it by pattern, see :func:`measure`."""
ANY = "*"


class Lengths:
    """The lengths that expansions of a run depend on; ``pushed`` is by task id, map index and XCom key."""

    def __init__(self, spec: DagSpec, branches: Branches, pushed: Mapping[tuple[str, int, str], Length]) -> None:
        self.spec, self.branches, self.pushed = spec, branches, pushed

    def count(self, task_id: str, path: Path) -> int | None:
        """How many instances, or branches, a task has below a path; None while that is not known."""
        return self._product(task_id, maps_of(self.spec, task_id)[len(path)], path)

    def sources(self, task_id: str, path: Path) -> set[str]:
        """The tasks whose end decides what a task has below a path; what levels around map over has ended before."""
        found: set[str] = set()
        for each in maps_of(self.spec, task_id)[len(path)].inputs.values():
            self._collect(task_id, each, path, found)
        return found

    def _product(self, task_id: str, mapped: MapSpec, path: Path) -> int | None:
        counts = [self._length(task_id, each, path) for each in mapped.inputs.values()]
        if any(count is None for count in counts):
            return None
        return math.prod(count for count in counts if count is not None)

    def _length(self, task_id: str, each: InputSpec, path: Path, at: At = ()) -> int | None:
        found = self._follow(task_id, each, path, at)
        if found is None:
            return None
        each, path, at = found
        if each.kind == "literal":
            return each.length
        if each.kind == "xcom":
            return self._pushed(task_id, each.task_id or "", each.key, path, at)
        known = [length for part in each.parts if (length := self._length(task_id, part, path)) is not None]
        if not known or len(known) < len(each.parts):
            return None
        if each.kind == "concat":
            return sum(known)
        return known[0] if each.kind == "map" else max(known) if each.fill else min(known)

    def _follow(self, task_id: str, each: InputSpec, path: Path, at: At) -> tuple[InputSpec, Path, At] | None:
        """Follow a part of an input to one that is meant as a whole, or to the pushed value that it is a part of."""
        while True:
            if each.kind == "arg":
                found = self._argument(task_id, each, path)
                if found is None:
                    return None
                each, path, at = found[0], found[1], (*found[2], *at)
                continue
            if not at or each.kind == "xcom":
                return each, path, at
            part = self._part(task_id, each, path, at)
            if part is None:
                return None
            each, at = part

    def _part(self, task_id: str, each: InputSpec, path: Path, at: At) -> tuple[InputSpec, At] | None:
        """One part of a literal, a zip or a concat, and what is still to be found in it."""
        place = at[0]
        if each.kind == "literal":
            found = _element(each, place)
            return None if found is None else (found, at[1:])
        if not isinstance(place, int):
            return None
        if each.kind == "zip":
            if len(at) == 1:
                return InputSpec("literal", length=len(each.parts)), ()
            inner = at[1]
            is_there = isinstance(inner, int) and inner < len(each.parts)
            return (each.parts[int(inner)], (place, *at[2:])) if is_there else None
        for part in each.parts if each.kind == "concat" else ():
            length = self._length(task_id, part, path)
            if length is None or place < length:
                return None if length is None else (part, (place, *at[1:]))
            place -= length
        return None

    def _argument(self, task_id: str, each: InputSpec, path: Path) -> tuple[InputSpec, Path, At] | None:
        """What an argument of a group around stands for at a path: an input of that group, and which part of it."""
        around = chain(self.spec, each.group)
        mapped, outer = self.spec.groups[each.group or ""].map, path[: len(around) - 1]
        if mapped is None or len(path) < len(around):
            return None
        place = path[len(around) - 1]
        if mapped.mode == "expand_kwargs":
            return mapped.inputs[""], outer, (place, each.name or "")
        for name in reversed(list(mapped.inputs)):
            length = self._length(task_id, mapped.inputs[name], outer)
            if not length:
                return None
            place, own = divmod(place, length)
            if name == each.name:
                return mapped.inputs[name], outer, (own,)
        return None

    def _collect(self, task_id: str, each: InputSpec, path: Path, found: set[str]) -> None:
        followed = self._follow(task_id, each, path, ())
        if followed is None:
            return
        each, path, at = followed
        if each.kind == "xcom" and not at:
            found.add(each.task_id or "")
        for part in each.parts if each.kind != "literal" else ():
            self._collect(task_id, part, path, found)

    # ---- what tasks pushed

    def _pushed(self, task_id: str, source: str, key: str, path: Path, at: At) -> int | None:
        """A length of what a task pushed in this branch; of one with more levels it is the list of all that was pushed."""
        level, depth = shared(self.spec, task_id, source), depth_of(self.spec, source)
        single = index_of(path[:level], depth)
        whole = self.pushed.get((source, single, key))
        if whole is not None or single in self.branches.instances.get(source, {}) or level == depth > 0:
            return _measured(whole, at)
        indexes = self._indexes.get((source, key), [])
        first, last = whole_range(path[:level], depth) if level else (0, math.inf)
        start, end = bisect_left(indexes, first), bisect_right(indexes, last)
        if not at:
            return end - start
        if not isinstance(at[0], int) or not 0 <= at[0] < end - start:
            return None
        return _measured(self.pushed[source, indexes[start + at[0]], key], at[1:])

    @cached_property
    def _indexes(self) -> dict[tuple[str, str], list[int]]:
        found: dict[tuple[str, str], list[int]] = {}
        for task_id, index, key in self.pushed:
            if index >= 0:
                found.setdefault((task_id, key), []).append(index)
        for indexes in found.values():
            indexes.sort()
        return found


def _element(each: InputSpec, at: int | str) -> InputSpec | None:
    """One element of a literal list, or what a literal dict has under a key."""
    if isinstance(at, str):
        return next((part for part in each.parts if part.name == at), None)
    if at >= len(each.parts):
        return None
    part = each.parts[at]
    return part if part.name is None else InputSpec("literal", length=2, parts=(InputSpec("literal"), part))


def _measured(pushed: Length, at: At) -> int | None:
    if not at:
        return pushed.get("") if isinstance(pushed, Mapping) else pushed
    found: Any = (
        None
        if not isinstance(pushed, Mapping)
        else pushed.get("".join(ANY if isinstance(each, int) else f".{each}" for each in at))
    )
    for each in at:
        if isinstance(each, int):
            found = found[each] if isinstance(found, Sequence) and each < len(found) else None
    return found if isinstance(found, int) else None


def measure(value: Any, patterns: Iterable[str]) -> dict[str, Any]:
    """Return the lengths inside a value: ``*`` is each element of a list or dict, ``.name`` what stands under a key.

    Raises:
        TypeError: what would be mapped over is no list or dict.
    """
    return {pattern: _inside(value, re.findall(r"\*|\.[^.*]+", pattern), "") for pattern in sorted(patterns)}


def _inside(value: Any, rest: Sequence[str], where: str) -> Any:
    if rest and rest[0] != ANY:
        name = rest[0][1:]
        if not isinstance(value, Mapping) or name not in value:
            raise TypeError(f"its element{where} has no {name!r}, which tasks map over")
        return _inside(value[name], rest[1:], f"{where}[{name!r}]")
    if not isinstance(value, (Mapping, Sequence)) or isinstance(value, (str, bytes)):
        raise TypeError(f"tasks map over its element{where}, which is {value!r:.80}: it must be a list or a dict")
    if not rest:
        return len(value)
    elements = value.items() if isinstance(value, Mapping) else value
    return [_inside(each, rest[1:], f"{where}[{place}]") for place, each in enumerate(elements)]


def sources(mapped: MapSpec) -> set[str]:
    """Return the tasks whose XComs ``mapped`` names, in parts of its inputs, too."""
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


# ---- what must be measured when it is pushed


def measured_of(spec: DagSpec, task_id: str) -> frozenset[str]:
    """The patterns of lengths inside a task's result that others expand by, "" left out."""
    if "_measured" not in spec.__dict__:
        found: dict[str, set[str]] = {}
        for owner, group_id, mapped in _mappings(spec):
            for each in mapped.inputs.values():
                _note_measured(spec, owner, group_id, each, (), found)
        spec.__dict__["_measured"] = {each: frozenset(patterns) for each, patterns in found.items()}
    known: dict[str, frozenset[str]] = spec.__dict__["_measured"]
    return known.get(task_id, frozenset())


def _mappings(spec: DagSpec) -> Iterable[tuple[str, str | None, MapSpec]]:
    """Whose mapping it is, the group around, and what it maps over."""
    for group in spec.groups.values():
        if group.map is not None:
            yield f"group {group.group_id!r}", group.parent_id, group.map
    for task in spec.tasks.values():
        if task.map is not None:
            yield f"task {task.task_id!r}", task.group_id, task.map


def _note_measured(
    spec: DagSpec, owner: str, group_id: str | None, each: InputSpec, at: tuple[str, ...], found: dict[str, set[str]]
) -> None:
    """Follow an input outwards as :class:`Lengths` does, for every element at once.

    Raises:
        ValueError: a length inside of what is made while a task runs.
    """
    if each.kind == "xcom":
        _note_pattern(spec, group_id, each.task_id or "", at, found)
    elif each.kind == "arg":
        mapped = spec.groups[each.group or ""].map
        outer = spec.groups[each.group or ""].parent_id
        if mapped is not None and mapped.mode == "expand_kwargs":
            _note_measured(spec, owner, outer, mapped.inputs[""], (ANY, f".{each.name}", *at), found)
        elif mapped is not None and each.name in mapped.inputs:
            _note_measured(spec, owner, outer, mapped.inputs[each.name or ""], (ANY, *at), found)
    elif each.kind == "map" and at:
        raise ValueError(
            f"{owner} maps over an element of what .map() makes: its length is not known before the function has run; "
            "have a task return the list"
        )
    elif each.kind == "zip" and at:
        for part in each.parts if len(at) > 1 else ():
            _note_measured(spec, owner, group_id, part, (at[0], *at[2:]), found)
    elif each.kind == "literal":
        for part in each.parts if at else ():
            if at[0] == ANY or part.name == at[0][1:]:
                _note_measured(spec, owner, group_id, part, at[1:], found)
    else:
        for part in each.parts:
            _note_measured(spec, owner, group_id, part, at, found)


def _note_pattern(
    spec: DagSpec, group_id: str | None, source: str, at: tuple[str, ...], found: dict[str, set[str]]
) -> None:
    if source not in spec.tasks or not at:
        return
    around, own = chain(spec, group_id), chain(spec, spec.tasks[source].group_id)
    level = next((n for n, (a, b) in enumerate(zip(around, own, strict=False)) if a != b), min(len(around), len(own)))
    pattern = "".join(at[1:] if depth_of(spec, source) > level else at)
    if pattern:
        found.setdefault(source, set()).add(pattern)
