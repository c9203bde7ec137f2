"""How far a clear reaches beyond the tasks that run again: assets they update, DAGs these start, deadlines that count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import QuerySet

from dags_app.models import Asset, Dag
from dags_app.models.asset import ScheduleReference, TaskReference

from .locking import PARAMETERS, batches
from .models import Deadline, TaskInstance

MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Blast:
    """``dags`` are those that are scheduled on one of ``assets``; ``deadlines`` those of the runs that are not missed yet."""

    assets: list[Asset] = field(default_factory=list)
    dags: list[Dag] = field(default_factory=list)
    deadlines: int = 0

    @property
    def is_wide(self) -> bool:
        return bool(self.assets or self.deadlines)


def of(rows: Iterable[TaskInstance], visible: QuerySet[Dag] | None = None) -> Blast:
    """Return what else running these again may lead to, of ``visible`` DAGs; as many queries however many they are."""
    tasks, runs = {(row.dag_id, row.task_id) for row in rows}, {row.run_id for row in rows}
    makes = TaskReference.objects.filter(
        is_outlet=True, dag_id__in=sorted({dag_id for dag_id, _ in tasks})[:PARAMETERS]
    ).select_related("asset")
    assets = {each.asset_id: each.asset for each in makes if (each.dag_id, each.task_id) in tasks}
    starts = ScheduleReference.objects.filter(asset__in=list(assets)[:PARAMETERS]) if assets else None
    dags = (
        (Dag.objects.all() if visible is None else visible)
        .filter(pk__in=starts.values("dag"), is_stale=False)
        .order_by("pk")
        if starts is not None
        else []
    )
    deadlines = sum(Deadline.objects.filter(run__in=part, missed=False).count() for part in batches(sorted(runs)))
    return Blast(sorted(assets.values(), key=lambda each: each.name), list(dags), deadlines)
