"""Users. Their roles are groups; what Django calls permissions is not used."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy

from orchestrator import access
from runs_app.actions import audit

from .base import ByRole

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class AccountAdmin(ByRole, UserAdmin):
    """Accounts, with their roles."""

    edit = "admin"
    list_display = ("username", "page", "role", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser", "groups")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (gettext_lazy("Person"), {"fields": ("first_name", "last_name", "email")}),
        (gettext_lazy("Rights"), {"fields": ("is_active", "groups", "is_superuser")}),
        (gettext_lazy("Times"), {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()

    def view_on_site(self, user: User) -> str:
        return reverse("users-edit", args=[user.pk])

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description=gettext_lazy("role"))
    def role(self, user: User) -> str:
        """From the groups that came with the list: asking for each would be a query a row."""
        names = {group.name for group in user.groups.all()}
        highest = next((role for role in reversed(access.ROLES) if role in names), "")
        return "" if not user.is_active else "admin" if user.is_superuser else highest

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        names = [name for name in form.changed_data if not name.startswith("password")]
        audit(request.user, "patch_user" if change else "post_user", username=obj.username, changed=names)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        audit(request.user, "delete_user", username=obj.username)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for obj in queryset:
            self.delete_model(request, obj)
