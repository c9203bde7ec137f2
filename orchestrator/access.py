"""Who may see and do what. Pages, API, admin and web sockets ask here and have no other way to the rows.

Roles are Django groups, least first; each may do all that those before it may. Teams give their members a
role on their DAGs, beside it. Somebody signed in without either sees nothing: a new account is granted
rights, never left with some.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from dags_app.models import Asset, AssetAlias, Dag, DagImportError, ScheduleReference, TaskReference
from orchestrator import rights
from orchestrator.rights import ROLES
from runs_app import hitl
from runs_app.models import (
    AssetEvent,
    Backfill,
    DagRun,
    Deadline,
    HITLDetail,
    QueuedEvent,
    TaskInstance,
    Undo,
    Webhook,
    XCom,
)
from runs_app.undo.keeping import open_to

LEAST_ROLE = {
    "read": "viewer",  # DAGs, runs, task instances, logs, XComs, code
    "star": "viewer",  # one's own favorites; a token for reading leaves them alone
    "read_pools": "viewer",
    "read_processes": "viewer",
    "read_plugins": "viewer",
    "trigger": "user",
    "edit": "user",  # pause a DAG, set states and notes by hand
    "pause": "user",
    "mark": "user",
    "clear": "user",
    "answer": "user",  # what a task asks people
    "note": "user",
    "delete": "user",  # a run, a DAG with its history
    "read_variables": "op",  # that they are there; values are never shown
    "edit_variables": "op",
    "read_connections": "op",
    "edit_connections": "op",
    "read_secrets": "op",
    "edit_secrets": "op",
    "edit_pools": "op",
    "edit_processes": "op",  # have workers drain or stop
    "read_bundles": "op",
    "edit_bundles": "op",  # have them refreshed
    "read_config": "op",
    "read_providers": "viewer",
    "read_audit": "op",
    "edit_code": "admin",  # a DAG file is code that the workers run
    "edit_webhooks": "admin",  # what is told to addresses elsewhere
    "admin": "admin",
}
"""Verb -> the least role that may. A verb that is not here may be done by nobody."""


OF_DAGS = frozenset(
    ("read", "star", "trigger", "edit", "pause", "mark", "clear", "answer", "note", "delete", "edit_code")
)
"""Verbs that are about one DAG, or what is below it: teams and tokens may give them for some DAGs only."""


def role_of(user: Any) -> str:
    """Return the role that the user has everywhere, or "" for somebody without one."""
    found = rights.of(user)
    return found.everywhere if found else ""


def highest_role(user: Any) -> str:
    """Return the highest role that the user has for any DAG; "" = there is nothing for her to see."""
    found = rights.of(user)
    return found.highest if found else ""


def limited(user: Any, role: str, scope: str = "", dags: Sequence[str] | None = None) -> Any:
    """Return the user with no more rights than her token leaves, for as long as this object lives."""
    return rights.limit(user, rights.Limits(role, scope, None if dags is None else tuple(dags)))


def can(user: Any, verb: str, obj: Any = None) -> bool:
    """Whether the user may do ``verb``, with ``obj`` (a DAG, run or task instance) where it is about one.

    Without one it is asked about all that there is: who may for some DAGs only may not.
    """
    least, found = LEAST_ROLE.get(verb), rights.of(user)
    if not least or found is None or not found.leaves(verb):
        return False
    if rights.rank(found.everywhere) >= rights.rank(least):
        return True
    dag_id = getattr(obj, "dag_id", None)
    return verb in OF_DAGS and dag_id is not None and found.on(dag_id, least)


def can_somewhere(user: Any, verb: str) -> bool:
    """Whether there may be a DAG that the user may do ``verb`` with: whether to offer it, never whether it is allowed."""
    least, found = LEAST_ROLE.get(verb), rights.of(user)
    if not least or found is None or verb not in OF_DAGS:
        return can(user, verb)
    return found.leaves(verb) and rights.rank(found.highest) >= rights.rank(least)


def dags_for(user: Any, verb: str) -> QuerySet[Dag]:
    """Return the DAGs that the user may do ``verb`` with."""
    least, found = LEAST_ROLE.get(verb), rights.of(user)
    if not least or found is None or verb not in OF_DAGS or not found.leaves(verb):
        return Dag.objects.none()
    return Dag.objects.all() if can(user, verb) else Dag.objects.filter(found.where(least))


def below(user: Any, rows: QuerySet[Any], dag: str = "dag_id") -> QuerySet[Any]:
    """Narrow rows to those of DAGs that the user may see; ``dag`` is how they name theirs."""
    if can(user, "read"):
        return rows
    return rows.filter(**{f"{dag}__in": visible_dags(user).values("pk")}) if highest_role(user) else rows.none()


def visible_dags(user: Any) -> QuerySet[Dag]:
    """Return the DAGs the user may see."""
    return dags_for(user, "read")


def visible_webhooks(user: Any) -> QuerySet[Webhook]:
    """Return the webhooks the user may see; each tells of the DAGs that its owner may see."""
    return Webhook.objects.all() if can(user, "edit_webhooks") else Webhook.objects.none()


def visible_runs(user: Any) -> QuerySet[DagRun]:
    """Return the dag runs the user may see."""
    return below(user, DagRun.objects.all())


def runs_around(user: Any, run: DagRun, *, past: bool, future: bool) -> list[DagRun]:
    """Return the run, with the DAG's runs of earlier or later logical dates where asked for, oldest first."""
    if run.logical_date is None or not (past or future):
        return [run]
    rows = visible_runs(user).filter(dag_id=run.dag_id)
    if not future:
        rows = rows.filter(logical_date__lte=run.logical_date)
    if not past:
        rows = rows.filter(logical_date__gte=run.logical_date)
    return list(rows.filter(logical_date__isnull=False).order_by("logical_date"))


