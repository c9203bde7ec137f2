"""Who may see and do what. Pages, API, admin and web sockets ask here and have no other way to the rows.

Roles are Django groups, least first; each may do all that those before it may. Somebody signed in
without a role sees nothing: a new account is granted rights, never left with some.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from dags_app.models import Asset, AssetAlias, Dag, DagImportError
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

ROLES = ("viewer", "user", "op", "admin")
"""Names of the groups, least first."""

LEAST_ROLE = {
    "read": "viewer",  # DAGs, runs, task instances, logs, XComs, code
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


def role_of(user: Any) -> str:
    """Return the user's highest role, or "" for somebody without one."""
    if not (user and user.is_authenticated and user.is_active):
        return ""
    known: str | None = getattr(user, "_orchestrator_role", None)
    if known is None and user.is_superuser:
        return "admin"
    if known is None:
        groups = set(user.groups.filter(name__in=ROLES).values_list("name", flat=True))
        known = next((role for role in reversed(ROLES) if role in groups), "")
        # One query a request: a user object lives no longer than that (sockets fetch theirs anew).
        user._orchestrator_role = known
    return known


def limited(user: Any, role: str) -> Any:
    """Return the user with at most this role's rights, for as long as this object lives; "" limits nothing."""
    if role:
        own = role_of(user)
        user._orchestrator_role = own if own and ROLES.index(own) < ROLES.index(role) else role if own else ""
    return user


def can(user: Any, verb: str, obj: Any = None) -> bool:
    """Whether the user may do ``verb``, with ``obj`` (a DAG, run or task instance) where it is about one."""
    least = LEAST_ROLE.get(verb)
    role = role_of(user)
    # Rights are the same for every DAG, so ``obj`` narrows nothing yet; it is what grants on one DAG hang on.
    return bool(least and role) and ROLES.index(role) >= ROLES.index(least)


def visible_dags(user: Any) -> QuerySet[Dag]:
    """Return the DAGs the user may see."""
    return Dag.objects.all() if can(user, "read") else Dag.objects.none()


def visible_webhooks(user: Any) -> QuerySet[Webhook]:
    """Return the webhooks the user may see; each tells of the DAGs that its owner may see."""
    return Webhook.objects.all() if can(user, "edit_webhooks") else Webhook.objects.none()


def visible_runs(user: Any) -> QuerySet[DagRun]:
    """Return the dag runs the user may see."""
    return DagRun.objects.all() if can(user, "read") else DagRun.objects.none()


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
    return TaskInstance.objects.all() if can(user, "read") else TaskInstance.objects.none()


def visible_xcoms(user: Any) -> QuerySet[XCom]:
    """Return the XComs the user may see."""
    return XCom.objects.all() if can(user, "read") else XCom.objects.none()


def visible_deadlines(user: Any) -> QuerySet[Deadline]:
    """Return the deadlines of the runs the user may see."""
    return Deadline.objects.all() if can(user, "read") else Deadline.objects.none()


def visible_backfills(user: Any) -> QuerySet[Backfill]:
    """Return the backfills the user may see."""
    return Backfill.objects.all() if can(user, "read") else Backfill.objects.none()


def visible_questions(user: Any, *, is_open: bool = False) -> QuerySet[HITLDetail]:
    """Return what tasks that the user may see ask people; ``is_open``: and still wait for."""
    rows = hitl.open_questions() if is_open else HITLDetail.objects.all()
    if not can(user, "read"):
        return rows.none()
    # Asked of each question: as a list of all task instances that one may see it would be read through whole.
    own = visible_task_instances(user).filter(pk=OuterRef("task_instance_id"))
    return rows.filter(Exists(own))


def visible_import_errors(user: Any) -> QuerySet[DagImportError]:
    """Return the import errors the user may see."""
    return DagImportError.objects.all() if can(user, "read") else DagImportError.objects.none()


def visible_assets(user: Any) -> QuerySet[Asset]:
    """Return the assets the user may see."""
    return Asset.objects.all() if can(user, "read") else Asset.objects.none()


def visible_aliases(user: Any) -> QuerySet[AssetAlias]:
    """Return the asset aliases the user may see."""
    return AssetAlias.objects.all() if can(user, "read") else AssetAlias.objects.none()


def visible_asset_events(user: Any) -> QuerySet[AssetEvent]:
    """Return the asset events the user may see: those of the DAGs she may see, and those that no DAG made."""
    if not can(user, "read"):
        return AssetEvent.objects.none()
    dags = visible_dags(user).values("pk")
    return AssetEvent.objects.filter(Q(source_dag_id__isnull=True) | Q(source_dag_id__in=dags))


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
