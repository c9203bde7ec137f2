"""What a DAG depends on, and what depends on it: assets, and DAGs that trigger or wait for each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Q, Subquery, TextField
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from dags_app.models import Asset, AssetAlias, Dag, ScheduleReference, TaskReference
from dags_app.versions import load_spec
from orchestrator import access
from orchestrator.core.assets import BRANCHES
from orchestrator.core.graph import roots
from orchestrator.core.spec import DagSpec
from runs_app.models import DagRun

from . import schedules

Edge = tuple[str, str]
LINKS = (("trigger_dag_id", False), ("external_dag_id", True))
"""Names under which a task's display keeps the other DAG; True: the task waits for it."""
WORDS = {"all": gettext_lazy("all of these"), "any": gettext_lazy("any of these")}


def around(user: Any, dag: Dag, spec: DagSpec) -> tuple[list[dict[str, Any]], list[list[str]]]:
    """Return (nodes, edges) of the assets and DAGs that the tasks of a DAG touch."""
    nodes: dict[str, dict[str, Any]] = {}
    edges: list[Edge] = []
    assets = _Assets()
    if dag.asset_expression is not None:
        for name, condition, inner in _conditions(dag.asset_expression, assets):
            nodes[name] = condition
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
    edges = every_edge(user)
    here = f"dag:{dag.pk}"
    return drawn(user, connected(edges, here), edges, here)


def every_edge(user: Any) -> list[Edge]:
    """What leads to what: all DAGs, assets and aliases that the user may see."""
    return [*_by_assets(user), *_by_tasks(user)]


def task_edges(user: Any) -> tuple[list[Edge], dict[str, tuple[str, str]]]:
    """Which tasks make and read which assets, by the names of nodes; and what tasks those names stand for."""
    assets, edges, tasks = _Assets(), [], {}
    seen = access.visible_dags(user).filter(is_stale=False)
    for reference in TaskReference.objects.filter(dag__in=seen):
        if asset := assets.of(reference):
            name, other = f"task:{reference.dag_id}:{reference.task_id}", f"asset:{asset.pk}"
            tasks[name] = (reference.dag_id, reference.task_id)
            edges.append((name, other) if reference.is_outlet else (other, name))
    return edges, tasks


def connected(edges: list[Edge], here: str) -> set[str]:
    """Everything that is connected with a node, however far away, and the node."""
    beside: dict[str, set[str]] = defaultdict(set)
    for one, other in edges:
        beside[one].add(other)
        beside[other].add(one)
    reached, pending = {here}, [here]
    while pending:
        fresh = beside[pending.pop()] - reached
        reached |= fresh
        pending += fresh
    return reached


def drawn(user: Any, names: set[str], edges: list[Edge], here: str = "") -> dict[str, Any]:
    """Return rows and edges of these nodes, as far as the user may see them: states, and when each last did something."""
    of_kind = defaultdict(list)
    for name in names:
        kind, _, key = name.partition(":")
        of_kind[kind].append(key)
    dags = list(_dags(user, of_kind["dag"]))
    waits = schedules.waiting_of(dags)
    rows = [_dag_node(each, waits.get(each.pk)) for each in dags]
    rows += [_asset_node(each) for each in _dated_assets(user, of_kind["asset"])]
    aliases = access.visible_aliases(user).filter(pk__in=of_kind["alias"]).order_by("name")
    rows += [node(f"alias:{each.pk}", each.name, "asset", gettext("asset alias"), None) for each in aliases]
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
        leaf = _leaf(kind, about, assets)
        yield leaf["id"], leaf, []
        return
    inner = []
    for each in about:
        *before, last = _conditions(each, assets)
        yield from [*before, last]
        inner.append(last[0])
    if len(inner) > 1:
        name = f"condition:{'+'.join(inner)}"
        yield name, node(name, WORDS[kind], "condition", "condition", None), inner


