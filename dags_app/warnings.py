"""What is wrong with DAGs whose files can be imported: pools that are not there, assets that others displace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from .models import Asset, Dag, Pool, ScheduleReference, TaskReference

ASSET_CONFLICT, NO_POOL = "asset conflict", "non-existent pool"
TYPES = (ASSET_CONFLICT, NO_POOL, "runtime varying value")
"""Airflow's words for the kinds; of the last kind there is none here: dates that vary make no versions."""


@dataclass(frozen=True, slots=True)
class Warning:
    """One thing that is wrong with a DAG, and since when that is known."""

    dag_id: str
    dag_display_name: str
    warning_type: str
    message: str
    timestamp: datetime


def of(dags: QuerySet[Dag]) -> list[Warning]:
    """Return the warnings of these DAGs as things stand now, by DAG; so many queries however many there are."""
    alive = dags.filter(is_stale=False).only("dag_id", "display_name", "pools", "created_at", "file__last_parsed_at")
    known = {dag.dag_id: dag for dag in alive.select_related("file").order_by("dag_id")}
    found = [*_without_pool(known), *_displaced(known)]
    return sorted(found, key=lambda each: (each.dag_id, each.warning_type))


def _at(dag: Dag) -> datetime:
    """When it was last looked at."""
    return (dag.file.last_parsed_at if dag.file else None) or dag.created_at


def _without_pool(dags: dict[str, Dag]) -> Iterator[Warning]:
    there = set(Pool.objects.values_list("name", flat=True))
    for dag in dags.values():
        if missing := sorted(set(dag.pools) - there):
            text = f"Dag '{dag.dag_id}' references non-existent pools: {missing}"
            yield Warning(dag.dag_id, dag.name, NO_POOL, text, _at(dag))


def _displaced(dags: dict[str, Dag]) -> Iterator[Warning]:
    others = Asset.objects.filter(Q(name=OuterRef("asset__name")) | Q(uri=OuterRef("asset__uri")), is_active=True)
    names: dict[str, set[str]] = {}
    for model in (ScheduleReference, TaskReference):
        rows = model._default_manager.filter(asset__is_active=False, dag__in=list(dags)).filter(Exists(others))
        for dag_id, name, uri in rows.values_list("dag_id", "asset__name", "asset__uri"):
            names.setdefault(dag_id, set()).add(f"{name!r} ({uri})")
    for dag_id, displaced in names.items():
        text = f"Another active asset has the name or the URI of {', '.join(sorted(displaced))}"
        yield Warning(dag_id, dags[dag_id].name, ASSET_CONFLICT, text, _at(dags[dag_id]))
