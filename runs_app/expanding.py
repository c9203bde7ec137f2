"""Writing an expansion: the one instance that stood for a mapped task becomes the first of as many as there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orchestrator.core.decide import Expansion
from orchestrator.core.spec import DagSpec, TaskSpec

from .create import BATCH, columns, concurrency_key, copies
from .models import DagRun, TaskInstance
from .view import Loaded


def expand(run: Mapping[str, Any], spec: DagSpec, loaded: Loaded, expansion: Expansion, now: datetime) -> None:
    """Turn one unexpanded instance into the first of an expansion and add the others."""
    task_id, indexes = expansion.task_id, expansion.indexes
    first = loaded.pks.pop((task_id, expansion.replaces), None)
    if first is not None:
        TaskInstance.objects.filter(pk=first).update(map_index=indexes[0], updated_at=now)
        loaded.pks[task_id, indexes[0]] = first
    missing = [index for index in indexes if (task_id, index) not in loaded.pks]
    task = spec.tasks[task_id]
    if first is not None and missing == list(indexes[1:]) and task.concurrency_key is None:
        if missing:
            made = copies(first, indexes, now)
            loaded.pks.update({(task_id, index): pk for index, pk in made.items()})
        return
    keyed = DagRun.objects.get(pk=run["id"]) if task.concurrency_key is not None else None
    if keyed is not None and first is not None:
        key = concurrency_key(keyed, spec, task, indexes[0])
        TaskInstance.objects.filter(pk=first).update(concurrency_key=key)
    rows = (_instance(run, task, index, _key(keyed, spec, task, index), now) for index in missing)
    made_rows = TaskInstance.objects.bulk_create(rows, batch_size=BATCH)
    before = loaded.view.instances[task_id].values()
    if before and all(each.held for each in before):
        TaskInstance.objects.filter(pk__in=[made.pk for made in made_rows]).update(held=True)
    for made in made_rows:
        loaded.pks[task_id, made.map_index] = made.pk


def _key(keyed: DagRun | None, spec: DagSpec, task: TaskSpec, map_index: int) -> str | None:
    return concurrency_key(keyed, spec, task, map_index) if keyed is not None else None


def _instance(run: Mapping[str, Any], task: TaskSpec, map_index: int, key: str | None, now: datetime) -> TaskInstance:
    return TaskInstance(**columns(run["id"], run["dag_id"], run["version_id"], task, map_index, key), made_at=now)
