"""What was found in Airflow, whatever it was read from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

KINDS = ("connections", "variables", "pools", "dags")


class Unreadable(Exception):
    """A source cannot be read at all; the message says which and why, and holds no secret."""


@dataclass(slots=True)
class DagState:
    """How a DAG stands there. ``end`` is None where Airflow did not store it: the timetable knows it."""

    is_paused: bool | None = None
    start: datetime | None = None  # data interval of the last scheduled or backfilled run
    end: datetime | None = None
    under_way: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """One thing that is not taken, and why."""

    kind: str
    name: str
    reason: str


@dataclass(slots=True)
class Found:
    """Entries by their names, as exports have them; ``left``: what there is besides and stays where it is."""

    connections: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    pools: dict[str, Any] = field(default_factory=dict)
    dags: dict[str, DagState] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def refuse(self, kind: str, name: Any, reason: str) -> None:
        self.refused.append(Refused(kind, str(name), reason))

    def add(self, other: Found) -> None:
        """Take in what another source has; of the same name the later one counts."""
        for kind in KINDS:
            getattr(self, kind).update(getattr(other, kind))
        self.refused += other.refused
        self.left += other.left
