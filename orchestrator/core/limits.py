"""Pools: when a limit can be reached at all, what will never fit, and when a rate lets the next one start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from .said import said

MINUTE = timedelta(minutes=1)


def can_fill(slots: int, *, live: int, heaviest: int) -> bool:
    """Whether ``live`` worker slots, each with a task of up to ``heaviest`` pool slots, could ask a pool for more than it has.

    Where they cannot, its limit needs no counting. Fewer than 0 ``slots`` are no limit.
    """
    return 0 <= slots < live * heaviest


def never_fits(pool: str, asked: int, slots: int | None) -> str | None:
    """Say why a task that asks for so many slots of a pool can never run; None where it can.

    ``slots`` is None where there is no such pool.
    """
    if slots is None:
        return said("pool {pool} does not exist: make it, or give the task another", pool=repr(pool))
    if 0 <= slots < asked:
        return said(
            "it asks for {asked} slots of pool {pool}, which has {slots}: lower its pool_slots or enlarge the pool",
            asked=asked,
            pool=repr(pool),
            slots=slots,
        )
    return None


def opens_at(starts: Sequence[datetime], rate: int, now: datetime) -> datetime | None:
    """Return when a pool of so many starts a minute lets the next one start; None where it may now.

    ``starts`` are the latest starts, the newest first: the first ``rate`` of them say it all.
    """
    if len(starts) < rate:
        return None
    free = starts[rate - 1] + MINUTE
    return free if free > now else None
