"""The installation itself: its processes, its settings, the packages it has."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator import env, providers
from orchestrator.api import shapes
from orchestrator.api.base import ApiView
from orchestrator.api.query import Listing, flag, order_of, window
from orchestrator.api.scope import must
from runs_app.components import JOBS
from runs_app.models import Process

KINDS = {**JOBS, "control": "ControlJob"}
SECTION = "orchestrator"
"""Our settings have no sections: all stand in this one."""


def _kind(job_type: str) -> tuple[str, ...]:
    return tuple(kind for kind, name in KINDS.items() if name == job_type)


LISTING = Listing(
    order=order_of(
        "hostname",
        id="pk",
        dag_id="pk",
        state="ended_at",
        job_type="kind",
        start_date="started_at",
        end_date="ended_at",
        latest_heartbeat="beat_at",
        executor_class="pk",
        unixname="pk",
    ),
    default_order=("-beat_at",),
    exact={"job_type": "kind", "hostname": "hostname"},
    convert={"job_type": _kind},
    times={"start_date": "started_at", "end_date": "ended_at"},
)
STATES = {"running": Q(ended_at__isnull=True), "success": Q(ended_at__isnull=False)}


class JobsView(ApiView):
    """GET /api/v2/jobs: every process that is, or was, under Airflow's names."""

    def get(self, request: Request) -> Response:
        must(request.user, "read_processes")
        rows = Process.objects.all()
        if (state := request.GET.get("job_state")) is not None:
            rows = rows.filter(STATES.get(state, Q(pk__in=[])))
        if request.GET.get("executor_class"):
            rows = rows.none()  # there are no executors
        if (alive := flag(request.GET, "is_alive")) is not None:
            fresh = timezone.now() - timedelta(seconds=settings.ORCH.lease_seconds)
            living = Q(ended_at__isnull=True, beat_at__gte=fresh)
            rows = rows.filter(living if alive else ~living)
        page, total = LISTING.page(rows, request.GET)
        return Response({"jobs": [job(each) for each in page], "total_entries": total})


def job(process: Process) -> dict[str, Any]:
    """A process as Airflow shows a job; what has no meaning here is null."""
    return {
        "id": process.pk,
        "dag_id": None,
        "state": "running" if process.ended_at is None else "success",
        "job_type": KINDS.get(process.kind, process.kind),
        "start_date": shapes.moment(process.started_at),
        "end_date": shapes.moment(process.ended_at),
        "latest_heartbeat": shapes.moment(process.beat_at),
        "executor_class": None,
        "hostname": process.hostname,
        "unixname": None,
        "dag_display_name": None,
    }


class ProvidersView(ApiView):
    """GET /api/v2/providers."""

    def get(self, request: Request) -> Response:
        must(request.user, "read_providers")
        found = sorted(providers.installed(), key=lambda each: each.name)
        limit, offset = window(request.GET)
        rows = [
            {
                "package_name": each.name,
                "description": each.summary,
                "version": each.version,
                "documentation_url": each.documentation_url,
            }
            for each in found[offset : offset + limit]
        ]
        return Response({"providers": rows, "total_entries": len(found)})


class ConnectionTypesView(ApiView):
    """GET /api/v2/connectionTypes: what installed packages say of the connections they use."""

    def get(self, request: Request) -> Response:
        must(request.user, "read_connections")
        rows = providers.connection_types()
        limit, offset = window(request.GET)
        return Response({"connection_types": rows[offset : offset + limit], "total_entries": len(rows)})


class ConfigView(ApiView):
    """GET /api/v2/config: the settings, of secrets only that they are set."""

    def get(self, request: Request) -> Any:
        must(request.user, "read_config")
        section = request.GET.get("section")
        if section and section != SECTION:
            raise Http404(f"Section {section} not found.")
        return _as_wanted(request, {each.name: each.value for each in env.shown()})


class ConfigValueView(ApiView):
    """GET /api/v2/config/section/{section}/option/{option}."""

    def get(self, request: Request, section: str, option: str) -> Any:
        must(request.user, "read_config")
        found = {each.name: each.value for each in env.shown() if each.name == option}
        if section != SECTION or not found:
            raise Http404(f"Option [{section}/{option}] not found.")
        return _as_wanted(request, found)


def _as_wanted(request: Request, values: dict[str, str]) -> Any:
    accept = request.META.get("HTTP_ACCEPT", "")
    if "text/plain" in accept and "application/json" not in accept:
        lines = [f"[{SECTION}]", *(f"{name} = {value}" for name, value in values.items())]
        return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
    options = [{"key": name, "value": value} for name, value in values.items()]
    return Response({"sections": [{"name": SECTION, "options": options}]})
