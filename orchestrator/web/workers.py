"""Workers and queues as the page shows them: who is alive, what each slot runs, which queues nobody serves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Q

from orchestrator import access
from orchestrator.core.states import TaskState
from runs_app.models import Attempt, Process

MOST_SLOTS = 500


@dataclass(slots=True)
class Slot:
    """One process that runs an attempt at a time; ``attempt`` is the one it runs now."""

    process: Process
    is_alive: bool
    attempt: Attempt | None = None


@dataclass(slots=True)
class Worker:
    """The slots of one worker process of one machine."""

    hostname: str
    pid: int | None
    queues: list[str]
    started_at: datetime
    slots: list[Slot] = field(default_factory=list)

    @property
    def pks(self) -> list[int]:
        return [slot.process.pk for slot in self.slots]

    @property
    def busy(self) -> int:
        return sum(slot.attempt is not None for slot in self.slots)

    @property
    def state(self) -> str:
        """alive, silent, stopping or draining."""
        if not any(slot.is_alive for slot in self.slots):
            return "silent"
        if any(slot.process.stop_asked for slot in self.slots):
            return "stopping"
        return "draining" if all(slot.process.draining for slot in self.slots) else "alive"


@dataclass(slots=True)
class Queue:
    """One queue: what waits and runs in it, and how many slots serve it (those that drain are none)."""

    name: str
    waiting: int = 0
    running: int = 0
    slots: int = 0
    oldest_at: datetime | None = None

    @property
    def is_unserved(self) -> bool:
        return not self.slots and bool(self.waiting or self.running)


def workers(user: Any, now: datetime) -> list[Worker]:
    """Return the workers that have not left, by machine."""
    fresh = now - timedelta(seconds=settings.ORCH.lease_seconds)
    rows = list(Process.objects.filter(kind="slot", ended_at__isnull=True).order_by("hostname", "pk")[:MOST_SLOTS])
    seen = access.visible_task_instances(user).values("pk")
    attempts = Attempt.objects.filter(process__in=rows, outcome__isnull=True, task_instance__in=seen)
    runs = {each.process_id: each for each in attempts.select_related("task_instance__run")}
    found: dict[tuple[str, int | None], Worker] = {}
    for row in rows:
        key = (row.hostname, row.worker_pid)
        worker = found.setdefault(key, Worker(row.hostname, row.worker_pid, row.queues, row.started_at))
        worker.slots.append(Slot(row, row.beat_at >= fresh, runs.get(row.pk)))
    return list(found.values())


def queues(user: Any, there: list[Worker]) -> list[Queue]:
    """Return the queues that are served, or that something is in; those that nobody serves come first."""
    instances = access.visible_task_instances(user).filter(state__in=[TaskState.SCHEDULED, TaskState.RUNNING])
    counted = (
        instances.order_by()
        .values("queue")
        .annotate(
            waiting=Count("pk", filter=Q(state=TaskState.SCHEDULED)),
            running=Count("pk", filter=Q(state=TaskState.RUNNING)),
            oldest_at=Min("scheduled_at", filter=Q(state=TaskState.SCHEDULED)),
        )
    )
    found = {row["queue"]: Queue(row["queue"], row["waiting"], row["running"], 0, row["oldest_at"]) for row in counted}
    for worker in there:
        for name in worker.queues:
            queue = found.setdefault(name, Queue(name))
            queue.slots += sum(slot.is_alive and not slot.process.draining for slot in worker.slots)
    return sorted(found.values(), key=lambda each: (not each.is_unserved, each.name))
