"""Listening for nudges through Redis: hints that something happened, which may be lost at any time."""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from typing import Any

import redis
from django.conf import settings

log = logging.getLogger(__name__)

REST_SECONDS = 1.0
"""How long a Redis that did not answer is left alone."""


class Nudges:
    """What other processes publish on a channel; plain sleep while Redis is away."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.client: redis.Redis | None = None
        self.subscription: Any = None
        self.rest_until = 0.0

    def wait(self, seconds: float) -> str | None:
        """Wait up to ``seconds`` for a nudge and return its text."""
        if time.monotonic() < self.rest_until:
            time.sleep(min(seconds, max(0.0, self.rest_until - time.monotonic())))
            return None
        try:
            if self.subscription is None:
                self._subscribe()
            message = self.subscription.get_message(ignore_subscribe_messages=True, timeout=seconds)
            return message["data"] if message else None
        except (redis.RedisError, OSError, ValueError) as error:
            log.warning("nudges_away channel=%s error=%s", self.channel, error)
            self.close()
            self.rest_until = time.monotonic() + REST_SECONDS * random.uniform(0.5, 1.0)
            return None

    def _subscribe(self) -> None:
        self.client = redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=1, decode_responses=True
        )
        self.subscription = self.client.pubsub()
        self.subscription.subscribe(self.channel)

    def close(self) -> None:
        for each in (self.subscription, self.client):
            try:
                if each is not None:
                    each.close()
            except (redis.RedisError, OSError):
                pass
        self.subscription = self.client = None


class NudgeSocket(threading.Thread):
    """Makes nudges readable, for loops that select: each becomes a byte on ``ours``."""

    def __init__(self, channel: str) -> None:
        super().__init__(name=f"nudges-{channel}", daemon=True)
        self.nudges = Nudges(channel)
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.theirs.setblocking(False)

    def fileno(self) -> int:
        return self.ours.fileno()

    def run(self) -> None:
        while True:
            if self.nudges.wait(10.0) is None:
                continue
            try:
                self.theirs.send(b"1")
            except BlockingIOError:  # enough are waiting to be read
                continue
            except OSError:
                return

    def drain(self) -> None:
        """Take in all nudges that came."""
        try:
            while self.ours.recv(4096):
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()
