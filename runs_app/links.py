"""The links that a task's operator and plugins give it: their addresses, as its attempt left them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django.conf import settings

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


def external_log(instance: TaskInstance, try_number: int) -> str:
    """Return where the log of a try is kept besides; "" where nowhere is."""
    address: str = settings.ORCH.external_log_url
    names = {"dag_id": instance.dag_id, "run_id": instance.run.run_id, "task_id": instance.task_id}
    for name, value in {**names, "map_index": instance.map_index, "try_number": try_number}.items():
        address = address.replace("{" + name + "}", quote(str(value), safe=""))
    return address if address.startswith(SAFE) else ""
