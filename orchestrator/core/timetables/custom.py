"""A timetable of the author's own, as the server knows it: what to call it, and that others must be asked when it runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .base import DataInterval, NextRun, Restriction, TimetableError


class StoredTimetable:
    """Shows what the author's class said of itself; it is asked in processes that run user code only."""

    type = "custom"

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.summary = str(document.get("summary") or document["class"])
        self.description = str(document.get("description") or "")
        self.periodic = bool(document.get("periodic", True))
        self.can_be_scheduled = bool(document.get("can_be_scheduled", True))

    def next_run(self, *, last: DataInterval | None, restriction: Restriction, now: datetime) -> NextRun | None:
        raise TimetableError(f"{self.document['class']} is asked where its file is parsed, not here")

    def infer_manual_interval(self, run_after: datetime) -> DataInterval:
        return DataInterval(run_after, run_after)

    def to_json(self) -> dict[str, Any]:
        return self.document
