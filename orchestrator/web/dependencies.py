"""What a DAG depends on, and what depends on it: assets, and DAGs that trigger or wait for each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.db.models import OuterRef, Q, Subquery, TextField
from django.db.models.functions import Cast
from django.urls import reverse

from dags_app.models import Asset, AssetAlias, Dag, ScheduleReference, TaskReference
from dags_app.versions import load_spec
from orchestrator import access
from orchestrator.core.assets import BRANCHES
from orchestrator.core.graph import roots
from orchestrator.core.spec import DagSpec
from runs_app.models import DagRun

Edge = tuple[str, str]
LINKS = (("trigger_dag_id", False), ("external_dag_id", True))
"""Names under which a task's display keeps the other DAG; True: the task waits for it."""
WORDS = {"all": "all of these", "any": "any of these"}


def around(user: Any, dag: Dag, spec: DagSpec) -> tuple[list[dict[str, Any]], list[list[str]]]:
    """Return (nodes, edges) of the assets and DAGs that the tasks of a DAG touch."""
    nodes: dict[str, dict[str, Any]] = {}
    edges: list[Edge] = []
    assets = _Assets()
    if dag.asset_expression is not None:
        for name, node, inner in _conditions(dag.asset_expression, assets):
            nodes[name] = node
            edges += [(each, name) for each in inner]
            whole = name
        edges += [(whole, task_id) for task_id in roots(spec)]
    for reference in TaskReference.objects.filter(dag=dag, is_outlet=True):
        if reference.task_id in spec.tasks and (asset := assets.of(reference)):
            nodes[f"asset:{asset.pk}"] = _asset_node(asset)
            edges.append((reference.task_id, f"asset:{asset.pk}"))
    others: dict[str, list[Edge]] = defaultdict(list)
    for task_id, other, waits in _links(spec):
        others[other].append((f"dag:{other}", task_id) if waits else (task_id, f"dag:{other}"))
    for other in _dags(user, others):
        nodes[f"dag:{other.pk}"] = _dag_node(other)
        edges += others[other.pk]
    return list(nodes.values()), [list(edge) for edge in dict.fromkeys(edges)]


def of_all(user: Any, dag: Dag) -> dict[str, Any]:
    """Return rows and edges of all DAGs and assets that are connected with a DAG, however far away."""
    edges = [*_by_assets(user), *_by_tasks(user)]
    beside: dict[str, set[str]] = defaultdict(set)
    for one, other in edges:
        beside[one].add(other)
        beside[other].add(one)
    here = f"dag:{dag.pk}"
    reached, pending = {here}, [here]
    while pending:
        fresh = beside[pending.pop()] - reached
        reached |= fresh
        pending += fresh
    of_kind = defaultdict(list)
    for name in reached:
        kind, _, key = name.partition(":")
        of_kind[kind].append(key)
    rows = [_dag_node(each) for each in _dags(user, of_kind["dag"])]
    rows += [_asset_node(each) for each in Asset.objects.filter(pk__in=of_kind["asset"]).order_by("name")]
    for row in rows:
        row["here"] = row["id"] == here
    there = {row["id"] for row in rows}
    return {
        "rows": rows,
        "edges": [list(each) for each in sorted(set(edges)) if each[0] in there and each[1] in there],
    }


class _Assets:
    """The assets that references stand for: asked for once, since a schedule may name many."""

    def __init__(self) -> None:
        self.by_pk: dict[int, Asset] = {}
        self.by_key: dict[tuple[str, str], Asset] = {}
        self.by_name: dict[str | None, Asset] = {}
        self.by_uri: dict[str | None, Asset] = {}
        for asset in Asset.objects.filter(is_active=True).only("name", "uri"):
            self.by_pk[asset.pk] = self.by_key[asset.name, asset.uri] = asset
            self.by_name[asset.name] = self.by_uri[asset.uri] = asset

    def of(self, reference: Any) -> Asset | None:
        """The asset of a row that names it by itself, by its name or by its URI."""
        if reference.asset_id is not None:
            return self.by_pk.get(reference.asset_id)
        return self.by_name.get(reference.name) or self.by_uri.get(reference.uri)

    def named(self, about: dict[str, Any]) -> Asset | None:
        found = self.by_key.get((about.get("name", ""), about.get("uri", "")))
        return found or self.by_name.get(about.get("name")) or self.by_uri.get(about.get("uri"))


