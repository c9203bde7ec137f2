"""Where the logs of attempts are, on Django's side: ids to keys of the log store."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from django.conf import settings

from orchestrator.logs.match import Query
from orchestrator.logs.scan import Scan
from orchestrator.logs.scans import Scans
from orchestrator.logs.store import LogStore, key_for

from .models import Callback, TaskInstance

PART_LINES = 200
PART_BYTES = 128 * 1024


@cache
def store() -> LogStore:
    """Return this installation's log store."""
    return LogStore(settings.ORCH.home / "logs")


def key_of_callback(callback: Callback) -> str:
    """The log of a callback: of a task's its attempt's, whose end it tells of; of a run's one of its own."""
    if callback.has_own_log or callback.task_instance is None:
        return key_for(callback.run_id, 0, callback.pk)
    return key_for(callback.run_id, callback.task_instance.pk, callback.task_instance.token)


_scans = Scans()


def keys(instance: TaskInstance, tokens: Sequence[int]) -> list[str]:
    return [key_for(instance.run_id, instance.pk, token) for token in tokens]


def scan(instance: TaskInstance, tokens: Sequence[int], try_number: int, query: Query) -> Scan:
    """Return the scan of one try's log that this process has, or begin one; it is as far as it was advanced."""
    return _scans.get(store(), (instance.pk, try_number), keys(instance, tokens), query)


def size(instance: TaskInstance, tokens: Sequence[int]) -> int:
    return sum(map(store().size, keys(instance, tokens)))


def read_lines(run_pk: int, instance_pk: int, token: int, offset: int, limit: int) -> tuple[list[bytes], int]:
    """Return whole lines of one attempt's log from byte ``offset`` on, and the offset after the last of them.

    At most about ``limit`` bytes; a line longer than that comes alone. No lines and the same offset = nothing more yet.
    """
    data, after = store().read_lines(key_for(run_pk, instance_pk, token), offset, limit)
    return data.split(b"\n")[:-1], after


def last_lines(instance: TaskInstance, tokens: Sequence[int], before: int | None = None) -> tuple[list[bytes], int]:
    """Return the last lines before byte ``before`` of all attempts' logs together, and the byte they begin at."""
    return store().last_lines(keys(instance, tokens), PART_LINES, PART_BYTES, before)
