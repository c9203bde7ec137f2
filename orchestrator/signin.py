"""Slowing down guesses of passwords: per account and per address, whichever door they come through."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.cache import cache

from runs_app.exceptions import OrchestratorError

PER_ACCOUNT = 5
PER_ADDRESS = 20
WINDOW_SECONDS = 60


class TooManyAttempts(OrchestratorError):
    """Too many wrong passwords for this account or from this address within a minute."""

    status = 429


@dataclass
class Attempt:
    """One try to sign in; call ``failed`` when it was wrong."""

    keys: tuple[tuple[str, int], ...]

    def failed(self) -> None:
        for key, _ in self.keys:
            if not cache.add(key, 1, WINDOW_SECONDS):
                try:
                    cache.incr(key)
                except ValueError:  # it expired between the two calls
                    cache.set(key, 1, WINDOW_SECONDS)


@contextmanager
def throttle(username: str, address: str) -> Iterator[Attempt]:
    """Let one sign-in be checked, unless this account or address failed too often.

    Raises:
        TooManyAttempts: before anything was checked, so that guessing on gains nothing.
    """
    account = hashlib.sha256(username.lower().encode("utf-8", "replace")).hexdigest()[:32]
    keys = ((f"signin-account-{account}", PER_ACCOUNT), (f"signin-address-{address}", PER_ADDRESS))
    if any((cache.get(key) or 0) >= most for key, most in keys):
        raise TooManyAttempts("Too many wrong passwords: wait a minute, then try again")
    yield Attempt(keys)
