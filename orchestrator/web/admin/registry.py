"""Pools, variables and connections. Secrets can be set, and are never shown again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from dags_app.models import Connection, Pool, Variable
from orchestrator.web.forms import ConnectionForm, PoolForm, VariableForm
from runs_app import registry

from .base import ByRole


class Registered(ByRole):
    """Rows that are written through :mod:`runs_app.registry`, which audits each change."""

    page_text = "where used"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (self.opts.pk.name,) if obj else ()  # a name is what DAGs ask by: another one is another row

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        self.save(obj.pk, form.values(), new=not change, user=request.user)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.delete(obj.pk, user=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for obj in queryset:
            self.delete_model(request, obj)

    def save(self, key: str, values: dict[str, Any], *, new: bool, user: Any) -> None:
        raise NotImplementedError

    def delete(self, key: str, *, user: Any) -> None:
        raise NotImplementedError


@admin.register(Pool)
class PoolAdmin(Registered):
    """Pools, with the slots in use."""

    see = "edit_pools"
    edit = "edit_pools"
    form = PoolForm
    page_text = "slots"
    list_display = (
        "name",
        "page",
        "slots",
        "running",
        "scheduled",
        "include_deferred",
        "rate_per_minute",
        "description",
    )
    list_filter = ("include_deferred", ("rate_per_minute", admin.EmptyFieldListFilter))
    search_fields = ("name", "description")

    def view_on_site(self, pool: Pool) -> str:
        return reverse("pool", args=[pool.pk])

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list with the use of its pools, asked for once."""
        found = super().get_changelist_instance(request)
        used = registry.pool_use([pool.pk for pool in found.result_list])
        for pool in found.result_list:
            pool.used = used.get(pool.pk, {})
        return found

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.pk != registry.DEFAULT_POOL)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        super().delete_queryset(request, queryset.exclude(pk=registry.DEFAULT_POOL))

    def running(self, pool: Pool) -> int:
        return int(pool.used.get("running", 0))  # type: ignore[attr-defined]

    def scheduled(self, pool: Pool) -> int:
        return int(pool.used.get("scheduled", 0))  # type: ignore[attr-defined]

    def save(self, key: str, values: dict[str, Any], *, new: bool, user: Any) -> None:
        registry.save_pool(key, values, new=new, user=user)

    def delete(self, key: str, *, user: Any) -> None:
        registry.delete_pool(key, user=user)


@admin.register(Variable)
class VariableAdmin(Registered):
    """Variables; values are write-only."""

    see = "read_variables"
    edit = "edit_variables"
    form = VariableForm
    fields = ("key", "value", "description")
    list_display = ("key", "page", "description", "updated_at")
    list_filter = ("updated_at", ("description", admin.EmptyFieldListFilter))
    search_fields = ("key", "description")

    def view_on_site(self, variable: Variable) -> str:
        return reverse("variables-uses", args=[variable.pk])

    def save(self, key: str, values: dict[str, Any], *, new: bool, user: Any) -> None:
        registry.save_variable(key, values, new=new, user=user)

    def delete(self, key: str, *, user: Any) -> None:
        registry.delete_variable(key, user=user)


@admin.register(Connection)
class ConnectionAdmin(Registered):
    """Connections; password and extra are write-only."""

    see = "read_connections"
    edit = "edit_connections"
    form = ConnectionForm
    fields = (
        *("conn_id", "conn_type", "description", "host", "login", "schema", "port"),
        *("password", "extra", "forget"),
    )
    list_display = ("conn_id", "page", "conn_type", "host", "port", "login", "updated_at")
    list_filter = ("conn_type", "updated_at")
    search_fields = ("conn_id", "host", "description")

    def view_on_site(self, connection: Connection) -> str:
        return reverse("connections-uses", args=[connection.pk])

    def save(self, key: str, values: dict[str, Any], *, new: bool, user: Any) -> None:
        registry.save_connection(key, values, new=new, user=user)

    def delete(self, key: str, *, user: Any) -> None:
        registry.delete_connection(key, user=user)
