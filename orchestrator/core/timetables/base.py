"""What a timetable is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from orchestrator.core.errors import AirflowTimetableInvalid

TimetableError = AirflowTimetableInvalid
"""What we call it; the class has the name that authors know, since import errors show it."""


@dataclass(frozen=True, slots=True)
class DataInterval:
    start: datetime
    end: datetime

    @classmethod
    def exact(cls, at: datetime) -> DataInterval:
        """An interval of no length."""
        return cls(at, at)


@dataclass(frozen=True, slots=True)
class Restriction:
    """What bounds the next run: earliest and latest logical date (both inclusive), and whether to make up for the past."""

    earliest: datetime | None
    latest: datetime | None
    catchup: bool


@dataclass(frozen=True, slots=True)
class NextRun:
    """One run to come: not before ``run_after``."""

    run_after: datetime
    logical_date: datetime
    interval: DataInterval
    partition_key: str | None = None  # of a run for one partition, which has neither of the two above in the end
    partition_date: datetime | None = None


class Timetable(Protocol):
    """When a DAG runs. Times are aware; answers are in UTC."""

    type: str
    periodic: bool
    can_be_scheduled: bool

    @property
    def summary(self) -> str: ...

    @property
    def description(self) -> str: ...

    def next_run(self, *, last: DataInterval | None, restriction: Restriction, now: datetime) -> NextRun | None: ...

    def infer_manual_interval(self, run_after: datetime) -> DataInterval: ...

    def to_json(self) -> dict[str, Any]: ...
