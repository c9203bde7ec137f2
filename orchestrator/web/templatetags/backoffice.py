"""The way from an object's own page to the same object in the Django admin."""

from __future__ import annotations

from typing import Any

from django import template
from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

register = template.Library()


@register.simple_tag(takes_context=True)
def in_admin(context: dict[str, Any], obj: Any) -> SafeString | str:
    """A link to an object in the Django admin; nothing for who may not look at it there."""
    model_admin = admin.site._registry.get(type(obj))
    request = context["request"]
    if model_admin is None or not admin.site.has_permission(request):
        return ""
    if not model_admin.has_view_permission(request, obj):
        return ""
    name = f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change"
    return format_html('<a class="link" href="{}">{}</a>', reverse(name, args=[obj.pk]), gettext("in the Django admin"))
