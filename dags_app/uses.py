"""Writing down what DAGs use: by their sources, when a version comes; by what tasks ask for, in batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache

from django.db import transaction

from orchestrator.core import uses
from orchestrator.core.spec import DagSpec

from .models import Dag, Use
from .trees import Tree

LARGEST_TEXT = 1024 * 1024
"""Bytes of a file that is looked through; a larger one is data."""
DEFAULT_POOL, DEFAULT_QUEUE = "default_pool", "default"
LONGEST = 250

Key = tuple[str, str, str, str]
"""Kind, name, DAG id, task id."""


def store(specs: Mapping[str, DagSpec], tree: Tree) -> None:
    """Replace what the sources of these DAGs name, in the caller's transaction. What tasks have read stays."""
    named = _of_tree(tree)
    wanted: dict[Key, bool] = {}
    for dag_id, spec in specs.items():
        short = _short_ids(spec)
        for use in {*named, *_of_spec(spec)}:
            # A task of the file that is none of this DAG, or one made in a loop: the file is all that is known.
            task_id = use.task_id if use.task_id in spec.tasks else short.get(use.task_id, "")
            key = (use.kind, use.name, dag_id, task_id[:LONGEST])
            wanted[key] = wanted.get(key, True) and use.is_optional
    there = {(row.kind, row.name, row.dag_id, row.task_id): row for row in Use.objects.filter(dag__in=specs)}
    for key, row in there.items():
        row.in_source, row.is_optional = key in wanted, wanted.get(key, False)
    Use.objects.bulk_update(there.values(), ["in_source", "is_optional"], batch_size=500)
    Use.objects.filter(dag__in=specs, in_source=False, read_at__isnull=True).delete()
    made = [
        Use(kind=kind, name=name, dag_id=dag_id, task_id=task_id, in_source=True, is_optional=optional)
        for (kind, name, dag_id, task_id), optional in wanted.items()
        if (kind, name, dag_id, task_id) not in there
    ]
    Use.objects.bulk_create(made, batch_size=500, ignore_conflicts=True)
    Dag.objects.filter(pk__in=specs).update(uses_known=True)


def _short_ids(spec: DagSpec) -> dict[str, str]:
    """A function's name -> the id of its task where that stands in a group: the source knows the first only."""
    found: dict[str, str] = {}
    for task_id in spec.tasks:
        found.setdefault(task_id.rsplit(".", 1)[-1], task_id)
    return found


def _of_tree(tree: Tree) -> set[uses.Use]:
    found: set[uses.Use] = set()
    for path, data in tree.contents.items():
        if len(data) <= LARGEST_TEXT:
            found |= _of_file(path.endswith(".py"), data)
    return found


@lru_cache(maxsize=256)
def _of_file(is_python: bool, data: bytes) -> frozenset[uses.Use]:
    text = data.decode("utf-8", "replace")
    return frozenset(uses.of_source(text) if is_python else uses.of_text(text))


def _of_spec(spec: DagSpec) -> Iterable[uses.Use]:
    for task in spec.tasks.values():
        if task.pool != DEFAULT_POOL:
            yield uses.Use(uses.POOL, task.pool, task.task_id)
        if task.queue != DEFAULT_QUEUE:
            yield uses.Use(uses.QUEUE, task.queue, task.task_id)


def note_reads(reads: Mapping[Key, datetime]) -> None:
    """Write down that tasks have asked for these. A DAG that is gone meanwhile is left out."""
    dags = set(Dag.objects.filter(pk__in={dag_id for _, _, dag_id, _ in reads}).values_list("pk", flat=True))
    rows = [
        Use(kind=kind, name=name[:LONGEST], dag_id=dag_id, task_id=task_id, read_at=at)
        for (kind, name, dag_id, task_id), at in sorted(reads.items())
        if dag_id in dags
    ]
    with transaction.atomic():
        Use.objects.bulk_create(
            rows,
            batch_size=500,
            update_conflicts=True,
            unique_fields=["dag", "kind", "name", "task_id"],
            update_fields=["read_at"],
        )
