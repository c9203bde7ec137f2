"""What can be done to many rows of a list at once: one table a list, chosen by check boxes or by the list's own filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext, gettext_lazy

from dags_app.models import Dag
from orchestrator import access
from runs_app import bulk
from runs_app.models import DagRun, TaskInstance

from .browsing import instances_of, runs_of
from .dag_filters import DagFilters

MOST_TICKED = 200
"""As many as a page of a list has."""
MOST_CELLS = 500
"""As many cells of a grid are acted on at once."""


@dataclass(frozen=True)
class Act:
    """One action. ``do`` takes the rows, ``user`` and what is asked besides (``options``: name -> label)."""

    name: str
    label: str
    verb: str  # of the access rules
    does: str  # what will happen, for the dialog
    did: str  # what did, for the toast
    do: Callable[..., bulk.Outcome]
    icon: str = ""
    loses: bool = False
    options: tuple[tuple[str, str], ...] = ()
    has_note: bool = False
    reaches: Callable[[Sequence[Any], bulk.Reach], list[TaskInstance]] | None = None  # what is done with these rows


@dataclass(frozen=True)
class Kind:
    """One list: how its rows are called, found and named."""

    name: str
    one: str
    many: str
    page: str  # the address' name
    acts: tuple[Act, ...]
    rows: Callable[[HttpRequest, QueryDict], QuerySet[Any]]
    is_numbered: bool = True

    def act(self, name: str) -> Act | None:
        return next((each for each in self.acts if each.name == name), None)

    def words(self, count: int) -> str:
        return f"1 {self.one}" if count == 1 else f"{count} {self.many}"


DAG_ACTS = (
    Act(
        "unpause",
        gettext_lazy("Unpause"),
        "pause",
        gettext_lazy("New runs start when they are due."),
        gettext_lazy("unpaused"),
        partial(bulk.pause, paused=False),
        "play",
    ),
    Act(
        "pause",
        gettext_lazy("Pause"),
        "pause",
        gettext_lazy("No new runs start; those under way finish."),
        gettext_lazy("paused"),
        partial(bulk.pause, paused=True),
        "hold",
    ),
    Act(
        "trigger",
        gettext_lazy("Trigger"),
        "trigger",
        gettext_lazy("One run of each starts now, with the defaults of its params."),
        gettext_lazy("triggered"),
        bulk.trigger,
        "play",
    ),
    Act(
        "clear_failed",
        gettext_lazy("Rerun failed"),
        "clear",
        gettext_lazy("The failed tasks of the last run of each run again."),
        gettext_lazy("cleared"),
        bulk.clear_failed,
        "clear",
    ),
    Act(
        "delete",
        gettext_lazy("Delete"),
        "delete",
        gettext_lazy(
            "Versions, runs and all that belongs to them are lost. This cannot be undone. What a file still defines comes back without them."
        ),
        gettext_lazy("deleted"),
        bulk.delete_dags,
        "trash",
        loses=True,
    ),
)
RUN_ACTS = (
    Act(
        "clear",
        gettext_lazy("Clear"),
        "clear",
        gettext_lazy("All tasks run again."),
        "cleared",
        bulk.clear_runs,
        "clear",
        has_note=True,
    ),
    Act(
        "clear_failed",
        gettext_lazy("Rerun failed"),
        "clear",
        gettext_lazy("The failed tasks run again."),
        gettext_lazy("cleared"),
        partial(bulk.clear_runs, only_failed=True),
        "clear",
        has_note=True,
    ),
    Act(
        "success",
        gettext_lazy("Mark success"),
        "mark",
        gettext_lazy("What runs is stopped and marked success, what has not started is skipped."),
        gettext_lazy("marked success"),
        partial(bulk.mark_runs, state="success"),
        "check",
        has_note=True,
    ),
    Act(
        "failed",
        gettext_lazy("Mark failed"),
        "mark",
        gettext_lazy("What runs is stopped and marked failed, what has not started is skipped."),
        gettext_lazy("marked failed"),
        partial(bulk.mark_runs, state="failed"),
        "cross",
        has_note=True,
    ),
    Act(
        "cancel",
        gettext_lazy("Cancel"),
        "mark",
        gettext_lazy("What runs is stopped; teardowns still run."),
        gettext_lazy("cancelled"),
        bulk.cancel_runs,
        "stop",
    ),
    Act(
        "delete",
        gettext_lazy("Delete"),
        "delete",
        gettext_lazy("Task instances, logs and XComs are lost with them. This cannot be undone."),
        gettext_lazy("deleted"),
        bulk.delete_runs,
        "trash",
        loses=True,
    ),
)
REACH = (
    ("downstream", gettext_lazy("Everything downstream too")),
    ("upstream", gettext_lazy("Everything upstream too")),
    ("past", gettext_lazy("In all earlier runs too")),
    ("future", gettext_lazy("In all later runs too")),
)
"""The words of the dialogs for one task."""
INSTANCE_ACTS = (
    Act(
        "clear",
        gettext_lazy("Clear"),
        "clear",
        gettext_lazy("They run again, also those that succeeded."),
        gettext_lazy("cleared"),
        bulk.clear_instances,
        "clear",
        options=(*REACH, ("only_failed", gettext_lazy("Only failed ones"))),
        has_note=True,
        reaches=bulk.to_clear,
    ),
    Act(
        "success",
        gettext_lazy("Mark success"),
        "mark",
        gettext_lazy("What runs is stopped; what waits for it goes on."),
        gettext_lazy("marked success"),
        partial(bulk.mark_instances, state="success"),
        "check",
        options=REACH,
        has_note=True,
        reaches=partial(bulk.to_mark, state="success"),
    ),
    Act(
        "failed",
        gettext_lazy("Mark failed"),
        "mark",
        gettext_lazy("What runs is stopped."),
        gettext_lazy("marked failed"),
        partial(bulk.mark_instances, state="failed"),
        "cross",
        options=REACH,
        has_note=True,
        reaches=partial(bulk.to_mark, state="failed"),
    ),
    Act(
        "skipped",
        gettext_lazy("Skip"),
        "mark",
        gettext_lazy("What runs is stopped."),
        gettext_lazy("skipped"),
        partial(bulk.mark_instances, state="skipped"),
        "chevron",
        options=REACH,
        has_note=True,
        reaches=partial(bulk.to_mark, state="skipped"),
    ),
    Act(
        "delete",
        gettext_lazy("Delete"),
        "delete",
        gettext_lazy("Tries, XComs and events are lost with them. This cannot be undone."),
        gettext_lazy("deleted"),
        bulk.delete_instances,
        "trash",
        loses=True,
    ),
)


def _dags(request: HttpRequest, query: QueryDict) -> QuerySet[Dag]:
    return DagFilters(request, query).narrow(access.visible_dags(request.user)).order_by("dag_id")


def _runs(request: HttpRequest, query: QueryDict) -> QuerySet[DagRun]:
    return runs_of(request, query)[0].select_related("dag").defer("conf").order_by("-run_after", "-pk")


def _instances(request: HttpRequest, query: QueryDict) -> QuerySet[TaskInstance]:
    return instances_of(request, query)[0].select_related("run", "run__dag").order_by("-pk")


KINDS = {
    "dags": Kind("dags", "DAG", "DAGs", "dags", DAG_ACTS, _dags, is_numbered=False),
    "dag_runs": Kind("dag_runs", gettext_lazy("run"), gettext_lazy("runs"), "dag-runs", RUN_ACTS, _runs),
    "task_instances": Kind(
        "task_instances",
        gettext_lazy("task instance"),
        gettext_lazy("task instances"),
        "task-instances",
        INSTANCE_ACTS,
        _instances,
    ),
}


def offered(kind: Kind, user: Any) -> list[Act]:
    """The actions that the user's role allows."""
    return [act for act in kind.acts if access.can_somewhere(user, act.verb)]


