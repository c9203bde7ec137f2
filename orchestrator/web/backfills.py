"""Backfills as pages show them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from dags_app.models import Dag
from orchestrator import access
from runs_app.backfills import Progress, progress
from runs_app.models import Backfill


def open_one(request: HttpRequest, dag: Dag) -> tuple[Backfill | None, Progress | None]:
    """Return the DAG's backfill that is not over and how far it is."""
    found = access.visible_backfills(request.user).filter(dag=dag, completed_at__isnull=True).first()
    return (found, progress([found])[found.pk]) if found else (None, None)


def with_progress(rows: list[Backfill]) -> list[dict[str, Any]]:
    """Return each with how far it is."""
    known = progress(rows)
    return [{"backfill": each, "progress": known[each.pk]} for each in rows]
