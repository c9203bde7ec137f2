"""Where things are used, as pages show it: within the DAGs that the reader may see."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Q, QuerySet

from dags_app.models import Connection, Pool, Use, Variable
from orchestrator import access
from orchestrator.core.uses import CONNECTION, POOL, VARIABLE

UNUSED_AFTER = timedelta(days=90)
MOST_MISSING = 20
NAMED_BY_SOURCES = {VARIABLE: (Variable, "AIRFLOW_VAR_"), CONNECTION: (Connection, "AIRFLOW_CONN_")}


@dataclass(slots=True)
class Summary:
    """How one thing is used. ``is_unused``: nothing names it, and nothing has asked for it for 90 days."""

    dags: int = 0
    read_at: datetime | None = None
    is_unused: bool = False


@dataclass(slots=True)
class Missing:
    """A name that sources use and that is not there, with the DAGs that use it."""

    name: str
    dags: list[str] = field(default_factory=list)


def seen(user: Any, kind: str) -> QuerySet[Use]:
    """Return the uses by DAGs that the user may see and that are there."""
    return Use.objects.filter(kind=kind, dag__in=access.visible_dags(user).filter(is_stale=False))


def summaries(user: Any, kind: str, rows: Iterable[Any], now: datetime) -> dict[str, Summary]:
    """Return how each of these rows is used; one query however many they are."""
    there = list(rows)
    uses = seen(user, kind).filter(name__in=[row.pk for row in there])
    counted = {
        each["name"]: each
        for each in uses.order_by()
        .values("name")
        .annotate(dags=Count("dag", distinct=True), named=Count("pk", filter=Q(in_source=True)), last=Max("read_at"))
    }
    found = {}
    for row in there:
        about = counted.get(row.pk, {"dags": 0, "named": 0, "last": None})
        # A thing that was just made has had no time to be used.
        newest = max((at for at in (about["last"], getattr(row, "updated_at", None)) if at), default=None)
        is_unused = not about["named"] and newest is not None and now - newest > UNUSED_AFTER
        found[row.pk] = Summary(about["dags"], about["last"], is_unused)
    return found


def by_dag(user: Any, kind: str, name: str) -> list[Use]:
    """Return the uses of one thing, a DAG's together."""
    return list(seen(user, kind).filter(name=name).select_related("dag").order_by("dag_id", "task_id"))


def missing(user: Any, kind: str) -> list[Missing]:
    """Return what sources name, must be there, and is neither in the database nor in the environment.

    With a secrets backend nothing is known to be missing: it may have all of them.
    """
    if kind == POOL:
        there, prefix = Pool.objects.values("name"), ""
    elif settings.ORCH.secrets_backend:
        return []
    else:
        model, prefix = NAMED_BY_SOURCES[kind]
        there = model.objects.values("pk")
    rows = seen(user, kind).filter(in_source=True, is_optional=False).exclude(name__in=there)
    found: dict[str, Missing] = {}
    for name, dag_id in rows.order_by("name", "dag_id").values_list("name", "dag_id").distinct():
        if prefix and os.environ.get(prefix + name.upper()):
            continue
        if name not in found and len(found) >= MOST_MISSING:
            break
        found.setdefault(name, Missing(name)).dags.append(dag_id)
    return list(found.values())