def chosen(request: HttpRequest, kind: Kind, given: QueryDict) -> list[Any]:
    """The rows that a request is about: those ticked, or with ``all`` every one that the list's filters find.

    Both come from what the user may see, so that a tick can name nothing else.
    """
    if "all" in given:
        return list(kind.rows(request, QueryDict(given.get("filter", "").lstrip("?")))[: bulk.MOST + 1])
    if "cell" in given and kind.name == "task_instances":
        return list(kind.rows(request, QueryDict("")).filter(_in_cells(given.getlist("cell")[:MOST_CELLS])))
    keys = given.getlist("chosen")[:MOST_TICKED]
    if kind.is_numbered:
        keys = [key for key in keys if key.isdecimal() and len(key) < 19]
        return list(kind.rows(request, QueryDict("")).filter(pk__in=keys))
    keys = [key.replace("\0", "") for key in keys]
    return list(access.visible_dags(request.user).filter(pk__in=keys).order_by("dag_id"))


def reach_of(request: HttpRequest, act: Act, given: QueryDict) -> bulk.Reach:
    """How far the ticked boxes of the dialog reach, into runs that the user may see."""
    on = {name: name in given for name, _ in act.options}
    return bulk.Reach(**on, around=partial(access.runs_around, request.user))


def _in_cells(cells: Sequence[str]) -> Q:
    """The condition for task instances in cells of a grid: ``RUN,RUN:TASK``, of a mapped task all, or with ``:INDEX`` one."""
    found, left = Q(pk__in=[]), MOST_CELLS
    for cell in cells:
        runs, _, named = cell.replace("\0", "").partition(":")
        task_id, _, index = named.partition(":")
        pks = [int(pk) for pk in runs.split(",") if pk.isdecimal() and len(pk) < 19][:left]
        left -= len(pks)
        if pks and not index:
            found |= Q(run__in=pks, task_id=task_id)
        elif pks and index.isdecimal() and len(index) < 19:
            found |= Q(run__in=pks, task_id=task_id, map_index=int(index))
    return found


def allowed(rows: Sequence[Any], act: Act, user: Any) -> tuple[list[Any], list[tuple[str, str]]]:
    """Return (rows that the user may act on, the others with the reason)."""
    may = [row for row in rows if access.can(user, act.verb, row)]
    kept = {row.pk for row in may}
    return may, [(str(row), gettext("your role does not allow it")) for row in rows if row.pk not in kept]
