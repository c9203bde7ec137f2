"""Waking workers: invitations that carry nothing and may be lost; the sweep invites again."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime

import redis
from django.conf import settings

from .celery import CONTROL_QUEUE, app

log = logging.getLogger(__name__)

MOST = 64
"""Invitations sent at once; each worker slot that is already busy goes on claiming by itself."""

SOON_SECONDS = 1.5
"""Beat looks at the database once a second: only what is due earlier needs a nudge."""

DUE_CHANNEL = "orchestrator:due"
DEFERRED_CHANNEL = "orchestrator:deferred"

REST_SECONDS = 1.0
_resting_until = 0.0
_redis: redis.Redis | None = None
_due_resting_until = 0.0


def invite(queue: str, ready: int) -> None:
    """Ask as many slots of a queue as could find work to look for it. Never raises."""
    _send("drain", queue, min(ready, MOST), [queue])


def control() -> None:
    """Ask the control worker for a pass. Never raises."""
    _send("control", CONTROL_QUEUE, 1, [])


def due(at: datetime) -> None:
    """Tell every beat that something is due at ``at``, which may be before it meant to wake. Never raises."""
    if (at - datetime.now(UTC)).total_seconds() <= SOON_SECONDS:
        _publish(DUE_CHANNEL, at.isoformat())  # what is lost, beat finds within a second


def deferred() -> None:
    """Tell every triggerer that a task was deferred; without it they look twice a second. Never raises."""
    _publish(DEFERRED_CHANNEL, "1")


def _publish(channel: str, text: str) -> None:
    global _redis, _due_resting_until
    if time.monotonic() < _due_resting_until:
        return
    try:
        if _redis is None:
            _redis = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
        _redis.publish(channel, text)
    except redis.RedisError as error:
        _due_resting_until = time.monotonic() + REST_SECONDS
        log.warning("nudge_failed channel=%s error=%s", channel, error)


def _send(name: str, queue: str, count: int, args: list[str]) -> None:
    global _resting_until
    if time.monotonic() < _resting_until:
        return
    try:
        with app.producer_or_acquire() as producer:
            for _ in range(count):
                app.send_task(
                    name, args=args, queue=queue, producer=producer, retry=False, ignore_result=True, expires=60
                )
    except Exception as error:  # the row is its own outbox: what is not sent now, the sweep sends
        _resting_until = time.monotonic() + REST_SECONDS
        log.warning("invite_failed queue=%s error=%s", queue, error)