def _leaf(kind: str, about: dict[str, Any], assets: _Assets) -> dict[str, Any]:
    asset = assets.named(about) if kind != "alias" else None
    if asset is not None:
        return _asset_node(asset)
    name = about.get("name") or about.get("uri") or ""
    return node(f"{kind}:{name}", name, "asset", gettext("asset alias") if kind == "alias" else "asset", None)


def node(name: str, label: str, kind: str, sort: str, href: str | None, state: str | None = None) -> dict[str, Any]:
    return {
        **{"id": name, "label": label, "kind": kind, "operator": sort, "href": href, "state": state},
        **{"depth": 0, "group": None},
    }


def _asset_node(asset: Any) -> dict[str, Any]:
    made = node(f"asset:{asset.pk}", asset.name, "asset", "asset", reverse("asset", args=[asset.pk]))
    return made | _last("event", asset.newest_at) if hasattr(asset, "newest_at") else made


def _dag_node(dag: Any, waits: schedules.Waiting | None = None) -> dict[str, Any]:
    made = node(f"dag:{dag.pk}", dag.name, "dag", "DAG", reverse("dag", args=[dag.pk]), dag.last_state or "none")
    missing = [each.name for each in waits.leaves if not each.changed] if waits and not dag.is_partitioned else []
    if missing:
        made["tooltip"] = (
            gettext("{changed} of {count} changed since its last run").format(
                changed=waits.changed, count=len(waits.leaves)
            )
            if waits
            else ""
        )
    return made | _last("run", dag.last_at) | {"note": "paused" if dag.is_paused else ""}


def _last(what: str, at: datetime | None) -> dict[str, Any]:
    return {"last": what, "at": at.isoformat() if at else None}


def _dated_assets(user: Any, pks: Any) -> Any:
    """Assets with the time of their newest event that the user may see."""
    events = access.visible_asset_events(user).filter(asset=OuterRef("pk")).order_by("-timestamp", "-pk")
    seen = access.visible_assets(user).filter(pk__in=list(pks))
    return seen.annotate(newest_at=Subquery(events.values("timestamp")[:1])).order_by("name", "pk")


def _dags(user: Any, ids: Any) -> Any:
    """The DAGs of these ids that the user may see, with state and time of their newest run."""
    newest = DagRun.objects.filter(dag=OuterRef("pk")).order_by("-run_after", "-pk")
    seen = access.visible_dags(user).filter(pk__in=list(ids))
    seen = seen.annotate(
        last_state=Subquery(newest.values("state")[:1]), last_at=Subquery(newest.values("run_after")[:1])
    )
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
    for alias_pk, pks in announced.items():
        yield from ((f"alias:{alias_pk}", f"asset:{pk}") for pk in pks)
    for reference in ScheduleReference.objects.filter(dag__in=seen):
        if reference.alias_id is not None:
            # What was announced under an alias is what its DAGs run for; before that, the alias itself.
            known = [f"asset:{pk}" for pk in announced[reference.alias_id]] or [f"alias:{reference.alias_id}"]
            yield from ((each, f"dag:{reference.dag_id}") for each in known)
        elif asset := assets.of(reference):
            yield f"asset:{asset.pk}", f"dag:{reference.dag_id}"
    for made in TaskReference.objects.filter(dag__in=seen, is_outlet=True):
        if asset := assets.of(made):
            yield f"dag:{made.dag_id}", f"asset:{asset.pk}"
    yield from _by_aliases(seen)


def _by_aliases(seen: Any) -> Iterator[Edge]:
    """Which DAGs announce assets under which aliases: read from the specs that name one."""
    pks = dict(AssetAlias.objects.values_list("name", "pk"))
    if not pks:
        return
    dags = seen.filter(version__isnull=False).annotate(text=Cast("version__spec", TextField()))
    for dag_id, version_pk in dags.filter(text__contains='"alias": {').values_list("pk", "version_id"):
        outlets = [each for task in load_spec(version_pk).tasks.values() for each in task.outlets]
        names = {each["alias"]["name"] for each in outlets if "alias" in each}
        yield from ((f"dag:{dag_id}", f"alias:{pks[name]}") for name in sorted(names & pks.keys()))
