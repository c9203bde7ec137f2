"""What one person may: her role, what her teams add to it on their DAGs, and what her token leaves of both.

Worked out once a request, and only as far as it is asked for; a user object lives no longer than that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.lookups import Exact

from dags_app.models import Dag, TeamMember
from runs_app.teams import fitting

ROLES = ("viewer", "user", "op", "admin")
"""Names of the groups, least first."""
SCOPES = {"read": (), "trigger": ("trigger",), "edit": None}
"""Scope of a token -> the verbs that change something it leaves, beside reading; None = all of them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a token leaves of its owner's rights; "" and None leave all."""

    role: str = ""
    scope: str = ""
    dags: tuple[str, ...] | None = None


class Rights:
    """Of one user, for as long as the request lives."""

    def __init__(self, user: Any, limits: Limits) -> None:
        self.user, self.limits = user, limits
        self.own = self._least(_role_by_group(user))
        self._grants: list[tuple[str, Q]] | None = None
        self._known: dict[str, frozenset[str]] = {}

    @property
    def everywhere(self) -> str:
        """The role that counts for all that there is; none for a token that opens some DAGs only."""
        return "" if self.limits.dags is not None else self.own

    @property
    def highest(self) -> str:
        """The highest role there is anything to use for; "" = nothing may be seen at all."""
        return (
            max((role for role, _ in self.grants), key=rank, default="") if rank(self.own) < rank("user") else self.own
        )

    @property
    def grants(self) -> list[tuple[str, Q]]:
        """Each role above nothing, with the DAGs that it is for."""
        if self._grants is None:
            found = [(self.own, Q())] if self.own else []
            if rank(self.own) < rank("user") and self.user.pk:
                found += _of_teams(self.user)
            if self.limits.dags is not None:
                found = [(role, where & _named(self.limits.dags)) for role, where in found]
            self._grants = [(self._least(role), where) for role, where in found]
        return self._grants

    def leaves(self, verb: str) -> bool:
        """Whether the token's scope leaves the verb at all."""
        changing = SCOPES.get(self.limits.scope, ()) if self.limits.scope else None
        return changing is None or verb.startswith("read") or verb in changing

    def where(self, role: str) -> Q:
        """Return the condition of the DAGs on which the user has at least this role."""
        found = Q(pk__in=[])
        for each, where in self.grants:
            if rank(each) >= rank(role):
                if not where:
                    return Q()
                found |= where
        return found

    def on(self, dag_id: str, role: str) -> bool:
        """Whether the user has at least this role on one DAG. All are fetched at once: rows of a list ask each."""
        if all(rank(each) < rank(role) for each, _ in self.grants):
            return False
        if role not in self._known:
            self._known[role] = frozenset(Dag.objects.filter(self.where(role)).values_list("pk", flat=True))
        return dag_id in self._known[role]

    def _least(self, role: str) -> str:
        return min(role, self.limits.role, key=rank) if self.limits.role else role


def of(user: Any) -> Rights | None:
    """Return the rights of somebody signed in and active, or None."""
    if not (user and user.is_authenticated and user.is_active):
        return None
    found: Rights | None = getattr(user, "_orchestrator_rights", None)
    if found is None:
        found = user._orchestrator_rights = Rights(user, Limits())
    return found


def limit(user: Any, limits: Limits) -> Any:
    """Return the user with no more rights than a token leaves her."""
    user._orchestrator_rights = Rights(user, limits)
    return user


def rank(role: str) -> int:
    return ROLES.index(role) if role in ROLES else -1


GROUPS = (
    "SELECT MAX(CASE g.name "
    + " ".join(f"WHEN '{role}' THEN {place}" for place, role in enumerate(ROLES))
    + " END) FROM auth_user_groups m JOIN auth_group g ON g.id = m.group_id WHERE m.user_id = u.id"
)
"""The place of the highest role of a user ``u``, for a statement that reads her anyway."""


def know_groups(user: Any, place: int | None) -> None:
    """Say what :data:`GROUPS` gave for a user that was read just now."""
    user._orchestrator_groups = set() if place is None else {ROLES[place]}


def _role_by_group(user: Any) -> str:
    if user.is_superuser:
        return "admin"
    groups = getattr(user, "_orchestrator_groups", None)
    if groups is None:
        groups = set(user.groups.filter(name__in=ROLES).values_list("name", flat=True))
    return next((role for role in reversed(ROLES) if role in groups), "")


def _of_teams(user: Any) -> list[tuple[str, Q]]:
    found = []
    for each in TeamMember.objects.filter(user_id=user.pk).select_related("team"):
        # A file may give its team less than a member has there, and never more.
        named = Q(team_roles__has_key=each.team.name)
        acts = Q(Exact(KeyTextTransform(each.team.name, "team_roles"), Value("user")))
        found.append((each.role, fitting(each.team.rules) | (acts if each.role == "user" else named)))
        if each.role == "user":
            found.append(("viewer", named))
    return found


def _named(dags: tuple[str, ...]) -> Q:
    """Return the condition of DAGs by their ids; one that ends with * stands for all that begin so."""
    found = Q(pk__in=[each for each in dags if not each.endswith("*")])
    for each in dags:
        if each.endswith("*"):
            # A pattern, not a prefix: SQLite compares those without regard to letter case.
            found |= Q(pk__regex=f"^{re.escape(each[:-1])}")
    return found
