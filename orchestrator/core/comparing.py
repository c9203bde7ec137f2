"""What differs between two runs of a DAG, and which of it made the later one late.

Times differ from run to run by nature: a task took longer, or waited longer, only where that is more than
:data:`NOISE_SECONDS` and :data:`NOISE_SHARE` of what it was. A start that is late because what it waits for ended late
is no difference of its own, so that one slow task is one line and not one of each task below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from .critical import critical_path
from .spec import DagSpec

NOISE_SECONDS = 1.0
NOISE_SHARE = 0.1

KINDS = (
    *("version", "param", "conf", "run_state", "run_wait"),
    *("state", "tries", "duration", "wait", "xcom", "log", "worker"),
)
"""What may differ; those that explain no delay stand in this order."""

Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Taken:
    """What one task instance came to; ``ended`` is now while it goes on, ``xcoms`` has a hash of each value."""

    task_id: str
    map_index: int
    state: str
    started: datetime | None = None
    ended: datetime | None = None
    is_over: bool = True
    tries: int = 1
    worker: str = ""
    xcoms: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        return (self.ended - self.started).total_seconds() if self.started and self.ended else None


@dataclass(frozen=True)
class Facts:
    """One run as it was, or as it is by now. ``due`` is when it might have begun."""

    state: str
    version: int
    spec: DagSpec
    conf: Mapping[str, Any]
    due: datetime
    started: datetime | None
    ended: datetime | None
    instances: Mapping[Key, Taken]

    @cached_property
    def spans(self) -> dict[str, tuple[datetime, datetime]]:
        """When each task's first instance began, and when its last one ended."""
        found: dict[str, tuple[datetime, datetime]] = {}
        for each in self.instances.values():
            if each.started and each.ended:
                first, last = found.get(each.task_id, (each.started, each.ended))
                found[each.task_id] = min(first, each.started), max(last, each.ended)
        return found

    @cached_property
    def waited(self) -> float | None:
        return max(0.0, (self.started - self.due).total_seconds()) if self.started else None

    @cached_property
    def seconds(self) -> float | None:
        return (self.ended - self.started).total_seconds() if self.started and self.ended else None

    @cached_property
    def params(self) -> dict[str, Any]:
        """What its tasks got: the defaults of its version, and the conf over them."""
        return {name: self.conf.get(name, param.get("value")) for name, param in self.spec.params.items()}

    def wait_of(self, one: Taken) -> float | None:
        """Seconds between the end of what it waited for, or the begin of the run, and its own begin."""
        if one.started is None or self.started is None:
            return None
        task = self.spec.tasks.get(one.task_id)
        ends = [self.spans[each][1] for each in (task.upstream if task else ()) if each in self.spans]
        # With another trigger rule than the usual a task may begin before all above it ended.
        free = max((end for end in ends if end <= one.started), default=self.started)
        return max(0.0, (one.started - free).total_seconds())


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs. ``name`` is of the param or XCom; ``delay`` is what it adds to the later run, in seconds.

    ``is_critical``: it lies on the chain of tasks that made the run take as long as it took.
    """

    kind: str
    before: Any
    after: Any
    task_id: str = ""
    map_index: int = -1
    name: str = ""
    delay: float = 0.0
    is_critical: bool = False


def compare(before: Facts, after: Facts) -> list[Difference]:
    """Return what differs, that which explains the delay first."""
    critical = set(critical_path(after.spec, after.spans))
    found = [*_of_runs(before, after)]
    for key in [*after.instances, *(each for each in before.instances if each not in after.instances)]:
        found += _of_instances(before, after, key, key[0] in critical)
    return in_order(found)


def in_order(found: list[Difference]) -> list[Difference]:
    """Order by what explains the delay: what held the run up, then what else took longer, then the rest by kind."""

    def rank(each: Difference) -> tuple[bool, float, int]:
        holds_up = each.is_critical and each.delay > 0
        return not holds_up, -abs(each.delay), KINDS.index(each.kind)

    return sorted(found, key=rank)


def grew(before: float | None, after: float | None) -> float:
    """Return by how many seconds a time differs; 0 where that is noise, or there is nothing to compare."""
    if before is None or after is None:
        return 0.0
    more = after - before
    return more if abs(more) >= max(NOISE_SECONDS, NOISE_SHARE * before) else 0.0


def _of_runs(before: Facts, after: Facts) -> Iterator[Difference]:
    if before.version != after.version:
        yield Difference("version", before.version, after.version)
    for name in sorted(before.params.keys() | after.params.keys()):
        if before.params.get(name) != after.params.get(name):
            yield Difference("param", before.params.get(name), after.params.get(name), name=name)
    for name in sorted((before.conf.keys() | after.conf.keys()) - before.params.keys() - after.params.keys()):
        if before.conf.get(name) != after.conf.get(name):
            yield Difference("conf", before.conf.get(name), after.conf.get(name), name=name)
    if before.state != after.state:
        yield Difference("run_state", before.state, after.state)
    if more := grew(before.waited, after.waited):
        yield Difference("run_wait", before.waited, after.waited, delay=more, is_critical=True)


def _of_instances(before: Facts, after: Facts, key: Key, critical: bool) -> Iterator[Difference]:
    old, new = before.instances.get(key), after.instances.get(key)
    if old is None or new is None:
        yield Difference("state", old.state if old else None, new.state if new else None, *key)
        return
    if old.state != new.state:
        yield Difference("state", old.state, new.state, *key, is_critical=critical)
    if old.tries != new.tries:
        yield Difference("tries", old.tries, new.tries, *key, is_critical=critical)
    more = grew(old.seconds, new.seconds)
    if more > 0 or (more and old.is_over and new.is_over):  # what goes on is not shorter yet
        yield Difference("duration", old.seconds, new.seconds, *key, delay=more, is_critical=critical)
    waits = before.wait_of(old), after.wait_of(new)
    if more := grew(*waits):
        yield Difference("wait", *waits, *key, delay=more, is_critical=critical)
    if old.worker != new.worker and old.worker and new.worker:
        yield Difference("worker", old.worker, new.worker, *key)
    for name in sorted(old.xcoms.keys() | new.xcoms.keys()):
        if old.xcoms.get(name) != new.xcoms.get(name):
            yield Difference("xcom", old.xcoms.get(name), new.xcoms.get(name), *key, name=name)
