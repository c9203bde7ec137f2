"""The links that a task's operator and plugins give it: their addresses, as its attempt left them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .models import TaskInstance, XCom

SAFE = ("https://", "http://", "/")
"""What a link may begin with: user code made it, and a browser runs what others name."""


def links_of(instance: TaskInstance, display: Mapping[str, Any]) -> dict[str, str | None]:
    """Name -> address of each link; None where there is none yet, or none that a browser should open."""
    keys: dict[str, str] = display.get("link_keys") or {}
    if not keys:
        return {}
    rows = XCom.objects.filter(task_instance=instance, key__in=keys.values()).values_list("key", "value")
    found = {key: value for key, value in rows if isinstance(value, str) and value.startswith(SAFE)}
    return {name: found.get(key) for name, key in sorted(keys.items())}
