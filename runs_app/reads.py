"""What tasks asked for, gathered in the slot and written now and then by the thread that renews its lease."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from dags_app import uses

AGAIN = timedelta(minutes=1)
"""A read of the same task is written once in so long."""
MOST = 1000
"""Kept at most between two writes: a loop that reads thousands of variables must not fill the memory."""


class Reads:
    """The reads of one process that are not written yet."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pending: dict[uses.Key, datetime] = {}
        self.written: dict[uses.Key, datetime] = {}

    def note(self, kind: str, name: str, dag_id: str, task_id: str | None, now: datetime) -> None:
        """Keep that a task has asked for something; never a statement."""
        key = (kind, name, dag_id, task_id or "")
        with self.lock:
            last = self.written.get(key)
            if (last is None or now - last >= AGAIN) and len(self.pending) < MOST:
                self.pending[key] = now

    def write(self) -> int:
        """Write what was gathered; return how much that was. What cannot be written is lost, which costs a date."""
        with self.lock:
            pending, self.pending = self.pending, {}
            if len(self.written) > 10 * MOST:
                self.written.clear()
            self.written.update(pending)
        if pending:
            uses.note_reads(pending)
        return len(pending)


of_this_process = Reads()
