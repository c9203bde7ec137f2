"""The clock: a scheduler for Celery beat that sleeps until the next instant the database knows of.

Then, and once a second, it asks the control worker for a pass. The library's periodic tasks go on working beside.
It holds no truth: any number of beats may run, each tick is idempotent, and without any the worker slots
make the passes themselves.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.utils import timezone
from django_celery_beat.schedulers import DatabaseScheduler

from orchestrator import wake

from . import control
from .locking import close_broken
from .nudges import Nudges
from .processes import Lease

log = logging.getLogger(__name__)

PERIODIC_SECONDS = 1.0
"""How often the library's own periodic tasks are looked at."""
SHORTEST_SECONDS = 0.01
"""Between two requests for a pass: many tasks to be tried again at once need one."""


class DueScheduler(DatabaseScheduler):
    """Beat's scheduler: ``tick`` does what is due, then waits for the next instant or a nudge."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.lease: Lease | None = None
        self.ticking = False
        self.nudges = Nudges(wake.DUE_CHANNEL)
        self.asked_at = -1e9  # monotonic
        self.periodic_at = -1e9  # when the library wants to be asked again
        self.due: datetime | None = None
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Read the periodic tasks; while the database is away there are none, and they are read later."""
        self._guarded(super().setup_schedule, "setup")

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Never raises: a clock that stops because Redis or the database does would have to be started by hand."""
        self.ticking = True
        try:
            return self._tick()
        finally:
            self.ticking = False

    def _tick(self) -> float:
        self._guarded(self._register, "register")
        if time.monotonic() >= self.periodic_at:
            rest = self._guarded(self._periodic, "periodic")
            self.periodic_at = time.monotonic() + min(PERIODIC_SECONDS, 1.0 if rest is None else rest)
        if self._is_time():
            now = timezone.now()
            self.asked_at = time.monotonic()
            wake.control()
            self._guarded(lambda: self._look_ahead(now), "look ahead")
        self._wait()
        return 0.0

    def _register(self) -> None:
        if self.lease is None:
            self.lease = Lease("beat")
            self.lease.start()

    def _periodic(self) -> float:
        """Send the library's due periodic tasks; return the seconds until it wants to be asked again."""
        if self._schedule is None:
            self._initial_read = True  # the database was away when it was to be read
        rest = float(super().tick() or 0.0)
        if self.should_sync():
            self._do_sync()
        return max(0.0, rest)

    def _is_time(self) -> bool:
        since = time.monotonic() - self.asked_at
        if since < SHORTEST_SECONDS:
            return False
        return since >= settings.ORCH.sweep_seconds or (self.due is not None and self.due <= timezone.now())

    def _look_ahead(self, now: datetime) -> None:
        """Learn when to ask next; make the pass ourselves where nobody does."""
        self.due = None
        self.due = control.next_due(now)
        control.step_if_stale(now)

    def _wait(self) -> None:
        """Sleep until something is due, at most until the next regular pass; a nudge may bring an earlier instant."""
        while True:
            now = time.monotonic()
            left = min(self.asked_at + settings.ORCH.sweep_seconds, self.periodic_at) - now
            if self.due is not None:
                due = (self.due - timezone.now()).total_seconds()
                left = min(left, max(due, self.asked_at + SHORTEST_SECONDS - now))
            if left <= 0:
                return
            nudge = _instant(self.nudges.wait(left))
            if nudge is not None and (self.due is None or nudge < self.due):
                self.due = nudge

    def _guarded(self, unit: Callable[[], Any], name: str) -> Any:
        try:
            return unit()
        except (DatabaseError, InterfaceError, redis.RedisError, OSError) as error:
            log.warning("beat_interrupted unit=%s error=%s", name, error)
            close_broken()
        except Exception:  # whatever it is, the clock goes on
            log.exception("beat_failed unit=%s", name)
        return None

    def close(self) -> None:
        """Save the periodic tasks and give the lease up.

        Celery's signal handler calls this in the middle of a tick, maybe of a query whose connection is locked:
        then it does nothing, since the handler ends the tick, and what runs beat calls again.
        """
        if self.ticking:
            return
        connections.close_all()  # a query that was cut short leaves a connection that is good for nothing
        self._guarded(super().close, "close")
        if self.lease is not None:
            self.lease.stop()
        # The nudges stay open: beat's signal handler calls this while we wait for one, and an error of the closed
        # socket would take the place of the SystemExit that is to end us.


def _instant(text: str | None) -> datetime | None:
    """What a nudge says is due; nothing where it is no time of ours."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
