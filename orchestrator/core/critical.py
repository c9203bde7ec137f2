"""Which tasks made a run take as long as it took."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from .spec import DagSpec


def critical_path(spec: DagSpec, spans: Mapping[str, tuple[datetime, datetime]]) -> list[str]:
    """Return the tasks that each waited for the one before, that which ended last of all at the end.

    ``spans`` has every task that began: when it did, and when it ended (now while it runs). Of what a task waited
    for, the one that ended last before it began held it up. What still went on then did not, as trigger rules and
    mapped groups allow; where all of it did, the last of these is taken.
    """

    def end(task_id: str) -> tuple[datetime, str]:
        return spans[task_id][1], task_id

    at = max(spans, key=end, default=None)
    path: list[str] = []
    while at is not None:
        path.append(at)
        above = [task_id for task_id in spec.tasks[at].upstream if task_id in spans] if at in spec.tasks else []
        done = [task_id for task_id in above if spans[task_id][1] <= spans[at][0]]
        at = max(done or above, key=end, default=None)
    return path[::-1]
