"""What a DAG that is scheduled on assets waits for, in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dags_app.asset_lookup import known
from dags_app.models import Asset, Dag
from orchestrator.core.assets import holds, leaves
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
    if dag.asset_expression is None:
        return None
    queued = QueuedEvent.objects.filter(dag=dag).values_list("asset__name", "asset__uri")
    there = known(dag.asset_expression, set(queued))
    about = list(leaves(dag.asset_expression))
    active = Asset.objects.filter(is_active=True, name__in={each.get("name", "") for _, each in about})
    found = {(asset.name, asset.uri): asset.pk for asset in active}
    shown = [
        Leaf(
            each.get("name") or each["uri"],
            "alias" if kind == "alias" else "asset",
            holds({kind: each}, there),
            found.get((each.get("name", ""), each.get("uri", ""))),
        )
        for kind, each in about
    ]
    keys = partitions.progress(dag)[:KEYS_SHOWN] if dag.is_partitioned and dag.version_id else []
    return Waiting(shown, keys)
