"""What happened: runs, task instances, processes, the audit log."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from dags_app.models import AuditEntry
from orchestrator import access
from orchestrator.logs.mask import mask_fields
from runs_app import actions
from runs_app.cancel import cancel_run
from runs_app.models import Backfill, DagRun, Process, TaskInstance

from .base import Looked, action, link


@admin.register(DagRun)
class DagRunAdmin(Looked):
    """Runs. A state is changed by an action, or not at all."""

    list_display = ("run_id", "dag_id", "page", "state", "run_type", "logical_date", "started_at", "ended_at")
    list_filter = ("state", "run_type", "triggered_by")
    search_fields = ("run_id", "dag__dag_id")
    date_hierarchy = None
    ordering = ("-pk",)
    exclude = ("conf",)
    readonly_fields = ("page", "configuration")
    actions = ("clear", "clear_failed", "mark_success", "mark_failed", "cancel", "delete_run")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DagRun]:
        return access.visible_runs(request.user).order_by(*self.ordering)

    @admin.display(description="page")
    def page(self, run: DagRun) -> str:
        return link(reverse("run", args=[run.dag_id, run.run_id]), "tasks")

    @admin.display(description="conf")
    def configuration(self, run: DagRun) -> Any:
        return mask_fields(run.conf)

    @action("Clear", "clear")
    def clear(self, request: HttpRequest, run: DagRun) -> None:
        actions.clear(run.pk, user=request.user)

    @action("Clear what failed", "clear")
    def clear_failed(self, request: HttpRequest, run: DagRun) -> None:
        actions.clear(run.pk, only_failed=True, user=request.user)

    @action("Mark success", "mark")
    def mark_success(self, request: HttpRequest, run: DagRun) -> None:
        actions.set_run_state(run.pk, "success", user=request.user)

    @action("Mark failed", "mark")
    def mark_failed(self, request: HttpRequest, run: DagRun) -> None:
        actions.set_run_state(run.pk, "failed", user=request.user)

    @action("Cancel", "mark")
    def cancel(self, request: HttpRequest, run: DagRun) -> None:
        cancel_run(run.pk, user=request.user)

    @action("Delete", "delete")
    def delete_run(self, request: HttpRequest, run: DagRun) -> None:
        actions.delete_run(run.pk, user=request.user)


@admin.register(TaskInstance)
class TaskInstanceAdmin(Looked):
    """Task instances. Their columns are the engine's."""

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

    @admin.display(description="page")
    def page(self, instance: TaskInstance) -> str:
        keys = [instance.dag_id, instance.run.run_id, instance.task_id]
        if instance.map_index != -1:
            return link(reverse("task-mapped", args=[*keys, instance.map_index]), "log")
        return link(reverse("task", args=keys), "log")

    @action("Clear", "clear")
    def clear(self, request: HttpRequest, instance: TaskInstance) -> None:
        actions.clear(instance.run_id, chosen=[instance], user=request.user)

    @action("Mark success", "mark")
    def mark_success(self, request: HttpRequest, instance: TaskInstance) -> None:
        actions.set_task_state([instance.pk], "success", user=request.user)

    @action("Mark failed", "mark")
    def mark_failed(self, request: HttpRequest, instance: TaskInstance) -> None:
        actions.set_task_state([instance.pk], "failed", user=request.user)

    @action("Mark skipped", "mark")
    def mark_skipped(self, request: HttpRequest, instance: TaskInstance) -> None:
        actions.set_task_state([instance.pk], "skipped", user=request.user)


@admin.register(Backfill)
class BackfillAdmin(Looked):
    """Backfills; the page of the DAG pauses and cancels them."""

    list_display = (
        "__str__",
        "dag",
        "reprocess_behavior",
        "max_active_runs",
        "is_paused",
        "created_at",
        "completed_at",
    )
    list_filter = ("is_paused", ("completed_at", admin.EmptyFieldListFilter))
    search_fields = ("dag__dag_id",)
    ordering = ("-pk",)
    exclude = ("dag_run_conf",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Backfill]:
        return access.visible_backfills(request.user).order_by(*self.ordering)


@admin.register(Process)
class ProcessAdmin(Looked):
    """Processes that are, or were, alive."""

    see = "read_processes"
    list_display = ("__str__", "kind", "started_at", "beat_at", "draining", "ended_at", "end_reason")
    list_filter = ("kind", "draining", ("ended_at", admin.EmptyFieldListFilter))
    search_fields = ("hostname",)
    ordering = ("-pk",)


@admin.register(AuditEntry)
class AuditEntryAdmin(Looked):
    """Who did what. Only ever added to."""

    see = "read_audit"
    list_display = ("at", "actor", "event", "dag_id", "run_id", "task_id")
    list_filter = ("event",)
    search_fields = ("actor", "dag_id", "run_id", "task_id")
