"""Where the logs of attempts are, on Django's side: ids to keys of the log store."""

from __future__ import annotations

from functools import cache

from django.conf import settings

from orchestrator.logs.store import LogStore, key_for

from .models import Callback


@cache
def store() -> LogStore:
    """Return this installation's log store."""
    return LogStore(settings.ORCH.home / "logs")


def key_of_callback(callback: Callback) -> str:
    """The log of a callback: of a task's its attempt's, whose end it tells of; of a run's one of its own."""
    instance = callback.task_instance
    return (
        key_for(callback.run_id, instance.pk, instance.token) if instance else key_for(callback.run_id, 0, callback.pk)
    )


def read_lines(run_pk: int, instance_pk: int, token: int, offset: int, limit: int) -> tuple[list[bytes], int]:
    """Return whole lines of one attempt's log from byte ``offset`` on, and the offset after the last of them.

    At most about ``limit`` bytes; a line longer than that comes alone. No lines and the same offset = nothing more yet.
    """
    key = key_for(run_pk, instance_pk, token)
    data, _, size = store().read(key, offset, limit)
    end = data.rfind(b"\n") + 1
    while not end and offset + len(data) < size:
        more, _, size = store().read(key, offset + len(data), limit)
        if not more:
            break
        data += more
        end = data.rfind(b"\n") + 1
    return data[:end].splitlines(), offset + end
