"""Deleting single task instances, of runs that have ended only: what runs counts on those it was made with."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from orchestrator.core.states import RUN_FINISHED

from . import notify
from .actions import audit
from .exceptions import InvalidState, OrchestratorError
from .models import TaskInstance
from .view import run_row


class TaskInstanceNotFound(OrchestratorError):
    status = 404


def delete_instance(pk: int, *, user: Any) -> None:
    """Delete a task instance with its tries and XComs.

    Raises:
        TaskInstanceNotFound, InvalidState: its run is under way; nothing was changed.
    """
    row = TaskInstance.objects.select_related("run").filter(pk=pk).first()
    if row is None:
        raise TaskInstanceNotFound(f"The Task Instance {pk} was not found")
    with transaction.atomic():
        held = run_row(row.run_id, lock=True, wait=True)
        if held is not None and held["state"] not in RUN_FINISHED:
            raise InvalidState(
                f"Task instance `{row.task_id}` of run `{row.run.run_id}` cannot be deleted while its run is "
                f"{held['state']}: end the run first"
            )
        audit(user, "delete_task_instance", run=row.run, task_id=row.task_id, map_index=row.map_index)
        row.delete()
        notify.run_changed(row.run_id, row.dag_id)
