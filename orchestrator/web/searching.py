"""What the search box finds: DAGs, runs, tasks, assets, pages and actions, as far as the reader may see and do them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils.translation import gettext_lazy

from dags_app.models import Dag, DagTag
from orchestrator import access
from runs_app import favorites
from runs_app.models import DagRun

from .places import PLACES, address_of

MOST = 8
"""Of each kind."""
LONGEST = 100


@dataclass(frozen=True)
class Found:
    """One line of the answer. ``dialog``: it opens as a dialog over the page one is on."""

    kind: str
    name: str
    about: str
    to: str
    state: str = ""
    dialog: bool = False


def search(user: Any, text: str) -> list[dict[str, Any]]:
    """Return what fits, the likeliest first; without a text where one may want to go."""
    text = text.replace("\0", "").strip()[:LONGEST]
    if not access.highest_role(user):
        return []
    if not text:
        found = [*_favorites(user), *_places(user, "")]
    else:
        found = [each for look in LOOKS for each in look(user, text)]
    return [asdict(each) for each in found]


def _dags(user: Any, text: str) -> Iterator[Found]:
    for dag in _named(user, text)[:MOST]:
        about = dag.description or ("paused" if dag.is_paused else "")
        yield Found("DAG", dag.name, about, reverse("dag", args=[dag.dag_id]))


def _named(user: Any, text: str) -> list[Dag]:
    """DAGs by id, name or tag; those whose id begins with the text first."""
    dags = access.visible_dags(user).filter(is_stale=False)
    tagged = Exists(DagTag.objects.filter(dag=OuterRef("pk"), name__icontains=text))
    dags = dags.filter(Q(dag_id__icontains=text) | Q(display_name__icontains=text) | tagged)
    rows = list(dags.only("dag_id", "display_name", "description", "is_paused").order_by("dag_id")[:200])
    wanted = text.lower()
    return sorted(rows, key=lambda dag: (not dag.dag_id.lower().startswith(wanted), wanted not in dag.dag_id.lower()))


def _favorites(user: Any) -> Iterator[Found]:
    for dag in favorites.narrowed(access.visible_dags(user).filter(is_stale=False), user).order_by("dag_id")[:MOST]:
        yield Found("Favorite", dag.name, dag.description or "", reverse("dag", args=[dag.dag_id]))


def _tasks(user: Any, text: str) -> Iterator[Found]:
    """Tasks by id, of each DAG's last run: what was never run has no page of its own yet."""
    if len(text) < 2:
        return
    newest = DagRun.objects.filter(dag=OuterRef("pk")).order_by("-run_after", "-pk").values("pk")[:1]
    runs = access.visible_dags(user).filter(is_stale=False).annotate(newest=Subquery(newest)).values("newest")
    rows = access.visible_task_instances(user).filter(run__in=runs, task_id__icontains=text, map_index__in=(-2, -1, 0))
    for dag_id, task_id, state in rows.order_by("task_id", "dag_id").values_list("dag_id", "task_id", "state")[:MOST]:
        yield Found("Task", task_id, dag_id, reverse("dag-task", args=[dag_id, task_id]), state=state)


def _runs(user: Any, text: str) -> Iterator[Found]:
    """Runs whose id begins so, the newest first."""
    if len(text) < 3:
        return
    rows = access.visible_runs(user).filter(run_id__istartswith=text).order_by("-pk")
    for dag_id, run_id, state in rows.values_list("dag_id", "run_id", "state")[:MOST]:
        yield Found("Run", run_id, dag_id, reverse("run", args=[dag_id, run_id]), state=state)


def _assets(user: Any, text: str) -> Iterator[Found]:
    rows: QuerySet[Any] = access.visible_assets(user).filter(is_active=True)
    rows = rows.filter(Q(name__icontains=text) | Q(uri__icontains=text)).order_by("name")
    for pk, name, uri in rows.values_list("pk", "name", "uri")[:MOST]:
        yield Found("Asset", name, uri if uri != name else "", reverse("asset", args=[pk]))


def _places(user: Any, text: str) -> Iterator[Found]:
    wanted = text.lower()
    for place in PLACES:
        fits = place.name.lower().startswith(wanted) or any(
            word.startswith(wanted) for word in f"{place.name} {place.words}".lower().split()
        )
        if fits and access.can_somewhere(user, place.verb) and (address := address_of(place)) is not None:
            yield Found("Page", place.name, "", address)


ACTIONS = (
    ("trigger", gettext_lazy("Trigger"), "trigger"),
    ("pause", gettext_lazy("Pause"), "pause"),
    ("unpause", gettext_lazy("Unpause"), "pause"),
    ("backfill", gettext_lazy("Backfill"), "trigger"),
    ("rerun", gettext_lazy("Rerun failed of"), "clear"),
    ("delete", gettext_lazy("Delete"), "delete"),
)
BULK = {"pause": "pause", "unpause": "unpause", "rerun": "clear_failed"}


def _actions(user: Any, text: str) -> Iterator[Found]:
    """``trigger orders``: an action, with the DAGs whose name follows it."""
    first, _, rest = text.partition(" ")
    for name, label, verb in ACTIONS:
        known = name.startswith(first.lower()) or label.lower().startswith(first.lower())
        if len(first) >= 3 and known and access.can_somewhere(user, verb):
            for dag in _named(user, rest.strip())[: MOST if rest.strip() else 3]:
                yield Found("Action", f"{label} {dag.name}", "", _address(name, dag.dag_id), dialog=True)


def _address(action: str, dag_id: str) -> str:
    if action in BULK:
        query = urlencode({"action": BULK[action], "chosen": dag_id})
        return f"{reverse('bulk', args=['dags'])}?{query}"
    return reverse({"trigger": "trigger", "backfill": "backfill", "delete": "dag-delete"}[action], args=[dag_id])


LOOKS: tuple[Callable[[Any, str], Iterator[Found]], ...] = (_actions, _dags, _places, _tasks, _runs, _assets)
