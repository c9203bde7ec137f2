"""Old addresses lead to the new ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, timedelta
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from orchestrator import access
from orchestrator.web import old_addresses, zones

View = Callable[..., HttpResponse]


def lead(to: old_addresses.To) -> View:
    """A view that sends its readers where ``to`` says."""

    @require_safe
    def moved(request: HttpRequest, **path: str) -> HttpResponse:
        return HttpResponseRedirect(to(_asked(request, path)))

    return moved


def also_of_runs(page: View, tab: str) -> View:
    """``page`` of a DAG, which in Airflow 2 was the page of a run where the query named one."""

    @wraps(page)
    def view(request: HttpRequest, **path: str) -> HttpResponse:
        if request.GET.keys() & {"dag_run_id", "execution_date"}:
            return HttpResponseRedirect(old_addresses.place(_asked(request, path), tab))
        return page(request, **path)

    return view


def _asked(request: HttpRequest, path: dict[str, str]) -> old_addresses.Asked:
    def run_of(dag_id: str, date: str) -> str:
        try:
            moment = zones.read(date, UTC)
        except ValueError:
            return ""
        runs = access.visible_runs(request.user).filter(dag_id=dag_id, logical_date__gte=moment)
        # Mails of version 2 wrote some dates without their fraction of a second.
        found: Any = runs.filter(logical_date__lt=moment + timedelta(seconds=1)).order_by("logical_date")
        return found.values_list("run_id", flat=True).first() or ""

    return old_addresses.Asked(path, request.GET, run_of)
