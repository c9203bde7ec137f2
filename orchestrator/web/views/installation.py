"""The pages of the installation itself: workers, processes, settings, plugins, providers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from dags_app.models import PluginSource
from orchestrator import access, env, providers
from orchestrator.web import uses, workers
from orchestrator.web.page import done, live_part, must, page
from runs_app import processes
from runs_app.models import Process

from .dialogs import form_view, shown

PER_PAGE = 100


@require_safe
def workers_page(request: HttpRequest) -> HttpResponse:
    must(request, "read_processes")
    there = workers.workers(request.user, timezone.now())
    return live_part(
        request,
        "installation/workers.html",
        {"rows": "installation/_workers.html"},
        nav="workers",
        workers=there,
        queues=workers.queues(request.user, there),
        may_edit=access.can(request.user, "edit_processes"),
    )


QUEUES = {"name": "workers", "one": gettext_lazy("queue"), "many": gettext_lazy("Workers and queues")}


@require_safe
def queue_uses(request: HttpRequest, queue: str) -> HttpResponse:
    """Which tasks run in a queue."""
    must(request, "read_processes")
    rows = uses.by_dag(request.user, "queue", queue)
    known = queue == "default" or queue in {
        each for row in workers.workers(request.user, timezone.now()) for each in row.queues
    }
    if not rows and not known:
        raise Http404(
            gettext("No task of now runs in a queue “{queue}”, and no worker serves one.").format(queue=queue)
        )
    return page(request, "registry/uses.html", nav="workers", name=queue, uses=rows, shelf=QUEUES)


@require_POST
def drain(request: HttpRequest) -> HttpResponse:
    """Have slots take nothing more, or take work again."""
    must(request, "edit_processes")
    on = request.POST.get("on") != "false"
    told = processes.drain(_chosen(request.POST), on, user=request.user)
    slots = ngettext("{count} slot", "{count} slots", told).format(count=told)
    text = (
        gettext("{slots} finish what they run and take nothing more.").format(slots=slots)
        if on
        else gettext("{slots} take work again.").format(slots=slots)
    )
    return done(request, text, reverse("workers"))


@form_view
def stop(request: HttpRequest) -> HttpResponse:
    must(request, "edit_processes")
    pks = _chosen(request.POST if request.method == "POST" else request.GET)
    slots = list(Process.objects.filter(pk__in=pks, kind="slot", ended_at__isnull=True).order_by("pk"))
    if request.method == "POST":
        processes.ask_to_stop(pks, user=request.user)
        return done(
            request, gettext("The worker stops when its tasks are done, or have been handed back."), reverse("workers")
        )
    seconds = settings.ORCH.drain_seconds
    title = gettext("Stop this worker?")
    return shown(request, "installation/_stop.html", nav="workers", slots=slots, title=title, seconds=seconds)


def _chosen(sent: Any) -> list[int]:
    return [
        int(each) for each in sent.getlist("process")[:500] if each.isascii() and each.isdecimal() and len(each) < 19
    ]


@require_safe
def jobs_page(request: HttpRequest) -> HttpResponse:
    """Every process that is, or was: Airflow's page of this name."""
    must(request, "read_processes")
    rows = Process.objects.order_by("-pk")
    kind, alive = request.GET.get("kind", ""), request.GET.get("alive") == "true"
    if kind in processes.KINDS:
        rows = rows.filter(kind=kind)
    if alive:
        rows = rows.filter(ended_at__isnull=True)
    chunk = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    fresh = timezone.now() - timedelta(seconds=settings.ORCH.lease_seconds)
    parts = {"rows": "installation/_jobs.html"}
    context = {"kinds": processes.KINDS, "fresh": fresh, "alive": alive}
    return live_part(request, "installation/jobs.html", parts, nav="jobs", chunk=chunk, **context)


@require_safe
def configs_page(request: HttpRequest) -> HttpResponse:
    """What the environment set, and what it could have set."""
    must(request, "read_config")
    rows = env.shown()
    if text := request.GET.get("q", "").strip().lower():
        rows = [row for row in rows if text in row.name.lower() or text in row.help.lower()]
    if request.GET.get("set") == "true":
        rows = [row for row in rows if row.source != "default"]
    return live_part(
        request, "installation/configs.html", {"rows": "installation/_configs.html"}, nav="configs", rows=rows
    )


@require_safe
def plugins_page(request: HttpRequest) -> HttpResponse:
    must(request, "read_plugins")
    plugins = list(PluginSource.objects.order_by("name", "source"))
    return page(
        request, "installation/plugins.html", nav="plugins", plugins=plugins, folder=settings.ORCH.plugins_folder
    )


@require_safe
def providers_page(request: HttpRequest) -> HttpResponse:
    must(request, "read_providers")
    return page(request, "installation/providers.html", nav="providers", providers=providers.installed())
