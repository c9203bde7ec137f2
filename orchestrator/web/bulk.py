"""What can be done to many rows of a list at once: one table a list, chosen by check boxes or by the list's own filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, QueryDict

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
        "Switch on",
        "pause",
        "New runs start when they are due.",
        "switched on",
        partial(bulk.pause, paused=False),
        "play",
    ),
    Act(
        "pause",
        "Pause",
        "pause",
        "No new runs start; those under way finish.",
        "paused",
        partial(bulk.pause, paused=True),
        "hold",
    ),
    Act(
        "trigger",
        "Trigger",
        "trigger",
        "One run of each starts now, with the defaults of its params.",
        "triggered",
        bulk.trigger,
        "play",
    ),
    Act(
        "clear_failed",
        "Rerun failed",
        "clear",
        "The failed tasks of the last run of each run again.",
        "cleared",
        bulk.clear_failed,
        "clear",
    ),
    Act(
        "delete",
        "Delete",
        "delete",
        "Versions, runs and all that belongs to them are lost. This cannot be undone. What a file still defines comes back without them.",
        "deleted",
        bulk.delete_dags,
        "trash",
        loses=True,
    ),
)
RUN_ACTS = (
    Act("clear", "Clear", "clear", "All tasks run again.", "cleared", bulk.clear_runs, "clear", has_note=True),
    Act(
        "clear_failed",
        "Rerun failed",
        "clear",
        "The failed tasks run again.",
        "cleared",
        partial(bulk.clear_runs, only_failed=True),
        "clear",
        has_note=True,
    ),
    Act(
        "success",
        "Mark success",
        "mark",
        "What runs is stopped and marked success, what has not started is skipped.",
        "marked success",
        partial(bulk.mark_runs, state="success"),
        "check",
        has_note=True,
    ),
    Act(
        "failed",
        "Mark failed",
        "mark",
        "What runs is stopped and marked failed, what has not started is skipped.",
        "marked failed",
        partial(bulk.mark_runs, state="failed"),
        "cross",
        has_note=True,
    ),
    Act(
        "cancel",
        "Cancel",
        "mark",
        "What runs is stopped; teardowns still run.",
        "cancelled",
        bulk.cancel_runs,
        "stop",
    ),
    Act(
        "delete",
        "Delete",
        "delete",
        "Task instances, logs and XComs are lost with them. This cannot be undone.",
        "deleted",
        bulk.delete_runs,
        "trash",
        loses=True,
    ),
)
REACH = (
    ("downstream", "Everything downstream too"),
    ("upstream", "Everything upstream too"),
    ("past", "In all earlier runs too"),
    ("future", "In all later runs too"),
)
"""The words of the dialogs for one task."""
INSTANCE_ACTS = (
    Act(
        "clear",
        "Clear",
        "clear",
        "They run again, also those that succeeded.",
        "cleared",
        bulk.clear_instances,
        "clear",
        options=(*REACH, ("only_failed", "Only failed ones")),
        has_note=True,
        reaches=bulk.to_clear,
    ),
    Act(
        "success",
        "Mark success",
        "mark",
        "What runs is stopped; what waits for it goes on.",
        "marked success",
        partial(bulk.mark_instances, state="success"),
        "check",
        options=REACH,
        has_note=True,
        reaches=partial(bulk.to_mark, state="success"),
    ),
    Act(
        "failed",
        "Mark failed",
        "mark",
        "What runs is stopped.",
        "marked failed",
        partial(bulk.mark_instances, state="failed"),
        "cross",
        options=REACH,
        has_note=True,
        reaches=partial(bulk.to_mark, state="failed"),
    ),
    Act(
        "skipped",
        "Skip",
        "mark",
        "What runs is stopped.",
        "skipped",
        partial(bulk.mark_instances, state="skipped"),
        "chevron",
        options=REACH,
        has_note=True,
        reaches=partial(bulk.to_mark, state="skipped"),
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
    "dag_runs": Kind("dag_runs", "run", "runs", "dag-runs", RUN_ACTS, _runs),
    "task_instances": Kind(
        "task_instances", "task instance", "task instances", "task-instances", INSTANCE_ACTS, _instances
    ),
}


def offered(kind: Kind, user: Any) -> list[Act]:
    """The actions that the user's role allows."""
    return [act for act in kind.acts if access.can(user, act.verb)]


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
    return may, [(str(row), "your role does not allow it") for row in rows if row.pk not in kept]
