"""Deadlines: those that come next, and those that were missed lately."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from orchestrator import access
from runs_app.models import Deadline

SHOWN = 6
LATELY = timedelta(days=1)


def deadlines(user: Any, now: datetime) -> dict[str, list[Deadline]]:
    """Return ``upcoming``, soonest first, and ``missed`` of the last day, newest first."""
    rows = Deadline.objects.filter(run__in=access.visible_runs(user).values("pk")).select_related("run")
    return {
        "upcoming": list(rows.filter(missed=False, deadline_time__gte=now).order_by("deadline_time", "pk")[:SHOWN]),
        "missed": list(
            rows.filter(missed=True, deadline_time__gte=now - LATELY).order_by("-deadline_time", "-pk")[:SHOWN]
        ),
    }
