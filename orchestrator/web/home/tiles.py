"""How much there is of what, each number with the list that it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.urls import reverse
from django.utils.translation import gettext

from dags_app.models import PluginSource
from orchestrator import access
from orchestrator.core.states import RunState
from runs_app.models import DagRun, Hold


@dataclass(frozen=True, slots=True)
class Tile:
    """A number and where it leads. ``glyph`` is a state; ``is_bad`` where anything above nought asks for somebody."""

    label: str
    count: int
    to: str
    glyph: str
    is_bad: bool = False


def tiles(user: Any) -> list[Tile]:
    """Return the tiles of what the user may see."""
    dags = access.visible_dags(user).filter(is_stale=False)
    runs = DagRun.objects.filter(dag=OuterRef("pk"))
    newest = Subquery(runs.order_by("-run_after", "-pk").values("state")[:1])
    counted = dags.annotate(
        last_state=newest,
        runs_now=Exists(runs.filter(state=RunState.RUNNING)),
        waits=Exists(runs.filter(state=RunState.QUEUED)),
    ).aggregate(
        failed=Count("pk", filter=Q(last_state=RunState.FAILED)),
        running=Count("pk", filter=Q(runs_now=True)),
        queued=Count("pk", filter=Q(waits=True)),
        active=Count("pk", filter=Q(is_paused=False)),
    )
    listed = reverse("dags")
    found = [
        Tile(gettext("Failed DAGs"), counted["failed"], f"{listed}?state=failed", "failed", True),
        Tile(gettext("Running DAGs"), counted["running"], f"{listed}?state=running", "running"),
        Tile(gettext("Queued DAGs"), counted["queued"], f"{listed}?state=queued", "queued"),
        Tile(gettext("Active DAGs"), counted["active"], f"{listed}?paused=false", "success"),
        Tile(
            gettext("Import errors"),
            access.visible_import_errors(user).count(),
            reverse("import-errors"),
            "failed",
            True,
        ),
    ]
    if access.can(user, "read_plugins"):
        broken = PluginSource.objects.exclude(error="").count()
        found.append(Tile(gettext("Plugin errors"), broken, reverse("plugins"), "failed", True))
    asked = access.visible_questions(user, is_open=True).count()
    found.append(Tile(gettext("Required actions"), asked, reverse("required"), "awaiting_input", True))
    found.append(Tile(gettext("Held tasks"), held(user).count(), f"{reverse('home')}#held", "paused"))
    return found


def held(user: Any) -> Any:
    """Return the holds on tasks that the user may see, newest first."""
    return Hold.objects.filter(dag__in=access.visible_dags(user)).select_related("run").order_by("-created_at", "-pk")
