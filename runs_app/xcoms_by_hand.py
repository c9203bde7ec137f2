"""What people may do to XComs by hand. Tasks write theirs with their result (:mod:`runs_app.finish`)."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from dags_app.versions import load_spec
from orchestrator.core.mapping import measure, measured_of
from orchestrator.sdk.xcom import length_of
from orchestrator.sdk.xcom_json import encode

from .actions import audit
from .exceptions import XComExists, XComTooLarge
from .models import TaskInstance, XCom


def create(instance: TaskInstance, key: str, value: Any, *, user: Any) -> None:
    """Write a value that is not there yet.

    Raises:
        XComExists: there is one under this key.
        XComTooLarge: more than is kept.
    """
    with transaction.atomic():
        names = {"run_id": instance.run_id, "dag_id": instance.dag_id, "task_id": instance.task_id}
        _, made = XCom.objects.get_or_create(
            **names,
            map_index=instance.map_index,
            key=key,
            defaults={"task_instance": instance, **_kept(instance, key, value)},
        )
        if not made:
            raise XComExists(key)
        audit(user, "create_xcom_entry", run=instance.run, task_id=instance.task_id, key=key)


def change(instance: TaskInstance, key: str, value: Any, *, user: Any) -> bool:
    """Write another value; False where there is none under this key.

    Raises:
        XComTooLarge: more than is kept.
    """
    with transaction.atomic():
        rows = XCom.objects.filter(task_instance=instance, key=key)
        if not rows.update(**_kept(instance, key, value), timestamp=timezone.now()):
            return False
        audit(user, "update_xcom_entry", run=instance.run, task_id=instance.task_id, key=key)
    return True


def delete(instance: TaskInstance, key: str, *, user: Any) -> bool:
    """Delete a value; False where there is none under this key."""
    with transaction.atomic():
        count, _ = XCom.objects.filter(task_instance=instance, key=key).delete()
        if count:
            audit(user, "delete_xcom_entry", run=instance.run, task_id=instance.task_id, key=key)
    return bool(count)


def _kept(instance: TaskInstance, key: str, value: Any) -> dict[str, Any]:
    """The columns of a value: as data, so that nothing in it can stand for an object of some class."""
    data = encode(value)
    size = len(json.dumps(data))
    if size > settings.ORCH.xcom_max_bytes:
        raise XComTooLarge(key, size, settings.ORCH.xcom_max_bytes)
    patterns = measured_of(load_spec(instance.version_id), instance.task_id) if key == "return_value" else ()
    return {"value": data, "length": length_of(value), "shape": _shape(value, patterns) or None}


def _shape(value: Any, patterns: Collection[str]) -> dict[str, Any]:
    """The lengths inside a value; none where it does not fit: what maps over it will say so."""
    try:
        return measure(value, patterns)
    except TypeError:
        return {}
