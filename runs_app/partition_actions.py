"""What people may ask for about the partitions of runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.db import transaction

from dags_app.models import Dag
from dags_app.versions import load_spec
from orchestrator.core import timetables

from . import actions, notify
from .models import DagRun, TaskInstance


@dataclass(frozen=True, slots=True)
class Cleared:
    """The runs that had a key, with it and its date; and how many of their task instances are cleared with it."""

    runs: list[tuple[DagRun, str | None, datetime | None]]
    task_instances: int


def zone_of(dag: Dag) -> tzinfo:
    """The time zone of a DAG's timetable, which dates without one are in."""
    if dag.version_id is None:
        return UTC
    cron = getattr(timetables.from_json(dict(load_spec(dag.version_id).timetable)), "cron", None)
    return getattr(cron, "zone", UTC)


def clear(
    dag_id: str,
    *,
    run_id: str | None = None,
    key: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    tasks: bool = False,
    dry_run: bool = False,
    user: Any,
) -> Cleared:
    """Take the partition key and date off runs, with ``tasks`` also run them again."""
    rows = DagRun.objects.filter(dag_id=dag_id, partition_key__isnull=False)
    if run_id is not None:
        rows = rows.filter(run_id=run_id)
    if key is not None:
        rows = rows.filter(partition_key=key)
    if since is not None:
        rows = rows.filter(partition_date__gte=since)
    if until is not None:
        rows = rows.filter(partition_date__lte=until)
    found = [(run, run.partition_key, run.partition_date) for run in rows.order_by("partition_date", "pk")]
    pks = [run.pk for run, *_ in found]
    if dry_run or not found:
        return Cleared(found, TaskInstance.objects.filter(run__in=pks).count() if tasks else 0)
    with transaction.atomic():
        DagRun.objects.filter(pk__in=pks).update(partition_key=None, partition_date=None)
        for run, old, _ in found:
            actions.audit(user, "clear_partition", run=run, partition_key=old)
            notify.run_changed(run.pk, dag_id)
    return Cleared(found, sum(len(actions.clear(pk, user=user)) for pk in pks) if tasks else 0)
