"""The processes of this installation and their leases: one row a process life, renewed by the database's clock."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections, transaction

from . import components
from .actions import audit
from .locking import db_now, retrying
from .models import Process

log = logging.getLogger(__name__)

KINDS = ("slot", "control", "beat", "triggerer", "processor", "web")


def boot_id() -> str:
    """Name this boot of this machine and this process's start, so that a pid used again is not mistaken for us."""
    return f"{_boot()}:{start_ticks(os.getpid())}"


def _boot() -> str:
    """This boot, and the namespace that pids are numbered in: containers may share a host name."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:36]
        return f"{boot}.{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""


def start_ticks(pid: int) -> str:
    """When a process of this machine started, in clock ticks since boot; "" where it is gone or cannot be seen."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]  # a zombie does nothing more


def is_gone(process: Process) -> bool:
    """Whether a process of this machine is known to be dead, without waiting for its lease."""
    boot, _, ticks = process.boot_id.partition(":")
    if process.hostname != socket.gethostname() or not boot or boot != _boot() or not ticks:
        return False
    return start_ticks(process.pid) != ticks


@retrying()
def register(kind: str, queues: Sequence[str] = ()) -> int:
    """Write down that this process lives; return its row's id, under which it claims."""
    now = db_now()
    made = Process.objects.create(
        kind=kind,
        hostname=socket.gethostname(),
        pid=os.getpid(),
        boot_id=boot_id(),
        queues=list(queues),
        worker_pid=os.getppid() if kind == "slot" else None,
        started_at=now,
        beat_at=now,
    )
    return int(made.pk)


def beat(pk: int) -> bool:
    """Renew a lease; False where somebody found us dead: whatever we held is given to others."""
    return bool(Process.objects.filter(pk=pk, ended_at__isnull=True).update(beat_at=db_now()))


def leave(pk: int, reason: str = "stopped") -> None:
    """Give the lease up."""
    Process.objects.filter(pk=pk, ended_at__isnull=True).update(ended_at=db_now(), end_reason=reason[:250])


def drain(pks: Sequence[int], on: bool, *, user: Any) -> int:
    """Have slots take nothing more until they are told otherwise; return how many were told. What runs goes on."""
    with transaction.atomic():
        rows = Process.objects.filter(pk__in=pks, kind="slot", ended_at__isnull=True, draining=not on)
        told = rows.update(draining=on)
        if told:
            audit(user, "drain_worker" if on else "undrain_worker", processes=sorted(pks))
    return told


def ask_to_stop(pks: Sequence[int], *, user: Any) -> int:
    """Have the workers of these slots stop as at a SIGTERM; return how many slots were told."""
    with transaction.atomic():
        told = Process.objects.filter(pk__in=pks, kind="slot", ended_at__isnull=True).update(
            draining=True, stop_asked=True
        )
        if told:
            audit(user, "stop_worker", processes=sorted(pks))
    return told


class Lease(threading.Thread):
    """Keeps this process's row fresh, on a connection of its own, apart from the work.

    ``pk`` is the current row; after the lease was lost (``on_lost`` is called first, and must end what was
    claimed under it) a new one is registered. A database that does not answer is no loss: nobody can have
    declared us dead by it, so the work goes on and its results are fenced by their tokens.
    """

    def __init__(
        self,
        kind: str,
        queues: Sequence[str] = (),
        *,
        on_lost: Callable[[], None] | None = None,
        on_beat: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(name=f"lease-{kind}", daemon=True)
        self.kind, self.queues = kind, list(queues)
        self.on_lost, self.on_beat = on_lost, on_beat
        self.pk = register(kind, queues)
        self.is_draining = self.is_asked_to_stop = False
        self.stopping = threading.Event()
        components.starts(kind)

    def run(self) -> None:
        while not self.stopping.wait(settings.ORCH.heartbeat_seconds):
            try:
                self.step()
            except (DatabaseError, InterfaceError) as error:
                log.warning("heartbeat_failed kind=%s error=%s", self.kind, error)
                connections.close_all()
        connections.close_all()

    def step(self) -> None:
        """One beat, and what is done along with it."""
        if not beat(self.pk):
            lost = self.pk
            log.warning("lease_lost kind=%s process=%s", self.kind, lost)
            if self.on_lost is not None:
                self.on_lost()
            self.pk = register(self.kind, self.queues)
            self.is_draining = self.is_asked_to_stop = False
        elif self.kind == "slot":
            told = Process.objects.filter(pk=self.pk).values_list("draining", "stop_asked").first()
            self.is_draining, self.is_asked_to_stop = told or (False, False)
        if self.on_beat is not None:
            self.on_beat()

    def stop(self, reason: str = "stopped") -> None:
        """End the lease; what was claimed under it must be finished or handed back before."""
        self.stopping.set()
        deadline = time.monotonic() + 2.0
        while self.is_alive() and time.monotonic() < deadline:
            self.join(0.05)
        if self.kind != "processor":  # that serves what it tells, so it tells before
            components.stops(self.kind)
        try:
            leave(self.pk, reason)
        except (DatabaseError, InterfaceError) as error:
            log.warning("lease_not_ended kind=%s error=%s", self.kind, error)


class Presence:
    """Shows that a process lives which holds nothing under its lease: it need not wait for the database to begin."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.lease: Lease | None = None
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._register, name=f"presence-{kind}", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def _register(self) -> None:
        while not self.ended.is_set():
            try:
                self.lease = Lease(self.kind)
                self.lease.start()
                break
            except (DatabaseError, InterfaceError) as error:
                log.warning("not_registered kind=%s error=%s", self.kind, error)
                self.ended.wait(settings.ORCH.heartbeat_seconds)
            finally:
                connections.close_all()

    def end(self) -> None:
        """Give the lease up, if there is one."""
        self.ended.set()
        if self.thread.is_alive():
            self.thread.join(2.0)
        if self.lease is not None:
            self.lease.stop()
            self.lease = None