def _conditions(expression: Any, assets: _Assets) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    """Yield (id, node, ids it waits for) of an asset expression, the whole of it last."""
    kind, about = next(iter(expression.items()))
    if kind not in BRANCHES:
        node = _leaf(kind, about, assets)
        yield node["id"], node, []
        return
    inner = []
    for each in about:
        *before, last = _conditions(each, assets)
        yield from [*before, last]
        inner.append(last[0])
    if len(inner) > 1:
        name = f"condition:{'+'.join(inner)}"
        yield name, _node(name, WORDS[kind], "condition", "condition", None), inner


def _leaf(kind: str, about: dict[str, Any], assets: _Assets) -> dict[str, Any]:
    asset = assets.named(about) if kind != "alias" else None
    if asset is not None:
        return _asset_node(asset)
    name = about.get("name") or about.get("uri") or ""
    return _node(f"{kind}:{name}", name, "asset", "asset alias" if kind == "alias" else "asset", None)


def _node(name: str, label: str, kind: str, sort: str, href: str | None, state: str | None = None) -> dict[str, Any]:
    return {
        **{"id": name, "label": label, "kind": kind, "operator": sort, "href": href, "state": state},
        **{"depth": 0, "group": None},
    }


def _asset_node(asset: Asset) -> dict[str, Any]:
    return _node(f"asset:{asset.pk}", asset.name, "asset", "asset", reverse("asset", args=[asset.pk]))


def _dag_node(dag: Any) -> dict[str, Any]:
    return _node(f"dag:{dag.pk}", dag.name, "dag", "DAG", reverse("dag", args=[dag.pk]), dag.last_state or "none")


def _dags(user: Any, ids: Any) -> Any:
    """The DAGs of these ids that the user may see, with the state of their newest run."""
    newest = DagRun.objects.filter(dag=OuterRef("pk")).order_by("-run_after", "-pk").values("state")[:1]
    seen = access.visible_dags(user).filter(pk__in=list(ids)).annotate(last_state=Subquery(newest))
    return seen.defer("planned_ahead").order_by("pk")


def _links(spec: DagSpec) -> Iterator[tuple[str, str, bool]]:
    """Yield (task id, other DAG's id, whether the task waits for it)."""
    for task in spec.tasks.values():
        for name, waits in LINKS:
            other = task.display.get(name)
            if isinstance(other, str) and other:
                yield task.task_id, other, waits


def _by_tasks(user: Any) -> Iterator[Edge]:
    """Which DAGs trigger or wait for which: read from the specs that say so, found by their text."""
    dags = access.visible_dags(user).filter(is_stale=False, version__isnull=False)
    named = Q()
    for name, _ in LINKS:
        named |= Q(text__contains=f'"{name}": "')
    dags = dags.annotate(text=Cast("version__spec", TextField())).filter(named)
    for dag_id, version_pk in dags.values_list("pk", "version_id"):
        for _, other, waits in _links(load_spec(version_pk)):
            yield (f"dag:{other}", f"dag:{dag_id}") if waits else (f"dag:{dag_id}", f"dag:{other}")


def _by_assets(user: Any) -> Iterator[Edge]:
    """Which DAGs make and wait for which assets."""
    seen = access.visible_dags(user).filter(is_stale=False)
    assets = _Assets()
    announced = defaultdict(list)
    for alias_pk, asset_pk in AssetAlias.assets.through.objects.values_list("assetalias_id", "asset_id"):
        announced[alias_pk].append(asset_pk)
    for reference in ScheduleReference.objects.filter(dag__in=seen):
        if reference.alias_id is not None:
            yield from ((f"asset:{pk}", f"dag:{reference.dag_id}") for pk in announced[reference.alias_id])
        elif asset := assets.of(reference):
            yield f"asset:{asset.pk}", f"dag:{reference.dag_id}"
    for made in TaskReference.objects.filter(dag__in=seen, is_outlet=True):
        if asset := assets.of(made):
            yield f"dag:{made.dag_id}", f"asset:{asset.pk}"
