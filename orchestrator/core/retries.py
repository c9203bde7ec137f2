"""How long to wait before the next try."""

from __future__ import annotations

import hashlib
import math
from datetime import datetime

LONGEST_SECONDS = 86400.0
"""No exponential wait is longer than a day."""


def retry_wait(
    *, retry_delay: float, backoff: float, max_retry_delay: float | None, try_number: int, hash_input: str
) -> float:
    """Return the seconds from the end of try ``try_number`` to the start of the next.

    Without a multiplier (``backoff`` <= 0, or 1, which multiplies nothing) that is ``retry_delay`` itself. With one the wait is between
    the base ``ceil(retry_delay * backoff ** (try_number - 1))`` and twice that, spread by a hash of
    ``hash_input`` so that tasks which failed together do not come back together, then cut to a day and
    to ``max_retry_delay`` (None or 0 = no limit).
    """
    if backoff <= 0 or backoff == 1:
        return retry_delay
    try:
        base = max(1, math.ceil(retry_delay * backoff ** (try_number - 1)))
    except OverflowError:
        base = int(LONGEST_SECONDS)
    spread = int(hashlib.sha1(hash_input.encode(), usedforsecurity=False).hexdigest(), 16) % base
    wait = min(float(base + spread), LONGEST_SECONDS)
    return min(wait, max_retry_delay) if max_retry_delay else wait


def hash_input(dag_id: str, task_id: str, logical_date: datetime | None, try_number: int) -> str:
    """Return what spreads the waits of a task; all map indexes of a task share it, and so wait equally long."""
    return f"{dag_id}#{task_id}#{logical_date}#{try_number}"
