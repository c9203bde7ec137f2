"""Kinds of failures as pages show them: how often, where and since when; within what the reader may see."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet

from orchestrator import access
from runs_app.models import Failure, FailureGroup


def seen(user: Any) -> QuerySet[Failure]:
    """Return the failures of DAGs that the user may see."""
    return Failure.objects.filter(dag_id__in=access.visible_dags(user).values("pk"))


def groups(user: Any, *, dag_id: str | None = None, since: datetime | None = None) -> QuerySet[Any]:
    """Return the kinds, the latest first, each with ``count``, ``dag_count``, ``first_at``, ``last_at``, ``since_version``.

    With ``dag_id`` of one DAG only, with ``since`` those that happened since then, counted from then on.
    """
    rows = seen(user)
    if dag_id is not None:
        rows = rows.filter(dag_id=dag_id)
    if since is not None:
        rows = rows.filter(at__gte=since)
    wanted = Q(failures__in=rows)
    return (
        FailureGroup.objects.filter(wanted)
        .annotate(
            count=Count("failures"),
            dag_count=Count("failures__dag_id", distinct=True),
            one_dag=Min("failures__dag_id"),
            first_at=Min("failures__at"),
            last_at=Max("failures__at"),
            since_version=Min("failures__version_number"),
        )
        .order_by("-last_at", "-pk")
    )


def by_task(rows: QuerySet[Failure]) -> list[dict[str, Any]]:
    """Return where failures were: one row a task, the latest first."""
    counted = (
        rows.order_by()
        .values("dag_id", "task_id")
        .annotate(count=Count("pk"), first_at=Min("at"), last_at=Max("at"), since_version=Min("version_number"))
    )
    return list(counted.order_by("-last_at", "dag_id", "task_id")[:100])
