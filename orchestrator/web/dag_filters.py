"""What the DAG list can be narrowed and sorted by: all of it in the address, under the names of Airflow's page."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext, gettext_lazy

from dags_app.models import Dag, DagTag
from dags_app.owners import owned_by
from orchestrator import access
from orchestrator.core.states import RUN_UNFINISHED, RunState
from runs_app import favorites
from runs_app.models import DagRun

from .filters import LONGEST, Chip

SORTS = {
    "dag_id": "dag_id",
    "next_dagrun": "next_run_after",
    "last_run_start_date": "last_started_at",
    "last_run_state": "last_state",
}
SORT = "dags_sort"
"""Under this name a browser remembers the order."""
SORT_NAMES = (
    ("dag_id", gettext_lazy("Name, A to Z")),
    ("-dag_id", gettext_lazy("Name, Z to A")),
    ("next_dagrun", gettext_lazy("Next run first")),
    ("-last_run_start_date", gettext_lazy("Last run, newest first")),
    ("last_run_start_date", gettext_lazy("Last run, oldest first")),
    ("last_run_state", gettext_lazy("State of the last run")),
)
SWITCHES = (
    ("favorite", gettext_lazy("Favorites")),
    ("import_errors", gettext_lazy("With an import error")),
    ("needs_review", gettext_lazy("Waiting for an answer")),
)
MOST_VALUES = 50


def _clean(text: str) -> str:
    return text.replace("\0", "").strip()[:LONGEST]


def _values(query: QueryDict, *names: str) -> list[str]:
    found = [_clean(value) for name in names for value in query.getlist(name)]
    return [value for value in dict.fromkeys(found) if value][:MOST_VALUES]


class DagFilters:
    """The filters of one request, and how they are shown. Values that make no sense filter nothing."""

    def __init__(self, request: HttpRequest, query: QueryDict | None = None) -> None:
        self.user, self.query = request.user, request.GET if query is None else query
        self.text = _clean(self.query.get("q", "") or self.query.get("name_pattern", ""))
        self.begins = self.query.get("match") == "prefix"
        self.tags, self.all_tags = _values(self.query, "tags", "tag"), self.query.get("tags_match_mode") == "all"
        self.owners = _values(self.query, "owners", "owner")
        self.last_states = self._states("last_dag_run_state")
        self.any_states = self._states("dag_run_state")
        self.folder = _clean(self.query.get("folder", "")).strip("/")
        self.gone = self.query.get("gone") == "true"
        self.on = {name for name, _ in SWITCHES if self.query.get(name) == "true"}
        self.chips: list[Chip] = []

    def _states(self, name: str) -> list[str]:
        return [value for value in _values(self.query, name) if value in set(RunState)]

    @property
    def anywhere(self) -> bool:
        return not self.begins

    @property
    def is_on(self) -> bool:
        """Whether anything is filtered by."""
        return bool(self.chips)

    @property
    def switches(self) -> list[tuple[str, str, bool]]:
        return [(name, label, name in self.on) for name, label in SWITCHES]

    def narrow(self, dags: QuerySet[Dag]) -> QuerySet[Dag]:
        """Apply all filters."""
        dags = dags.filter(is_stale=self.gone)
        if self.gone:
            self._chip(gettext("Files"), "gone", "gone")
        dags = self._named(dags)
        if (paused := self.query.get("paused")) in {"true", "false"}:
            dags = dags.filter(is_paused=paused == "true")
            self._chip(gettext("Paused"), "yes" if paused == "true" else "no", "paused")
        if self.folder:
            dags = dags.filter(file__relative_path__startswith=f"{self.folder}/")
            self._chip(gettext("Folder"), self.folder, "folder")
        return self._switched(self._in_state(dags))

    def _named(self, dags: QuerySet[Dag]) -> QuerySet[Dag]:
        if text := self.text:
            how = "istartswith" if self.begins else "icontains"
            found = Q(**{f"dag_id__{how}": text}) | Q(**{f"display_name__{how}": text})
            found |= Exists(DagTag.objects.filter(dag=OuterRef("pk"), name__iexact=text))
            dags = dags.filter(found if self.begins else found | Q(description__icontains=text))
            self._chip(gettext("Name"), f"{text}…" if self.begins else text, "q", "name_pattern")
        if self.tags:
            for names in [[tag] for tag in self.tags] if self.all_tags else [self.tags]:
                dags = dags.filter(Exists(DagTag.objects.filter(dag=OuterRef("pk"), name__in=names)))
            joined = (_and() if self.all_tags else _or()).join(self.tags)
            self._chip(gettext("Tags"), joined, "tags", "tag", "tags_match_mode")
        if self.owners:
            dags = dags.filter(owned_by(self.owners))
            self._chip(gettext("Owner"), _or().join(self.owners), "owners", "owner")
        return dags

    def _in_state(self, dags: QuerySet[Dag]) -> QuerySet[Dag]:
        last, any_of = list(self.last_states), list(self.any_states)
        if (state := self.query.get("state")) in set(RunState):
            # What the tiles count: runs under way, or how the last one ended.
            (any_of if state in RUN_UNFINISHED else last).append(str(state))
        if last:
            newest = DagRun.objects.filter(dag=OuterRef("pk")).order_by("-run_after", "-pk")
            dags = dags.alias(newest_state=Subquery(newest.values("state")[:1])).filter(newest_state__in=last)
            self._chip(
                gettext("Last run"), _or().join(last), "last_dag_run_state", *(["state"] if state in last else [])
            )
        if any_of:
            dags = dags.filter(Exists(DagRun.objects.filter(dag=OuterRef("pk"), state__in=any_of)))
            self._chip(gettext("Any run"), _or().join(any_of), "dag_run_state", *(["state"] if state in any_of else []))
        return dags

    def _switched(self, dags: QuerySet[Dag]) -> QuerySet[Dag]:
        if "favorite" in self.on:
            dags = favorites.narrowed(dags, self.user)
        if "import_errors" in self.on:
            dags = dags.filter(file__import_error__isnull=False)
        if "needs_review" in self.on:
            asked = access.visible_questions(self.user, is_open=True)
            dags = dags.filter(pk__in=asked.values("task_instance__dag_id"))
        for name, label in SWITCHES:
            if name in self.on:
                self._chip(gettext("Only"), label, name)
        return dags

    def also(self, label: str, value: str, *names: str) -> None:
        """Show a filter that the page applied by itself."""
        self._chip(label, value, *names)

    def _chip(self, label: str, value: str, *names: str) -> None:
        rest = self.query.copy()
        for name in (*names, "page", "part"):
            rest.pop(name, None)
        self.chips.append(Chip(label, value, f"?{rest.urlencode()}"))


def _and() -> str:
    return f" {gettext('and')} "


def _or() -> str:
    return f" {gettext('or')} "


def sort(request: HttpRequest, dags: QuerySet[Dag]) -> tuple[QuerySet[Dag], str]:
    """Order by ``sort`` of the address, else as this browser did last; return the order that was taken, too."""
    wanted = request.GET.get("sort") or request.COOKIES.get(SORT) or "dag_id"
    path: Any = SORTS.get(wanted.removeprefix("-"))
    if path is None:
        wanted, path = "dag_id", "dag_id"
    if path in {"last_started_at", "last_state"}:
        newest = DagRun.objects.filter(dag=OuterRef("pk")).order_by("-run_after", "-pk")
        column = "started_at" if path == "last_started_at" else "state"
        dags = dags.alias(**{path: Subquery(newest.values(column)[:1])})
    key = F(path).desc(nulls_last=True) if wanted.startswith("-") else F(path).asc(nulls_last=True)
    return dags.order_by(key, "dag_id"), wanted
