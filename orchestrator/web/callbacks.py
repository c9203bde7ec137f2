"""What of an author's was called because a run ended, started or was late, and what it said."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext

from runs_app import logs
from runs_app.models import Callback

TAIL_BYTES = 64 * 1024
MOST_LINES = 200
GLYPHS = {"called": "success", "failed": "failed", "gave up": "failed", "running": "running", "waiting": "scheduled"}
"""A callback's state -> the state whose glyph shows it."""


@dataclass
class Called:
    """One callback as the page shows it."""

    row: Callback
    lines: list[dict[str, Any]] = field(default_factory=list)
    is_cut: bool = False  # there is more of the log than is shown

    @property
    def state(self) -> str:
        if self.row.done_at is not None:
            return self.row.outcome or "called"
        return "running" if self.row.process_id is not None else "waiting"

    @property
    def glyph(self) -> str:
        return GLYPHS[self.state]

    @property
    def what(self) -> str:
        if self.row.kind == "deadline":
            return gettext("deadline missed")
        if self.row.kind.startswith("told_"):
            return gettext("listeners of {hook}").format(hook=self.row.kind.removeprefix("told_"))
        return "on_dag_run_running" if self.row.kind == "running" else f"on_{self.row.kind}_callback"


def called(rows: Iterable[Callback]) -> list[Called]:
    """Return callbacks of runs with the ends of their logs; those of tasks write into their attempts' logs."""
    found = []
    for row in rows:
        each = Called(row)
        if row.has_own_log:
            key = logs.key_of_callback(row)
            size = logs.store().size(key)
            data, _, _ = logs.store().read(key, max(0, size - TAIL_BYTES), TAIL_BYTES)
            lines = data.splitlines()[1 if size > TAIL_BYTES else 0 :]
            each.is_cut = size > TAIL_BYTES or len(lines) > MOST_LINES
            each.lines = [record_of(line) for line in lines[-MOST_LINES:]]
        found.append(each)
    return found


def record_of(line: bytes) -> dict[str, Any]:
    """A line of a log; one that is no record of ours is shown as it is."""
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"event": line.decode("utf-8", "replace")}
