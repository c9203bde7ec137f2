"""Pools, variables and connections. Secrets can be set, and are never shown again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from dags_app.models import Connection, Pool, Variable
from runs_app import registry

from .base import ByRole

KEEP = "Leave empty to keep what is there; it is never shown."


class Registered(ByRole):
    """Rows that are written through :mod:`runs_app.registry`, which audits each change."""

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


class PoolForm(forms.ModelForm):
    class Meta:
        model = Pool
        fields = ("name", "slots", "description", "include_deferred", "rate_per_minute")

    def clean_slots(self) -> int:
        slots: int = self.cleaned_data["slots"]
        if not -1 <= slots < 2**31:
            raise forms.ValidationError("0 or more, or -1 for no limit.")
        return slots

    def clean_rate_per_minute(self) -> int | None:
        rate: int | None = self.cleaned_data["rate_per_minute"]
        if rate is not None and not 1 <= rate <= registry.MOST_A_MINUTE:
            raise forms.ValidationError(f"1 to {registry.MOST_A_MINUTE}, or empty for no such limit.")
        return rate

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.Meta.fields if name != "name"}


@admin.register(Pool)
class PoolAdmin(Registered):
    """Pools, with the slots in use."""

    see = "edit_pools"
    edit = "edit_pools"
    form = PoolForm
    list_display = ("name", "slots", "running", "scheduled", "include_deferred", "rate_per_minute", "description")
    search_fields = ("name", "description")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.pk != registry.DEFAULT_POOL)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        super().delete_queryset(request, queryset.exclude(pk=registry.DEFAULT_POOL))

    def running(self, pool: Pool) -> int:
        return registry.pool_use([pool.pk]).get(pool.pk, {}).get("running", 0)

    def scheduled(self, pool: Pool) -> int:
        return registry.pool_use([pool.pk]).get(pool.pk, {}).get("scheduled", 0)

    def save(self, key: str, values: dict[str, Any], *, new: bool, user: Any) -> None:
        registry.save_pool(key, values, new=new, user=user)

    def delete(self, key: str, *, user: Any) -> None:
        registry.delete_pool(key, user=user)


class VariableForm(forms.ModelForm):
    value = forms.CharField(widget=forms.Textarea(attrs={"autocomplete": "off"}), required=False, strip=False)

    class Meta:
        model = Variable
        fields = ("key", "description")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["description"].required = False
        self.is_new = self.instance._state.adding
        self.fields["value"].required = self.is_new
        self.fields["value"].help_text = "" if self.is_new else KEEP

    def values(self) -> dict[str, Any]:
        found = {"description": self.cleaned_data["description"] or None}
        if self.cleaned_data["value"] or self.is_new:
            found["value"] = self.cleaned_data["value"]
        return found


@admin.register(Variable)
class VariableAdmin(Registered):
    """Variables; values are write-only."""

    see = "read_variables"
    edit = "edit_variables"
    form = VariableForm
    fields = ("key", "value", "description")
    list_display = ("key", "description", "updated_at")
    search_fields = ("key", "description")

    def save(self, key: str, values: dict[str, Any], *, new: bool, user: Any) -> None:
        registry.save_variable(key, values, new=new, user=user)

    def delete(self, key: str, *, user: Any) -> None:
        registry.delete_variable(key, user=user)


class ConnectionForm(forms.ModelForm):
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), required=False, strip=False, help_text=KEEP
    )
    extra = forms.CharField(
        widget=forms.Textarea(attrs={"autocomplete": "off"}), required=False, help_text=f"JSON. {KEEP}"
    )
    forget = forms.BooleanField(required=False, label="Remove password and extra")

    class Meta:
        model = Connection
        fields = ("conn_id", "conn_type", "description", "host", "login", "schema", "port")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("description", "host", "login", "schema", "port"):
            self.fields[name].required = False
        if self.instance._state.adding:
            self.fields["password"].help_text, self.fields["extra"].help_text = "", "JSON."
            self.fields["forget"].widget = forms.HiddenInput()

    def clean_port(self) -> int | None:
        port: int | None = self.cleaned_data["port"]
        if port is not None and not 0 <= port <= 65535:
            raise forms.ValidationError("A number up to 65535.")
        return port

    def values(self) -> dict[str, Any]:
        data = self.cleaned_data
        names = ("conn_type", "description", "host", "login", "schema", "port")
        found = {name: data[name] if data[name] != "" else None for name in names}
        if data["forget"]:
            found |= {"password": None, "extra": None}
        return found | {name: data[name] for name in ("password", "extra") if data[name]}


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
    list_display = ("conn_id", "conn_type", "host", "port", "login", "updated_at")
    list_filter = ("conn_type",)
    search_fields = ("conn_id", "host", "description")

    def save(self, key: str, values: dict[str, Any], *, new: bool, user: Any) -> None:
        registry.save_connection(key, values, new=new, user=user)

    def delete(self, key: str, *, user: Any) -> None:
        registry.delete_connection(key, user=user)
