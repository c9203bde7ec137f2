"""The state store of task instances: keys that a retry finds again. Written at once, not with the attempt's end.

An entry whose time is over is not there for anybody, even before it is deleted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from .actions import audit
from .exceptions import OrchestratorError
from .locking import batches, retrying
from .models import TaskInstance, TaskStoreEntry

Json = Any
LONGEST_KEY = 512


class StoreRefused(OrchestratorError):
    """A key or value that cannot be kept; the message says which and why."""

    status = 400


def alive(now: datetime) -> QuerySet[TaskStoreEntry]:
    """The entries that have not expired."""
    return TaskStoreEntry.objects.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))


def default_expiry(now: datetime) -> datetime | None:
    """When an entry expires whose writer said nothing."""
    days = settings.ORCH.store_retention_days
    return now + timedelta(days=days) if days > 0 else None


def check(key: str, value: Json, most: int) -> None:
    """Raises:
    StoreRefused: no key of a text of 1 to 512 characters, or no JSON value of at most ``most`` bytes (0 = any).
    """
    if not isinstance(key, str) or not 0 < len(key) <= LONGEST_KEY or "\0" in key:
        raise StoreRefused(f"the key of a state store is a text of 1 to {LONGEST_KEY} characters, not {key!r:.100}")
    if value is None:
        raise StoreRefused(f"the state store cannot keep None under {key!r}: delete the key instead")
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreRefused(f"the value of {key!r} has no JSON form: {error}") from error
    if "\\u0000" in text:
        raise StoreRefused(f"the value of {key!r} holds a null character, which no database keeps")
    size = len(text)
    if most and size > most:
        raise StoreRefused(
            f"the value of {key!r} takes {size} bytes as JSON, at most {most} are kept (ORCHESTRATOR_STORE_MAX_BYTES): "
            "keep it elsewhere and store where"
        )


@retrying()
def put(instance_pk: int, key: str, value: Json, *, expires_at: datetime | None, now: datetime) -> None:
    """Write a key, whatever it held before."""
    TaskStoreEntry.objects.bulk_create(
        [TaskStoreEntry(task_instance_id=instance_pk, key=key, value=value, updated_at=now, expires_at=expires_at)],
        update_conflicts=True,
        unique_fields=["task_instance", "key"],
        update_fields=["value", "updated_at", "expires_at"],
    )


@retrying()
def delete(instance_pks: Iterable[int], key: str | None = None) -> int:
    """Delete a key, or all of them; return how many there were."""
    rows = TaskStoreEntry.objects.filter(task_instance_id__in=list(instance_pks))
    return int((rows.filter(key=key) if key is not None else rows).delete()[0])


def siblings(instance: TaskInstance) -> QuerySet[TaskInstance]:
    """All instances of the task in its run."""
    return TaskInstance.objects.filter(run_id=instance.run_id, task_id=instance.task_id)


def edit(
    instance: TaskInstance, key: str, value: Json, *, expires_at: datetime | None, now: datetime, user: Any
) -> None:
    """Write a key as a person asked."""
    check(key, value, settings.ORCH.store_max_bytes)
    with transaction.atomic():
        put(instance.pk, key, value, expires_at=expires_at, now=now)
        audit(user, "set_task_state_store", run=instance.run, task_ids=[instance.task_id], key=key)


def forget(instance: TaskInstance, key: str | None = None, *, everywhere: bool = False, user: Any) -> int:
    """Delete a key, or all; ``everywhere``: of every instance of the task. Return how many there were."""
    pks = list(siblings(instance).values_list("pk", flat=True)) if everywhere else [instance.pk]
    with transaction.atomic():
        deleted = delete(pks, key)
        audit(user, "clear_task_state_store", run=instance.run, task_ids=[instance.task_id], key=key)
    return deleted


def clean(now: datetime, most: int = 10_000) -> int:
    """Delete up to ``most`` entries whose time is over; return how many."""
    pks = list(TaskStoreEntry.objects.filter(expires_at__lte=now).values_list("pk", flat=True)[:most])
    deleted = 0
    for batch in batches(pks):
        with transaction.atomic():
            deleted += TaskStoreEntry.objects.filter(pk__in=batch, expires_at__lte=now).delete()[0]
    return deleted
