"""Attempts that look hung: no sign of life for long. Told with the stack of their threads, and taken back when they go on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from orchestrator.core.spec import TaskSpec
from orchestrator.runtime.protocol import DUMP_SIGNAL

from . import notify
from .models import Attempt
from .relay import Relay
from .vitals import LONGEST_STACK, Vitals, can_dump, waits_by_design, where

OVERRIDE = "looks_hung_after"
"""In a task's ``executor_config``: seconds for this task alone, 0 = never."""


def patience(task: TaskSpec | None) -> float:
    """Return after how many seconds without a sign of life a task looks hung (0 = never)."""
    own = task.display.get("executor_config") if task is not None else None
    said = own.get(OVERRIDE) if isinstance(own, Mapping) else None
    return float(said) if isinstance(said, (int, float)) and said >= 0 else float(settings.ORCH.hung_seconds)


class Watch:
    """Looks after one attempt with each heartbeat; writes only when it begins to look hung, and when it goes on."""

    def __init__(self, row: Mapping[str, Any], after: float, relay: Relay) -> None:
        self.row, self.after, self.relay = row, after, relay
        self.vitals: Vitals | None = None
        self.asked = self.told = False

    def begin(self, pid: int) -> None:
        self.vitals = Vitals(pid, self.after)

    def look(self) -> None:
        vitals = self.vitals
        if vitals is None:
            return
        silent = vitals.look(self.relay.heard_at)
        if silent and not self.asked:
            self._ask(vitals)
        elif silent and not self.told:
            self._tell(vitals, silent)
        elif not silent and self.asked:
            self.asked, self.relay.stack = False, None
            if self.told:
                self.told = False
                self._write(hung_since=None)

    def _ask(self, vitals: Vitals) -> None:
        """Have the child say where it stands; what it answers is here by the next look."""
        self.asked, self.relay.stack = True, bytearray()
        if can_dump(vitals.pid):
            try:
                os.kill(vitals.pid, DUMP_SIGNAL)
            except ProcessLookupError:
                return
        vitals.forget()

    def _tell(self, vitals: Vitals, silent: float) -> None:
        stack = bytes(self.relay.stack or b"").decode("utf-8", "replace")
        if waits_by_design(stack):
            return
        self.told = True
        self.relay.stack = None
        below = (
            [f"{pid} {name}" for pid, name in vitals.last.processes.items() if pid != vitals.pid] if vitals.last else []
        )
        text = _of_the_task(stack) + (f"\nProcesses it started: {', '.join(below)}" if below else "")
        since = timezone.now() - timedelta(seconds=silent)
        self._write(hung_since=since, stack=self.relay.masker.mask(text)[:LONGEST_STACK])

    def _write(self, **fields: Any) -> None:
        row = self.row
        attempts = Attempt.objects.filter(task_instance_id=row["id"], token=row["token"], outcome__isnull=True)
        if attempts.update(**fields):
            notify.run_changed(row["run_id"], row["dag_id"])

    def used(self, cpu_seconds: float | None, peak_bytes: int | None) -> tuple[float | None, int | None]:
        """Return what it took: what its end told, or more where the samples of all its processes together saw more."""
        vitals = self.vitals
        if vitals is None or vitals.last is None:
            return cpu_seconds, peak_bytes
        return max(cpu_seconds or 0.0, vitals.cpu_seconds), max(peak_bytes or 0, vitals.peak_bytes)


def _of_the_task(stack: str) -> str:
    """A stack without the frames below the task, which are the same in each."""
    lines = stack.splitlines()
    return "\n".join(line for line in lines if not any(each in line for each in ("/orchestrator/runtime/", "<frozen ")))


def sentence(attempt: Attempt) -> str:
    """Say of an attempt that looks hung where it stands."""
    at = where(attempt.stack or "")
    return "no processor time, no output, nothing read or sent" + (f"; it stands at {at}" if at else "")


def of_run(run_pk: int) -> list[Attempt]:
    """Return the attempts of a run that look hung now."""
    found = _hung().filter(task_instance__run_id=run_pk)
    return list(found.select_related("task_instance").order_by("hung_since")[:20])


def among(instances: Iterable[int]) -> dict[int, Attempt]:
    """Return those of some task instances that look hung, by task instance."""
    return {each.task_instance_id: each for each in _hung().filter(task_instance__in=list(instances))}


def _hung() -> Any:
    return Attempt.objects.filter(outcome__isnull=True, hung_since__isnull=False)
