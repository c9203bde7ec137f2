"""By when runs and tasks are needed: a reference, and an interval after it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .spec import DagSpec

LOGICAL_DATE = "DagRunLogicalDateDeadline"
QUEUED_AT = "DagRunQueuedAtDeadline"
FIXED = "FixedDatetimeDeadline"
AVERAGE = "AverageRuntimeDeadline"
TASK_STARTED = "TaskStartedAtDeadline"
REFERENCES = frozenset({LOGICAL_DATE, QUEUED_AT, FIXED, AVERAGE})
"""Airflow's names for what an interval may start from."""
OF_TASKS = REFERENCES | {TASK_STARTED}
FROM_START = frozenset({AVERAGE, TASK_STARTED})
"""What counts, for a task, from the start of its try, and ends with that."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One deadline as its author defined it."""

    key: str  # the same in every version that defines it
    task_id: str  # "" = the run's own
    document: Mapping[str, Any]

    @property
    def name(self) -> str | None:
        return self.document["name"]

    @property
    def reference_type(self) -> str:
        return str(self.document["reference"]["reference_type"])

    @property
    def is_own(self) -> bool:
        """Whether a class of the author's own says what it counts from."""
        return "class" in self.document["reference"]

    @property
    def counts_from_queue(self) -> bool:
        """Whether it counts anew when the run is queued again."""
        reference = self.document["reference"]
        return self.reference_type == QUEUED_AT or (self.is_own and reference.get("asked_when") == "queued")

    @property
    def from_start(self) -> bool:
        """Whether it begins when its task does, and not with the run."""
        return bool(self.task_id) and self.reference_type in FROM_START and not self.is_own


def alerts_of(spec: DagSpec) -> dict[str, Alert]:
    """Return the deadlines of a DAG and of its tasks by their keys; worked out once for each version.

    A key is made of the name, or of the content where there is no name, or two have the same: so it stays what it is
    when others come, go or change places.
    """
    known: dict[str, Alert] | None = spec.__dict__.get("_alerts")
    if known is None:
        known = {each.key: each for each in _alerts(spec)}
        spec.__dict__["_alerts"] = known
    return known


def _alerts(spec: DagSpec) -> Iterator[Alert]:
    yield from keyed("", spec.deadlines)
    for task in spec.tasks.values():
        if task.deadlines:
            yield from keyed(task.task_id, task.deadlines)


def keyed(task_id: str, documents: Sequence[Mapping[str, Any]]) -> Iterator[Alert]:
    """Give the deadlines of one DAG, or of one of its tasks, their keys."""
    names = Counter(each["name"] for each in documents)
    seen: Counter[str] = Counter()
    for each in documents:
        about = each["name"] if each["name"] is not None and names[each["name"]] == 1 else dict(each)
        text = json.dumps([task_id, about], sort_keys=True)
        seen[text] += 1  # the same twice is called twice
        key = hashlib.sha256(f"{text} {seen[text]}".encode()).hexdigest()[:32]
        yield Alert(key, task_id, each)


def need_by(
    reference: Mapping[str, Any],
    interval: timedelta,
    *,
    logical_date: datetime | None,
    queued_at: datetime,
    now: datetime,
    durations: Sequence[float] = (),
) -> datetime | None:
    """Return the deadline; None where there is none: it lacks a logical date, or there is too little to average.

    ``now``: when the run is made, or the task's try starts. ``durations``: seconds that the last ones took, newest first.
    """
    kind = reference["reference_type"]
    start: datetime | None
    if kind == LOGICAL_DATE:
        start = logical_date
    elif kind == QUEUED_AT:
        start = queued_at
    elif kind == FIXED:
        start = datetime.fromtimestamp(reference["datetime"], UTC)
    elif kind == TASK_STARTED:
        start = now
    else:
        taken = list(durations)[: reference["max_runs"]]
        enough = len(taken) >= reference["min_runs"]
        usual = sum(taken) / len(taken) * reference.get("factor", 1.0) if enough else 0.0
        start = now + timedelta(seconds=usual) if enough else None
    return start + interval if start is not None else None
