"""The list of assets: what it can be filtered and sorted by, and who makes and uses the assets of one page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext

from dags_app.models import Asset, AssetAlias, Dag, ScheduleReference, TaskReference
from orchestrator import access

from .filters import Filter, Filters

SORTS = {
    **{"name": "name", "uri": "uri", "group": "group", "last_event": "newest_at"},
    **{"created_at": "created_at", "id": "pk"},
}


@dataclass
class Around:
    """Who makes an asset, who reads it, and which DAGs are scheduled on it."""

    producers: list[tuple[str, str]] = field(default_factory=list)  # DAG, task
    users: list[tuple[str, str]] = field(default_factory=list)
    scheduled: list[Dag] = field(default_factory=list)

    @property
    def makers(self) -> list[str]:
        return sorted({dag_id for dag_id, _ in self.producers})


def assets_of(request: HttpRequest) -> tuple[QuerySet[Asset], Filters]:
    """The assets that the address asks for, each with the time of its newest event as ``newest_at``."""
    filters = Filters(request, _table(request.user))
    events = access.visible_asset_events(request.user).filter(asset=OuterRef("pk")).order_by("-timestamp", "-pk")
    rows = access.visible_assets(request.user).annotate(newest_at=Subquery(events.values("timestamp")[:1]))
    shown = which(request)
    if shown != "all":
        rows = rows.filter(is_active=shown == "active")
    if text := request.GET.get("q", "").strip().replace("\0", "")[:250]:
        rows = rows.filter(Q(name__icontains=text) | Q(uri__icontains=text) | Q(group__icontains=text))
        filters.also(gettext("Name, URI or group"), f"…{text}…", "q")
    return filters.narrow(rows), filters


def which(request: HttpRequest) -> str:
    """Whether the assets in use are listed (``active``), those that no DAG names any more (``gone``), or ``all``."""
    if request.GET.get("gone") == "true":
        return "gone"
    return "all" if request.GET.get("only_active") == "false" else "active"


def _table(user: Any) -> tuple[Filter, ...]:
    named = partial(_named_by, access.visible_dags(user))
    return (
        Filter("name", "Name", "name", first=True),
        Filter("dag_id", "DAG", "dag__dag_id", first=True, inside=named),
        Filter("uri", "URI", "uri"),
        Filter("group", gettext("Group"), "group"),
        Filter("last_event", gettext("Last event"), "newest_at", "time"),
        Filter("created_at", gettext("First seen"), "created_at", "time"),
    )


def _named_by(seen: QuerySet[Dag], condition: Q) -> Q:
    """Assets that a DAG of this kind names, by themselves, by name or URI alone, or that its alias stands for."""
    found = Q()
    for model in (TaskReference, ScheduleReference):
        rows = model.objects.filter(condition, dag__in=seen)
        found |= Q(pk__in=rows.filter(asset__isnull=False).values("asset"))
        found |= Q(name__in=rows.filter(name__isnull=False).values("name"), is_active=True)
        found |= Q(uri__in=rows.filter(uri__isnull=False).values("uri"), is_active=True)
    aliases = ScheduleReference.objects.filter(condition, dag__in=seen, alias__isnull=False).values("alias")
    return found | Q(pk__in=AssetAlias.assets.through.objects.filter(assetalias__in=aliases).values("asset"))


def around(user: Any, assets: Sequence[Asset]) -> dict[int, Around]:
    """Who is around each asset, as far as the user may see them; as few queries for many as for one."""
    seen = access.visible_dags(user).filter(is_stale=False)
    found: dict[int, Around] = {asset.pk: Around() for asset in assets}
    of = _Named(assets)
    named = Q(asset__in=of.pks) | Q(name__in=of.names) | Q(uri__in=of.uris)
    tasks = TaskReference.objects.filter(named, dag__in=seen).order_by("dag_id", "task_id", "pk")
    for row in tasks.values_list("dag_id", "task_id", "is_outlet", "asset_id", "name", "uri"):
        dag_id, task_id, is_outlet, *target = row
        for pk in of.meant(*target):
            of_kind = found[pk].producers if is_outlet else found[pk].users
            if (dag_id, task_id) not in of_kind[-1:]:
                of_kind.append((dag_id, task_id))
    dags_of: dict[int, set[str]] = defaultdict(set)
    named |= Q(alias__assets__in=of.pks)
    rows = ScheduleReference.objects.filter(named, dag__in=seen)
    for dag_id, alias_asset, *target in rows.values_list("dag_id", "alias__assets", "asset_id", "name", "uri"):
        for pk in (alias_asset,) if alias_asset else of.meant(*target):
            dags_of[pk].add(dag_id)
    dags = Dag.objects.only("dag_id", "display_name", "is_paused").in_bulk(
        {each for ids in dags_of.values() for each in ids}
    )
    for pk, ids in dags_of.items():
        if pk in found:
            found[pk].scheduled = [dags[dag_id] for dag_id in sorted(ids)]
    return found


class _Named:
    """Which of some assets a reference means: an asset that is no longer in use is meant by itself only."""

    def __init__(self, assets: Iterable[Asset]) -> None:
        self.pks: set[int] = set()
        self.names: dict[str, int] = {}
        self.uris: dict[str, int] = {}
        for asset in assets:
            self.pks.add(asset.pk)
            if asset.is_active:
                self.names[asset.name] = self.uris[asset.uri] = asset.pk

    def meant(self, pk: int | None, name: str | None, uri: str | None) -> list[int]:
        if pk is not None:
            return [pk] if pk in self.pks else []
        found = self.names.get(name or "") or self.uris.get(uri or "")
        return [found] if found else []
