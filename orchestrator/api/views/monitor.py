"""Health and version: what load balancers and clients ask before anything else."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import metadata

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator.api import shapes
from orchestrator.api.base import OpenView
from runs_app.models import Process

AIRFLOW_API_VERSION = "3.3.2"
"""Clients compare the major version with their own before they go on."""


class HealthView(OpenView):
    """GET /api/v2/monitor/health: answers without a token, and when the database is away."""

    def get(self, request: Request) -> Response:
        try:
            beats = dict(
                Process.objects.filter(ended_at__isnull=True).order_by("beat_at").values_list("kind", "beat_at")
            )
        except (DatabaseError, InterfaceError):
            beats, database = {}, "unhealthy"
        else:
            database = "healthy"
        answer: dict[str, object] = {"metadatabase": {"status": database}}
        for name, kind in (("scheduler", "beat"), ("triggerer", "triggerer"), ("dag_processor", "processor")):
            answer[name] = {
                "status": _status(beats.get(kind)),
                f"latest_{name}_heartbeat": shapes.moment(beats.get(kind)),
            }
        return Response(answer)


def _status(beat_at: datetime | None) -> str | None:
    if beat_at is None:
        return None
    fresh = timezone.now() - beat_at < timedelta(seconds=settings.ORCH.lease_seconds)
    return "healthy" if fresh else "unhealthy"


class VersionView(OpenView):
    """GET /api/v2/version."""

    def get(self, request: Request) -> Response:
        try:
            own = metadata.version("orchestrator")
        except metadata.PackageNotFoundError:
            own = None
        return Response({"version": AIRFLOW_API_VERSION, "git_version": f"orchestrator {own}" if own else None})
