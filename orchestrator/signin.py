"""Slowing down guesses of passwords: per account and per address, whichever door they come through.

Tries are counted in the cache. While Redis is away they are counted in this process: signing in goes on
to work, and each web process still lets through no more guesses than the limits say.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from redis import RedisError

from runs_app.exceptions import OrchestratorError

log = logging.getLogger(__name__)

PER_ACCOUNT = 5
PER_ADDRESS = 20
WINDOW_SECONDS = 60
MOST_REMEMBERED = 10_000


class TooManyAttempts(OrchestratorError):
    """Too many wrong passwords for this account or from this address within a minute."""

    status = 429
    wait = WINDOW_SECONDS


class OneTimePassword(OrchestratorError):
    """The account still has the password that was made for its first sign-in."""

    status = 403


def has_one_time_password(user: Any) -> bool:
    """Whether the account never signed in: its password was shown to somebody else, and has to be replaced first."""
    return user.last_login is None


def may_use_password(user: Any) -> bool:
    """Whether a right password lets this account in: always a superuser's, so that a provider's failure locks nobody out."""
    return bool(settings.ORCH.local_sign_in or user.is_superuser)


@dataclass
class Attempt:
    """One try to sign in; call ``failed`` when it was wrong, so that it goes on counting."""

    wrong: bool = False

    def failed(self) -> None:
        self.wrong = True


@contextmanager
def throttle(username: str, address: str) -> Iterator[Attempt]:
    """Let one sign-in be checked, unless this account or address failed too often.

    A try counts from its beginning, so that a hundred at once are no way round; one that turns out right
    is taken back.

    Raises:
        TooManyAttempts: before anything was checked, so that guessing on gains nothing.
    """
    keys = (_account_key(username), PER_ACCOUNT), (_address_key(address), PER_ADDRESS)
    counts = [(count(key, 1), most) for key, most in keys]
    if any(found > most for found, most in counts):
        raise TooManyAttempts("Too many wrong passwords: wait a minute, then try again")
    attempt = Attempt()
    yield attempt
    if not attempt.wrong:
        for key, _ in keys:
            count(key, -1)


def count(key: str, step: int) -> int:
    """Add ``step`` to what was counted under ``key`` in this window, and return the sum."""
    try:
        if step > 0 and cache.add(key, step, WINDOW_SECONDS):
            return step
        try:
            return int(cache.incr(key, step))
        except ValueError:  # the window ended between the two calls
            return max(step, 0)
    except (RedisError, OSError) as error:
        log.warning("signin_counted_here error=%s", type(error).__name__)
        return _here.count(key, step)


class _Memory:
    """The counts of this process, for the time that the cache is away."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.counts: dict[str, tuple[float, int]] = {}

    def count(self, key: str, step: int) -> int:
        now = time.monotonic()
        with self.lock:
            if len(self.counts) > MOST_REMEMBERED:
                self.counts = {each: value for each, value in self.counts.items() if value[0] > now}
            until, found = self.counts.get(key, (0.0, 0))
            if until <= now:
                until, found = now + WINDOW_SECONDS, 0
            self.counts[key] = (until, max(found + step, 0))
            return self.counts[key][1]


_here = _Memory()


def _account_key(username: str) -> str:
    return "signin-account-" + hashlib.sha256(username.lower().encode("utf-8", "replace")).hexdigest()[:32]


def _address_key(address: str) -> str:
    """One IPv6 customer has a whole /64 to guess from."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "signin-address-" + hashlib.sha256(address.encode("utf-8", "replace")).hexdigest()[:32]
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return f"signin-address-{ipaddress.ip_network((found, 64), strict=False)}"
        found = found.ipv4_mapped
    return f"signin-address-{found}"
