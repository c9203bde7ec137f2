"""Publishing to the Redis pub/sub channel layer from code without an event loop, off the caller's path.

Messages are hints, so several to one group within a moment become one, and a Redis that is away is
left alone for a while.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any

import msgpack
import redis
from django.conf import settings

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.05
REST_SECONDS = 2.0


class Publisher(threading.Thread):
    """Sends what was gathered every :data:`GATHER_SECONDS`, as ``channels_redis.pubsub`` reads it."""

    def __init__(self) -> None:
        super().__init__(name="publisher", daemon=True)
        self.pid = os.getpid()
        self.waiting: dict[str, dict[str, Any]] = {}
        self.lock = threading.Lock()
        self.wake = threading.Event()
        self.prefix = settings.CHANNEL_LAYERS["default"]["CONFIG"].get("prefix", "asgi")

    def put(self, group: str, message: dict[str, Any]) -> None:
        with self.lock:
            self.waiting[group] = message
        self.wake.set()

    def run(self) -> None:
        client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
        while True:
            self.wake.wait()
            self.wake.clear()
            with self.lock:
                batch, self.waiting = self.waiting, {}
            try:
                pipe = client.pipeline(transaction=False)
                for group, message in batch.items():
                    pipe.publish(f"{self.prefix}__group__{group}", msgpack.packb(message))
                pipe.execute()
            except redis.RedisError as error:
                log.warning("publish_failed messages=%d error=%s", len(batch), error)
                time.sleep(REST_SECONDS)
            time.sleep(GATHER_SECONDS)


_publisher: Publisher | None = None


def publish(group: str, message: dict[str, Any]) -> None:
    """Send ``message`` to a group's subscribers soon. Never raises, never waits."""
    global _publisher
    if _publisher is None or _publisher.pid != os.getpid() or not _publisher.is_alive():
        _publisher = Publisher()
        _publisher.start()
    _publisher.put(group, message)
