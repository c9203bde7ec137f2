"""Changes of state in the order of their rows, for whoever follows them: each exactly once, none left out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Min, QuerySet

from .models import DagRun, StateEvent

MOST = 500
HOLE_SECONDS = 3.0
"""A row may be committed after one that was numbered later: a gap so young may still be filled."""
FIELDS = (
    *("pk", "at", "old", "new", "actor", "reason", "run__dag_id", "run__run_id"),
    *("task_instance__task_id", "task_instance__map_index"),
)


def newest() -> int:
    """Return the number of the newest change, 0 where there is none."""
    return StateEvent.objects.aggregate(last=Max("pk"))["last"] or 0


def up_to(seen: int, most: int) -> int:
    """Return the number up to which one pass looks that has seen the changes to ``seen``: so again where none is new.

    Counted from the first that is there: what was deleted or rolled back leaves gaps of any width.
    """
    new = StateEvent.objects.filter(pk__gt=seen).aggregate(first=Min("pk"), last=Max("pk"))
    return min(new["first"] + most, new["last"]) if new["last"] else seen


def after(last: int, runs: QuerySet[DagRun], now: datetime) -> tuple[list[dict[str, Any]], int]:
    """Return what changed in ``runs`` after number ``last``, and the number up to which that is all."""
    numbers = StateEvent.objects.filter(pk__gt=last).order_by("pk").values_list("pk", "at")[:MOST]
    upto = last
    for pk, at in numbers:
        if pk != upto + 1 and now - at < timedelta(seconds=HOLE_SECONDS):
            break
        upto = pk
    if upto == last:
        return [], last
    rows = StateEvent.objects.filter(pk__gt=last, pk__lte=upto, run__in=runs).order_by("pk")
    return list(rows.values(*FIELDS)), upto
