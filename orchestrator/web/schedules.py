"""What a DAG that is scheduled on assets waits for, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from dags_app.asset_lookup import known_of
from dags_app.models import Asset, Dag
from orchestrator.core.assets import Known, holds, leaves
from runs_app import partitions
from runs_app.models import QueuedEvent

KEYS_SHOWN = 20


@dataclass
class Leaf:
    """One asset, reference or alias of a schedule."""

    name: str
    kind: str
    changed: bool
    asset_pk: int | None = None


@dataclass
class Waiting:
    """How far a DAG is towards its next run on assets."""

    leaves: list[Leaf] = field(default_factory=list)
    keys: list[Any] = field(default_factory=list)  # partitions that are being collected

    @property
    def changed(self) -> int:
        return sum(each.changed for each in self.leaves)


def waiting(dag: Dag) -> Waiting | None:
    """Return what a DAG waits for; None where it is not scheduled on assets."""
    found = waiting_of([dag]).get(dag.pk)
    if found is not None and dag.is_partitioned and dag.version_id:
        found.keys = partitions.progress(dag)[:KEYS_SHOWN]
    return found


def waiting_of(dags: Iterable[Dag]) -> dict[str, Waiting]:
    """Return what each of these DAGs that is scheduled on assets waits for; as few queries for many as for one."""
    about = {dag.pk: dag.asset_expression for dag in dags if dag.asset_expression is not None}
    if not about:
        return {}
    named = {dag_id: list(leaves(expression)) for dag_id, expression in about.items()}
    queued: dict[str, set[tuple[str, str]]] = {}
    events = QueuedEvent.objects.filter(dag__in=list(about))
    for dag_id, name, uri in events.values_list("dag_id", "asset__name", "asset__uri"):
        queued.setdefault(dag_id, set()).add((name, uri))
    there = known_of(about.values(), set())
    names = {each.get("name", "") for found in named.values() for _, each in found}
    active = Asset.objects.filter(is_active=True, name__in=names).values_list("name", "uri", "pk")
    pks = {(name, uri): pk for name, uri, pk in active}
    shown = {}
    for dag_id, found in named.items():
        now = replace(there, ready=frozenset(queued.get(dag_id, ())))
        shown[dag_id] = Waiting([_leaf(kind, each, now, pks) for kind, each in found])
    return shown


def _leaf(kind: str, about: dict[str, Any], now: Known, pks: dict[tuple[str, str], int]) -> Leaf:
    name = about.get("name") or about["uri"]
    pk = pks.get((about.get("name", ""), about.get("uri", "")))
    return Leaf(name, "alias" if kind == "alias" else "asset", holds({kind: about}, now), pk)
