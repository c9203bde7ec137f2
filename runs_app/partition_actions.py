"""What people may ask for about the partitions of runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from . import actions, notify
from .models import DagRun


def clear(
    dag_id: str,
    *,
    run_id: str = "",
    key: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    tasks: bool = False,
    dry_run: bool = False,
    user: Any,
) -> list[tuple[DagRun, str | None, datetime | None]]:
    """Take the partition key and date off runs, with ``tasks`` also run them again; return those that had one."""
    rows = DagRun.objects.filter(dag_id=dag_id, partition_key__isnull=False)
    if run_id:
        rows = rows.filter(run_id=run_id)
    if key:
        rows = rows.filter(partition_key=key)
    if since is not None:
        rows = rows.filter(partition_date__gte=since)
    if until is not None:
        rows = rows.filter(partition_date__lte=until)
    found = [(run, run.partition_key, run.partition_date) for run in rows.order_by("partition_date", "pk")]
    if dry_run or not found:
        return found
    with transaction.atomic():
        DagRun.objects.filter(pk__in=[run.pk for run, *_ in found]).update(partition_key=None, partition_date=None)
        for run, old, _ in found:
            actions.audit(user, "clear_partition", run=run, partition_key=old)
            notify.run_changed(run.pk, dag_id)
    if tasks:
        for run, *_ in found:
            actions.clear(run.pk, user=user)
    return found
