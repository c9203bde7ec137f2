"""Pausing a DAG whose runs fail one after the other: ``max_consecutive_failed_dag_runs``."""

from __future__ import annotations

import logging

from dags_app.models import AuditEntry, Dag
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import RunState

from . import notify
from .models import DagRun

log = logging.getLogger(__name__)


def pause_if_failing(dag_id: str, spec: DagSpec) -> bool:
    """Pause the DAG, in the transaction that ended a run as failed, if so many newest runs failed as its spec allows.

    As in Airflow a newer run that is under way breaks the row; a cancelled one says nothing either way.
    """
    most = spec.max_consecutive_failed_dag_runs
    if not most:
        return False
    newest = DagRun.objects.filter(dag_id=dag_id).exclude(state=RunState.CANCELLED).order_by("-run_after", "-pk")
    states = list(newest.values_list("state", flat=True)[:most])
    if len(states) < most or any(state != RunState.FAILED for state in states):
        return False
    if not Dag.objects.filter(pk=dag_id, is_paused=False).update(is_paused=True):
        return False
    reason = f"its last {most} runs failed (max_consecutive_failed_dag_runs)"
    AuditEntry.objects.create(
        actor="engine", event="paused", dag_id=dag_id, extra={"is_paused": True, "reason": reason}
    )
    log.warning("dag_paused dag=%s reason=%s", dag_id, reason)
    notify.dag_changed(dag_id)
    return True
