"""Grouping failures by what they have in common: work of the control pass, bounded, and no matter of the hot path."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from orchestrator.core import fingerprints

from . import state_feed
from .actions import audit
from .logs import key_for, store
from .models import ControlState, Failure, FailureGroup, StateEvent, TaskInstance

log = logging.getLogger(__name__)

EVENTS_AT_ONCE = 5000
FAILURES_AT_ONCE = 100
LOOKED_BACK = 200
"""Events whose transaction ended after that of a later one: they are looked at again, and counted once."""
LOG_BYTES = 128 * 1024
"""So much of a log's end is read for the last traceback."""
COUNTED_BYTES = 1024 * 1024
"""Only in a log up to this size lines are counted, to say which one tells of the error."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a log says of the end of its attempt."""

    traceback: str = ""
    line: int | None = None


def collect(now: datetime) -> int:
    """Group the failures since the last pass; return how many were new. Safe at once in several processes."""
    seen = ControlState.objects.values_list("failures_seen", flat=True).first()
    if seen is None:
        return 0
    until = state_feed.up_to(seen, EVENTS_AT_ONCE)
    if until == seen:
        return 0
    events = StateEvent.objects.filter(pk__gt=max(0, seen - LOOKED_BACK), pk__lte=until, task_instance__isnull=False)
    failed = events.filter(new__in=["failed", "up_for_retry"]).exclude(actor__startswith="user:")
    known = Failure.objects.filter(task_instance=OuterRef("task_instance"), token=OuterRef("token"))
    failed = failed.filter(~Exists(known)).order_by("pk")
    rows = list(failed.values("pk", "task_instance_id", "token", "reason", "at")[: FAILURES_AT_ONCE + 1])
    if len(rows) > FAILURES_AT_ONCE:
        rows = rows[:FAILURES_AT_ONCE]
        until = max(rows[-1]["pk"], seen + 1)
    made = _add(rows, now)
    ControlState.objects.filter(failures_seen=seen).update(failures_seen=until)
    return made


def _add(rows: list[dict[str, Any]], now: datetime) -> int:
    columns = ("run_id", "dag_id", "task_id", "try_number", "version__version_number")
    instances = TaskInstance.objects.filter(pk__in=[row["task_instance_id"] for row in rows])
    about = {each["pk"]: each for each in instances.values("pk", *columns)}
    made = 0
    for row in rows:
        instance = about.get(row["task_instance_id"])
        if instance is not None:  # deleted meanwhile
            made += _add_one(row, instance, now)
    return made


def _add_one(row: dict[str, Any], instance: dict[str, Any], now: datetime) -> bool:
    told = read_log(instance["run_id"], instance["pk"], row["token"])
    found = fingerprints.of(row["reason"], told.traceback)
    with transaction.atomic():
        group, _ = FailureGroup.objects.get_or_create(
            digest=found.digest,
            defaults={"title": _clean(found.title), "place": _clean(found.place)[:500], "created_at": now},
        )
        return Failure.objects.get_or_create(
            task_instance_id=instance["pk"],
            token=row["token"],
            defaults={
                "group": group,
                "try_number": instance["try_number"],
                "dag_id": instance["dag_id"],
                "task_id": instance["task_id"],
                "version_number": instance["version__version_number"],
                "log_line": told.line,
                "at": row["at"],
            },
        )[1]


def _clean(text: str) -> str:
    return text.replace("\0", "")


def read_log(run_pk: int, instance_pk: int, token: int) -> Told:
    """Return the last traceback of an attempt's log, and its line where the log is short enough to count."""
    key = key_for(run_pk, instance_pk, token)
    try:
        size = store().size(key)
        begin = max(0, size - LOG_BYTES) if size > COUNTED_BYTES else 0
        data = store().read(key, begin, size - begin)[0]
    except OSError as error:  # the log of a machine that keeps its own: the reason alone has to do
        log.warning("log_not_read task_instance=%s error=%s", instance_pk, error)
        return Told()
    lines = data.splitlines()
    for number in range(len(lines) - 1, -1, -1):
        if fingerprints.BEGIN.encode() in lines[number]:
            return Told(_event(lines[number]), None if begin else number + 1)
    return Told()


def _event(line: bytes) -> str:
    try:
        return str(json.loads(line)["event"])
    except (ValueError, KeyError, TypeError):
        return line.decode("utf-8", "replace")


def describe(pk: int, *, owner: str, note: str, user: Any) -> bool:
    """Write down who looks after a kind of failure and what is known of it; False where there is none."""
    with transaction.atomic():
        if not FailureGroup.objects.filter(pk=pk).update(owner=owner, note=note):
            return False
        audit(user, "patch_failure_group", failure_group=pk, owner=owner)
    return True
