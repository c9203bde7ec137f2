"""Deadlines that count from what a class of an author's own says: asked in a process that has loaded its plugin."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from dags_app.models import AuditEntry, PluginCall
from dags_app.versions import load_spec
from orchestrator import wake
from orchestrator.core.deadlines import Alert, alerts_of
from orchestrator.core.states import RunState

from . import notify
from .deadlines import time_of
from .locking import retrying
from .models import DagRun, Deadline

log = logging.getLogger(__name__)


@retrying()
def answered(call_pk: int, asked: Mapping[str, Any], value: Any, error: str | None, now: datetime) -> None:
    """Make the deadline, or move it where the run was queued again; once, however often the answer comes."""
    with transaction.atomic():
        if not PluginCall.objects.filter(pk=call_pk).delete()[0]:
            return
        run = DagRun.objects.select_for_update(no_key=True).filter(pk=asked["run"]).first()
        alert = alerts_of(load_spec(run.version_id)).get(asked["key"]) if run is not None else None
        if run is None or alert is None or run.state == RunState.SUCCESS:
            return
        start = _moment(value) if error is None else None
        if error is not None or (value is not None and start is None):
            _complain(run, alert, error or f"its answer {str(value)[:200]!r} is no time with a zone")
            return
        at = time_of(run, alert, start) if start is not None else None
        if at is None:
            return
        rows = Deadline.objects.filter(run=run, key=alert.key)
        if not rows.exists():
            made = {"name": alert.name, "task_id": alert.task_id, "deadline_time": at, "created_at": now}
            Deadline.objects.create(run=run, key=alert.key, **made)
        else:
            rows.filter(missed=False).update(deadline_time=at, updated_at=now)
        transaction.on_commit(partial(wake.due, at))
        notify.run_changed(run.pk, run.dag_id)


def _moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else None


def _complain(run: DagRun, alert: Alert, text: str) -> None:
    """Write down that a run has no such deadline, where people look for it."""
    log.warning("deadline_not_made run=%s name=%s error=%s", run.pk, alert.name, text)
    AuditEntry.objects.create(
        actor="engine",
        event="deadline reference failed",
        dag_id=run.dag_id,
        run_id=run.run_id,
        extra={"deadline": alert.name, "reference": alert.reference_type, "reason": text[:2000]},
    )
