"""Celery's entry points: each message is an invitation and calls one function."""

from __future__ import annotations

import logging
import mmap
from typing import Any

from celery import signals
from django.db import DatabaseError, InterfaceError, connections
from django.utils import timezone

from orchestrator.celery import CONTROL_QUEUE, app
from orchestrator.runtime.forkserver import die_with_parent

log = logging.getLogger(__name__)

# Shared by a worker's processes, which are forks of it: non-zero asks its slots to claim nothing more.
_stop = mmap.mmap(-1, 1)
_slot: Any = None


@app.task(name="drain")
def drain(queue: str) -> None:
    """There may be work in ``queue``: look, and go on until there is none."""
    if _slot is not None:
        try:
            _slot.drain()
        except (DatabaseError, InterfaceError) as error:  # the sweep invites again once it answers
            log.warning("drain_failed queue=%s error=%s", queue, error)


@app.task(name="control")
def control() -> None:
    """Something may be due: make runs, wake what waits, recover what was lost."""
    from .control import step

    try:
        step(timezone.now())
    except (DatabaseError, InterfaceError) as error:
        log.warning("control_failed error=%s", error)
        connections.close_all()


def stopping() -> bool:
    return bool(_stop[0])


@signals.worker_shutting_down.connect
def _ask_to_stop(**_: Any) -> None:
    _stop[0] = 1


@signals.worker_process_init.connect
def _make_slot(**_: Any) -> None:
    """Make this pool process a slot."""
    global _slot
    from .worker import Slot

    die_with_parent()
    connections.close_all()  # a connection made before the fork is the parent's
    queues = [name for name in app.amqp.queues.consume_from if name != CONTROL_QUEUE]
    if queues:
        _slot = Slot(queues, stopping)
        _slot.start()


@signals.worker_process_shutdown.connect
def _end_slot(**_: Any) -> None:
    if _slot is not None:
        _slot.stop()
