"""Teams: made, changed and deleted, who belongs to them, and which DAGs are theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from dags_app.models import DagTag, Team, TeamMember
from dags_app.owners import owned_by

from .actions import audit
from .exceptions import OrchestratorError

ROLES = ("viewer", "user")
"""What a member may be given: the roles that are about DAGs, least first."""
KINDS = ("dag", "folder", "tag", "owner")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{2,49}")
MOST_RULES = 200


class InvalidTeam(OrchestratorError):
    """A team cannot be made or changed as it was asked for."""


class TeamNotFound(OrchestratorError):
    status = 404


def make(name: str, *, description: str = "", rules: Sequence[Sequence[str]] = (), user: Any, now: datetime) -> Team:
    """Make a team.

    Raises:
        InvalidTeam: its name is none or taken, or a rule is none.
    """
    if not NAME.fullmatch(name):
        raise InvalidTeam("A team's name begins with a letter and has 3 to 50 of a to z, digits, - and _")
    if Team.objects.filter(name__iexact=name).exists():
        raise InvalidTeam(f"There is a team {name!r} already")
    with transaction.atomic():
        found = checked(rules)
        team = Team.objects.create(name=name, description=description.strip()[:500], rules=found, created_at=now)
        audit(user, "post_team", team=name, rules=found)
    return team


def change(team: Team, *, description: str, rules: Sequence[Sequence[str]], user: Any) -> None:
    """Change what a team is said to be, and which DAGs are its."""
    found = checked(rules)
    with transaction.atomic():
        Team.objects.filter(pk=team.pk).update(description=description.strip()[:500], rules=found)
        audit(user, "patch_team", team=team.name, rules=found)


def delete(team: Team, *, user: Any) -> None:
    """Delete a team; its members lose what they had by it."""
    with transaction.atomic():
        audit(user, "delete_team", team=team.name, members=team.members.count())
        team.delete()


def put_member(team: Team, account: Any, role: str, *, user: Any) -> None:
    """Take somebody into a team, give her another role there, or with "" take her out.

    Raises:
        InvalidTeam: there is no such role in a team.
    """
    if role and role not in ROLES:
        raise InvalidTeam(f"A member of a team is a {' or a '.join(ROLES)}")
    with transaction.atomic():
        if role:
            values = {"role": role, "from_groups": False}
            TeamMember.objects.update_or_create(team=team, user=account, defaults=values)
        else:
            TeamMember.objects.filter(team=team, user=account).delete()
        audit(user, "patch_team", team=team.name, member=account.get_username(), role=role)


def follow(account: Any, wanted: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Make the memberships that groups gave what they give now; those given by hand stay. Returns what changed."""
    best: dict[str, str] = {}
    for name, role in wanted:
        best[name] = max(role, best.get(name, role), key=ROLES.index)
    teams = {team.name: team for team in Team.objects.filter(name__in=best)}
    have = {row.team_id: row for row in TeamMember.objects.filter(user=account)}
    changed: dict[str, str] = {}
    for name, team in teams.items():
        row = have.pop(team.pk, None)
        if row is not None and (not row.from_groups or row.role == best[name]):
            continue
        values = {"role": best[name], "from_groups": True}
        TeamMember.objects.update_or_create(team=team, user=account, defaults=values)
        changed[name] = best[name]
    gone = TeamMember.objects.filter(user=account, from_groups=True, team__in=have)
    changed |= dict.fromkeys(gone.values_list("team__name", flat=True), "")
    gone.delete()
    return {"teams": changed} if changed else {}


def checked(rules: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return rules as they are kept.

    Raises:
        InvalidTeam: one of them is none.
    """
    found: list[list[str]] = []
    for kind, value in rules:
        text = str(value).strip()
        if kind not in KINDS or not text or len(text) > 250 or "\0" in text:
            raise InvalidTeam(f"A rule names a {', '.join(KINDS[:-1])} or {KINDS[-1]}, not {kind!r} {text[:50]!r}")
        text = text.strip("/") if kind == "folder" else text
        if [kind, text] not in found:
            found.append([kind, text])
    if len(found) > MOST_RULES:
        raise InvalidTeam(f"A team has {MOST_RULES} rules at most: a tag or a folder names many DAGs at once")
    return found


def owned(team: Team) -> Q:
    """Return the condition of a team's DAGs, those that name it themselves among them."""
    return fitting(team.rules) | Q(team_roles__has_key=team.name)


def fitting(rules: Iterable[Sequence[str]]) -> Q:
    """Return the condition of the DAGs that one of these rules names; of none, if there are no rules."""
    by: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for kind, value in rules:
        by.get(kind, []).append(value)
    found = Q(pk__in=[])
    if by["dag"]:
        found |= Q(pk__in=by["dag"])
    if by["tag"]:
        found |= Q(pk__in=DagTag.objects.filter(name__in=by["tag"]).values("dag_id"))
    for folder in by["folder"]:
        # A pattern, not a prefix: SQLite compares those without regard to letter case.
        found |= Q(file__relative_path__regex=f"^{re.escape(folder)}/") if folder else Q()
    return found | owned_by(by["owner"]) if by["owner"] else found
