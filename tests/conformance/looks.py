"""How many looks of Airflow's scheduler it takes until a task instance is scheduled.

One decision of ours follows skips and failures all the way down; a look of Airflow's goes one step, runs what is ready,
and the next look goes on. So what ours has ready at once may belong into several waves of Airflow's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from orchestrator.core import decide
from orchestrator.core.states import TaskState
from runs_app.models import TaskInstance

Key = tuple[str, int]


class Looks:
    """Of each task instance that a decision made ready: how many looks are left until Airflow has it so, too."""

    def __init__(self) -> None:
        self.left: dict[Key, int] = {}

    @contextmanager
    def counted(self) -> Iterator[None]:
        """While decisions are made: note in which of their rounds each task instance was found ready."""
        left = self.left

        class Counting(decide._Round):
            number = 0

            def _round(self, pending: Iterable[str]) -> dict[str, None]:
                self.number += 1
                return super()._round(pending)

            def _move(self, task: Any, index: int, new: TaskState, reason: str) -> bool:
                if new == TaskState.SCHEDULED:
                    left[task.task_id, index] = max(1, self.number)
                return super()._move(task, index, new, reason)

        with mock.patch.object(decide, "_Round", Counting):
            yield

    def next_wave(self, ready: list[TaskInstance]) -> list[TaskInstance]:
        """Those of the ready ones that the same look of Airflow's schedules; the others are some looks nearer then."""
        left = {(row.task_id, row.map_index): self.left.get((row.task_id, row.map_index), 1) for row in ready}
        least = min(left.values())
        # What a limit keeps out of this wave is in the next.
        self.left.update({key: number - least or 1 for key, number in left.items()})
        return [row for row in ready if left[row.task_id, row.map_index] == least]
