"""Assets, their aliases and events, and what waits for DAGs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy

from dags_app.models import Asset, AssetAlias
from orchestrator import access
from orchestrator.logs.mask import mask_fields
from runs_app import asset_actions
from runs_app.models import AssetEvent, QueuedEvent

from .base import Looked, action


@admin.register(Asset)
class AssetAdmin(Looked):
    """Assets that DAG files name, and those that once did."""

    page_text = "lineage"
    list_display = ("name", "page", "uri", "group", "is_active", "updated_at")
    list_filter = ("is_active", "group")
    search_fields = ("name", "uri", "group")
    ordering = ("name",)
    exclude = ("extra",)
    readonly_fields = ("page", "extra_masked")
    actions = ("materialize",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Asset]:
        return access.visible_assets(request.user).order_by(*self.ordering)

    def view_on_site(self, asset: Asset) -> str:
        return reverse("asset", args=[asset.pk])

    @admin.display(description=gettext_lazy("extra"))
    def extra_masked(self, asset: Asset) -> Any:
        return mask_fields(asset.extra)

    @action(gettext_lazy("Materialize: run the DAG that makes it"), "trigger")
    def materialize(self, request: HttpRequest, asset: Asset) -> None:
        asset_actions.materialize(asset.pk, user=request.user)


@admin.register(AssetAlias)
class AssetAliasAdmin(Looked):
    """Names under which tasks announce assets."""

    list_display = ("name", "group")
    list_filter = ("group",)
    search_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AssetAlias]:
        return access.visible_aliases(request.user).order_by("name")


@admin.register(AssetEvent)
class AssetEventAdmin(Looked):
    """Events of assets. Only ever added to, and never here: the page of the asset makes one."""

    page_text = "asset"
    list_display = ("timestamp", "asset", "page", "source_dag_id", "source_task_id", "source_run_id", "partition_key")
    list_filter = ("timestamp", ("source_dag_id", admin.EmptyFieldListFilter))
    search_fields = ("asset__name", "source_dag_id", "source_task_id", "source_run_id", "partition_key")
    list_select_related = ("asset",)
    ordering = ("-pk",)
    exclude = ("extra",)
    readonly_fields = ("page", "extra_masked")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AssetEvent]:
        return access.visible_asset_events(request.user).order_by(*self.ordering)

    def view_on_site(self, event: AssetEvent) -> str:
        return reverse("asset", args=[event.asset_id])

    @admin.display(description=gettext_lazy("extra"))
    def extra_masked(self, event: AssetEvent) -> Any:
        return mask_fields(event.extra)


@admin.register(QueuedEvent)
class QueuedEventAdmin(Looked):
    """Assets that changed since the last run of a DAG that waits for others, too."""

    page_text = "what it waits for"
    list_display = ("dag", "page", "asset", "created_at", "touched_at")
    list_filter = ("created_at",)
    search_fields = ("dag__dag_id", "asset__name")
    list_select_related = ("dag", "asset")
    actions = ("drop",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[QueuedEvent]:
        return access.visible_queued_events(request.user).order_by("created_at", "pk")

    def view_on_site(self, queued: QueuedEvent) -> str:
        return reverse("schedule", args=[queued.dag_id])

    @action(gettext_lazy("Forget that it changed"), "edit")
    def drop(self, request: HttpRequest, queued: QueuedEvent) -> None:
        asset_actions.drop_queued(dag_ids=[queued.dag_id], asset_pk=queued.asset_id, user=request.user)
