"""What happened: runs, task instances, processes, the audit log."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy

from dags_app.models import AuditEntry
from orchestrator import access
from orchestrator.logs.mask import mask_fields
from orchestrator.web.views.dialogs import task_url
from runs_app import actions, backfills, processes
from runs_app.cancel import cancel_run
from runs_app.models import Backfill, DagRun, Process, TaskInstance

from .base import Looked, action


@admin.register(DagRun)
class DagRunAdmin(Looked):
    """Runs. A state is changed by an action, or not at all."""

    list_display = ("run_id", "dag_id", "page", "state", "run_type", "logical_date", "started_at", "ended_at")
    list_filter = ("state", "run_type", "triggered_by", "run_after")
    search_fields = ("run_id", "dag__dag_id")
    page_text = "tasks"
    ordering = ("-pk",)
    exclude = ("conf",)
    readonly_fields = ("page", "configuration")
    actions = ("clear", "clear_failed", "mark_success", "mark_failed", "cancel", "delete_run")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DagRun]:
        return access.visible_runs(request.user).order_by(*self.ordering)

    def view_on_site(self, run: DagRun) -> str:
        return reverse("run", args=[run.dag_id, run.run_id])

    @admin.display(description=gettext_lazy("conf"))
    def configuration(self, run: DagRun) -> Any:
        return mask_fields(run.conf)

    @action(gettext_lazy("Clear"), "clear")
    def clear(self, request: HttpRequest, run: DagRun) -> None:
        actions.clear(run.pk, user=request.user)

    @action(gettext_lazy("Clear what failed"), "clear")
    def clear_failed(self, request: HttpRequest, run: DagRun) -> None:
        actions.clear(run.pk, only_failed=True, user=request.user)

    @action(gettext_lazy("Mark success"), "mark")
    def mark_success(self, request: HttpRequest, run: DagRun) -> None:
        actions.set_run_state(run.pk, "success", user=request.user)

    @action(gettext_lazy("Mark failed"), "mark")
    def mark_failed(self, request: HttpRequest, run: DagRun) -> None:
        actions.set_run_state(run.pk, "failed", user=request.user)

    @action(gettext_lazy("Cancel"), "mark")
    def cancel(self, request: HttpRequest, run: DagRun) -> None:
        cancel_run(run.pk, user=request.user)

    @action(gettext_lazy("Delete"), "delete")
    def delete_run(self, request: HttpRequest, run: DagRun) -> None:
        actions.delete_run(run.pk, user=request.user)


@admin.register(TaskInstance)
class TaskInstanceAdmin(Looked):
    """Task instances. Their columns are the engine's."""

    page_text = "log"
    list_display = ("task_id", "map_index", "page", "run", "state", "try_number", "started_at")
    list_filter = ("state", "queue", "pool", "operator")
    search_fields = ("task_id", "dag_id", "run__run_id")
    list_select_related = ("run",)
    ordering = ("-pk",)
    exclude = ("next_kwargs",)  # what a deferred task told itself may hold secrets
    readonly_fields = ("page",)
    actions = ("clear", "mark_success", "mark_failed", "mark_skipped")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TaskInstance]:
        return access.visible_task_instances(request.user).order_by(*self.ordering)

    def view_on_site(self, instance: TaskInstance) -> str:
        return task_url(instance.dag_id, instance.run.run_id, instance.task_id, instance.map_index)

    @action(gettext_lazy("Clear"), "clear")
    def clear(self, request: HttpRequest, instance: TaskInstance) -> None:
        actions.clear(instance.run_id, chosen=[instance], user=request.user)

    @action(gettext_lazy("Mark success"), "mark")
    def mark_success(self, request: HttpRequest, instance: TaskInstance) -> None:
        actions.set_task_state([instance.pk], "success", user=request.user)

    @action(gettext_lazy("Mark failed"), "mark")
    def mark_failed(self, request: HttpRequest, instance: TaskInstance) -> None:
        actions.set_task_state([instance.pk], "failed", user=request.user)

    @action(gettext_lazy("Mark skipped"), "mark")
    def mark_skipped(self, request: HttpRequest, instance: TaskInstance) -> None:
        actions.set_task_state([instance.pk], "skipped", user=request.user)


@admin.register(Backfill)
class BackfillAdmin(Looked):
    """Backfills, which actions pause, go on with and cancel."""

    list_display = (
        "__str__",
        "page",
        "dag",
        "reprocess_behavior",
        "max_active_runs",
        "is_paused",
        "created_at",
        "completed_at",
    )
    list_filter = ("is_paused", ("completed_at", admin.EmptyFieldListFilter))
    search_fields = ("dag__dag_id",)
    list_select_related = ("dag",)
    ordering = ("-pk",)
    exclude = ("dag_run_conf",)
    actions = ("pause", "unpause", "cancel")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Backfill]:
        return access.visible_backfills(request.user).order_by(*self.ordering)

    def view_on_site(self, backfill: Backfill) -> str:
        return reverse("backfills", args=[backfill.dag_id])

    @action(gettext_lazy("Pause"), "trigger", ask=False)
    def pause(self, request: HttpRequest, backfill: Backfill) -> None:
        backfills.set_paused(backfill.pk, True, user=request.user)

    @action(gettext_lazy("Unpause"), "trigger", ask=False)
    def unpause(self, request: HttpRequest, backfill: Backfill) -> None:
        backfills.set_paused(backfill.pk, False, user=request.user)

    @action(gettext_lazy("Cancel"), "trigger")
    def cancel(self, request: HttpRequest, backfill: Backfill) -> None:
        backfills.cancel(backfill.pk, user=request.user)


@admin.register(Process)
class ProcessAdmin(Looked):
    """Processes that are, or were, alive."""

    see = "read_processes"
    list_display = ("__str__", "page", "kind", "started_at", "beat_at", "draining", "ended_at", "end_reason")
    list_filter = ("kind", "draining", ("ended_at", admin.EmptyFieldListFilter))
    search_fields = ("hostname",)
    ordering = ("-pk",)
    actions = ("drain", "take_work")

    def view_on_site(self, process: Process) -> str:
        return reverse("workers" if process.kind == "slot" else "jobs")

    @action(gettext_lazy("Drain: start no more tasks"), "edit_processes")
    def drain(self, request: HttpRequest, process: Process) -> None:
        processes.drain([process.pk], True, user=request.user)

    @action(gettext_lazy("Take work again"), "edit_processes", ask=False)
    def take_work(self, request: HttpRequest, process: Process) -> None:
        processes.drain([process.pk], False, user=request.user)


@admin.register(AuditEntry)
class AuditEntryAdmin(Looked):
    """Who did what. Only ever added to."""

    see = "read_audit"
    list_display = ("at", "page", "actor", "event", "dag_id", "run_id", "task_id")
    list_filter = ("at", "event")
    search_fields = ("actor", "dag_id", "run_id", "task_id")

    def view_on_site(self, entry: AuditEntry) -> str:
        return f"{reverse('events')}?{urlencode({'event': entry.event})}"
