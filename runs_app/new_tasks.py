"""Queueing what the DAG's latest version has on top of a run's tasks; what the run has stays as it is."""

from __future__ import annotations

from typing import Any

from . import actions, upgrade
from .exceptions import DagRunNotFound
from .models import DagRun


def queue(run_pk: int, *, dry_run: bool = False, user: Any = None) -> list[str]:
    """Move a run to the latest version and run its new tasks; return which they are.

    Raises:
        DagRunNotFound: nothing was changed.
    """
    run = DagRun.objects.filter(pk=run_pk).first()
    if run is None:
        raise DagRunNotFound(run_pk)
    found = upgrade.new_tasks(run)
    if found and not dry_run:
        actions.clear(run_pk, chosen=[], latest=True, user=user)
    return found
