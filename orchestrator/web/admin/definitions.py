"""DAGs, their versions, and import errors."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy

from dags_app.models import Dag, DagImportError, DagVersion, PluginSource
from orchestrator import access
from runs_app import actions

from .base import Looked, action


@admin.register(Dag)
class DagAdmin(Looked):
    """DAGs; what their files say cannot be changed here."""

    list_display = (
        "dag_id",
        "page",
        "is_paused",
        "is_frozen",
        "is_stale",
        "timetable_description",
        "next_run_after",
        "version",
    )
    list_filter = ("is_paused", "is_frozen", "is_stale", "tags__name")
    search_fields = ("dag_id", "display_name", "description")
    list_select_related = ("version",)
    readonly_fields = ("page", "tag_names")
    actions = ("trigger", "pause", "freeze", "unpause", "delete_dag")
    page_text = "grid"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dag]:
        return access.visible_dags(request.user)

    def view_on_site(self, dag: Dag) -> str:
        return reverse("dag", args=[dag.pk])

    @admin.display(description=gettext_lazy("tags"))
    def tag_names(self, dag: Dag) -> str:
        return ", ".join(dag.tags.values_list("name", flat=True))

    @action(gettext_lazy("Trigger a run"), "trigger")
    def trigger(self, request: HttpRequest, dag: Dag) -> None:
        actions.trigger_dag(dag.pk, user=request.user)

    @action(gettext_lazy("Pause"), "pause", ask=False)
    def pause(self, request: HttpRequest, dag: Dag) -> None:
        actions.pause(dag.pk, True, user=request.user)

    @action(gettext_lazy("Pause and freeze what is under way"), "pause")
    def freeze(self, request: HttpRequest, dag: Dag) -> None:
        actions.pause(dag.pk, True, freeze=True, user=request.user)

    @action(gettext_lazy("Unpause"), "pause", ask=False)
    def unpause(self, request: HttpRequest, dag: Dag) -> None:
        actions.pause(dag.pk, False, user=request.user)

    @action(gettext_lazy("Delete with all history"), "admin")
    def delete_dag(self, request: HttpRequest, dag: Dag) -> None:
        actions.delete_dag(dag.pk, user=request.user)


@admin.register(DagVersion)
class DagVersionAdmin(Looked):
    """Versions; the spec is left out of the page, as it can be large."""

    page_text = "code"
    list_display = ("__str__", "page", "relative_path", "created_at")
    list_filter = ("created_at",)
    search_fields = ("dag__dag_id", "relative_path")
    ordering = ("-pk",)
    exclude = ("spec",)
    readonly_fields = ("page",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[DagVersion]:
        rows = DagVersion.objects.filter(dag__in=access.visible_dags(request.user)).defer("spec")
        return rows.order_by(*self.ordering)

    def view_on_site(self, version: DagVersion) -> str:
        return f"{reverse('code', args=[version.dag_id])}?version_number={version.version_number}"


@admin.register(PluginSource)
class PluginAdmin(Looked):
    """Plugins as the DAG processor last loaded them, and what is wrong with those that it could not."""

    list_display = ("__str__", "page", "source", "counts", "error", "loaded_at")
    list_filter = (("error", admin.EmptyFieldListFilter),)
    search_fields = ("source", "error")

    def view_on_site(self, plugin: PluginSource) -> str:
        return reverse("plugins")

    @admin.display(description=gettext_lazy("brings"))
    def counts(self, plugin: PluginSource) -> str:
        return ", ".join(f"{len(each)} {kind}" for kind, each in plugin.brings.items() if each)


@admin.register(DagImportError)
class DagImportErrorAdmin(Looked):
    """Import errors as they are now; they go away with their cause."""

    list_display = ("file", "page", "message", "line", "timestamp")
    list_filter = ("timestamp",)
    search_fields = ("file__relative_path", "message")
    list_select_related = ("file",)
    ordering = ("-timestamp",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return access.visible_import_errors(request.user).order_by(*self.ordering)

    def view_on_site(self, error: DagImportError) -> str:
        return reverse("import-errors")
