"""While you were away: what happened between two moments, each event in exactly one such digest."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q, Subquery

from dags_app.models import AuditEntry, Dag
from orchestrator import access
from orchestrator.core.states import RUN_FINISHED, RunState
from orchestrator.web import failures
from runs_app.models import DagRun, Deadline, FailureGroup

SHOWN = 8
LONGEST_RUN = timedelta(days=7)
"""Runs that were due longer before are not looked for: an index by their end would cost every run a little."""


@dataclass(slots=True)
class Digest:
    """What happened after ``since``, up to and with ``until``. DAGs by how their last runs ended then and now."""

    since: datetime
    until: datetime
    broken: list[Dag] = field(default_factory=list)
    healed: list[Dag] = field(default_factory=list)
    still_broken: list[Dag] = field(default_factory=list)
    kinds: list[FailureGroup] = field(default_factory=list)  # of failures that were never seen before
    done: list[dict[str, Any]] = field(default_factory=list)  # who did what, how often
    missed: list[Deadline] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any((self.broken, self.healed, self.still_broken, self.kinds, self.done, self.missed, self.asked))


def digest(user: Any, since: datetime, until: datetime) -> Digest:
    """Return what the user may see of that time."""
    found = Digest(since, until)
    _dags(user, found)
    found.kinds = list(new_kinds(user, since, until)[:SHOWN])
    if access.can(user, "read_audit"):
        found.done = list(
            deeds(since, until)
            .exclude(user_id=user.pk)
            .order_by()
            .values("actor", "event")
            .annotate(count=Count("pk"), one=Min("dag_id"), dags=Count("dag_id", distinct=True))
            .order_by("actor", "-count")[: 2 * SHOWN]
        )
    found.missed = list(missed(user, since, until).select_related("run").order_by("-deadline_time")[:SHOWN])
    found.asked = list(asked(user, since, until).select_related("task_instance__run").order_by("created_at")[:SHOWN])
    return found


def _dags(user: Any, found: Digest) -> None:
    def state_at(moment: datetime) -> Subquery:
        ended = DagRun.objects.filter(dag=OuterRef("pk"), state__in=RUN_FINISHED, ended_at__lte=moment)
        return Subquery(ended.order_by("-run_after", "-pk").values("state")[:1])

    recent = DagRun.objects.filter(dag=OuterRef("pk"), run_after__gt=found.since - LONGEST_RUN)
    ran = Exists(recent.filter(ended_at__gt=found.since, ended_at__lte=found.until))
    dags = (
        access.visible_dags(user)
        .filter(is_stale=False)
        .annotate(ran=ran)
        .annotate(before=state_at(found.since), after=state_at(found.until))
    )
    for dag in dags.filter(Q(ran=True, after=RunState.FAILED) | Q(ran=True, before=RunState.FAILED)).order_by("dag_id"):
        was, is_now = dag.before == RunState.FAILED, dag.after == RunState.FAILED
        (found.still_broken if was and is_now else found.broken if is_now else found.healed).append(dag)


def new_kinds(user: Any, since: datetime, until: datetime) -> Any:
    """Kinds of failures whose first happened then."""
    return failures.groups(user).filter(first_at__gt=since, first_at__lte=until)


def deeds(since: datetime, until: datetime) -> Any:
    return AuditEntry.objects.filter(at__gt=since, at__lte=until)


def missed(user: Any, since: datetime, until: datetime) -> Any:
    rows = Deadline.objects.filter(run__in=access.visible_runs(user).values("pk"), missed=True)
    return rows.filter(deadline_time__gt=since, deadline_time__lte=until)


def asked(user: Any, since: datetime, until: datetime) -> Any:
    """Questions that were asked then and are still open."""
    return access.visible_questions(user, is_open=True).filter(created_at__gt=since, created_at__lte=until)
