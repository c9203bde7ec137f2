"""What a row of a list offers: rights may differ from DAG to DAG."""

from __future__ import annotations

from typing import Any

from django import template

from orchestrator import access

register = template.Library()


@register.simple_tag(takes_context=True)
def allowed(context: template.Context, verb: str, dag: Any) -> bool:
    """Whether the reader may do this with one DAG; all rows of a page together ask the database once."""
    return access.can(context["request"].user, verb, dag)