def visible_task_instances(user: Any) -> QuerySet[TaskInstance]:
    """Return the task instances the user may see."""
    return below(user, TaskInstance.objects.all())


def visible_xcoms(user: Any) -> QuerySet[XCom]:
    """Return the XComs the user may see."""
    return below(user, XCom.objects.all())


def visible_deadlines(user: Any) -> QuerySet[Deadline]:
    """Return the deadlines of the runs the user may see."""
    return below(user, Deadline.objects.all(), "run__dag_id")


def visible_backfills(user: Any) -> QuerySet[Backfill]:
    """Return the backfills the user may see."""
    return below(user, Backfill.objects.all())


def visible_questions(user: Any, *, is_open: bool = False) -> QuerySet[HITLDetail]:
    """Return what tasks that the user may see ask people; ``is_open``: and still wait for."""
    rows = hitl.open_questions() if is_open else HITLDetail.objects.all()
    if not highest_role(user):
        return rows.none()
    # Asked of each question: as a list of all task instances that one may see it would be read through whole.
    own = visible_task_instances(user).filter(pk=OuterRef("task_instance_id"))
    return rows.filter(Exists(own))


def visible_import_errors(user: Any) -> QuerySet[DagImportError]:
    """Return the import errors the user may see: a file's trace tells of every DAG in it."""
    if can(user, "read"):
        return DagImportError.objects.all()
    own = visible_dags(user).filter(file_id=OuterRef("file_id"))
    others = Dag.objects.filter(file_id=OuterRef("file_id")).exclude(pk__in=visible_dags(user).values("pk"))
    return DagImportError.objects.filter(Exists(own), ~Exists(others))


def visible_assets(user: Any) -> QuerySet[Asset]:
    """Return the assets the user may see: those that a DAG she may see makes, reads or waits for."""
    if can(user, "read"):
        return Asset.objects.all()
    dags = visible_dags(user).values("pk")
    named = Q(pk__in=TaskReference.objects.filter(dag__in=dags).values("asset_id"))
    return Asset.objects.filter(named | Q(pk__in=ScheduleReference.objects.filter(dag__in=dags).values("asset_id")))


def visible_aliases(user: Any) -> QuerySet[AssetAlias]:
    """Return the asset aliases the user may see."""
    return AssetAlias.objects.all() if can(user, "read") else AssetAlias.objects.none()


def visible_asset_events(user: Any) -> QuerySet[AssetEvent]:
    """Return the asset events the user may see: those of the DAGs she may see, and those that no DAG made."""
    if not highest_role(user):
        return AssetEvent.objects.none()
    rows = AssetEvent.objects.all() if can(user, "read") else AssetEvent.objects.filter(asset__in=visible_assets(user))
    return rows.filter(Q(source_dag_id__isnull=True) | Q(source_dag_id__in=visible_dags(user).values("pk")))


def with_runs(user: Any, events: QuerySet[AssetEvent]) -> QuerySet[AssetEvent]:
    """Have events know the runs that were made for them, as far as the user may see those."""
    return events.prefetch_related(Prefetch("runs", visible_runs(user)))


def visible_queued_events(user: Any) -> QuerySet[QueuedEvent]:
    """Return what waits for DAGs that the user may see."""
    return QueuedEvent.objects.filter(dag__in=visible_dags(user))


def visible_undos(user: Any) -> QuerySet[Undo]:
    """Return what the user did and may still take back: nobody takes back what another did."""
    return open_to(user) if getattr(user, "pk", None) else Undo.objects.none()


def make_roles(**_: Any) -> None:
    """Create the groups after a migration, so that an empty installation has something to put users in."""
    from django.contrib.auth.models import Group

    for role in ROLES:
        Group.objects.get_or_create(name=role)
