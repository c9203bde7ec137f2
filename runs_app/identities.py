"""People who come in by an OpenID Connect provider: their account, and what their groups give them here."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.db.models import Q

from dags_app.models import Identity, TeamMember

from . import accounts, teams
from .actions import audit
from .exceptions import OrchestratorError

log = logging.getLogger(__name__)

HOW = "OpenID Connect"
EVERYBODY = "*"


class NoEntry(OrchestratorError):
    """The provider knows somebody whom this installation does not let in."""

    status = 403


@dataclass(frozen=True, slots=True)
class Policy:
    """What is made of people of the provider; ``roles`` is every role, least first."""

    roles: tuple[str, ...]
    of_groups: Mapping[str, str] = field(default_factory=dict)
    teams_of_groups: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    create: bool = True
    link: bool = False


def enter(
    issuer: str, subject: str, *, name: str, email: str, groups: Collection[str], policy: Policy, now: datetime
) -> Any:
    """Return the account of somebody who signed in at the provider, with the rights that her groups give her now.

    Raises:
        NoEntry: she has no account and gets none, it is switched off, or her groups give her nothing any more;
            what they gave before is taken all the same.
    """
    try:
        account = _known_or_new(issuer, subject, name, email, groups, policy, now)
    except IntegrityError:  # she came in by two windows at once, and the other was first
        account = _known_or_new(issuer, subject, name, email, groups, policy, now)
    if not account.is_active:
        raise NoEntry("Your account here is switched off")
    if policy.of_groups and not _has_rights(account):
        raise NoEntry("None of your groups gives you any rights here")
    return account


@transaction.atomic
def _known_or_new(
    issuer: str, subject: str, name: str, email: str, groups: Collection[str], policy: Policy, now: datetime
) -> Any:
    known = Identity.objects.select_related("user").filter(issuer=issuer, subject=subject).first()
    account = known.user if known else _join(issuer, subject, name, email, policy, now)
    account.acts_by = HOW
    _follow_groups(account, groups, policy)
    return account


def _join(issuer: str, subject: str, name: str, email: str, policy: Policy, now: datetime) -> Any:
    try:
        accounts.check_name(name)
    except accounts.InvalidAccount as error:
        raise NoEntry(f"The provider calls you {name[:80]!r}, which can be no user name here") from error
    account = get_user_model().objects.filter(username__iexact=name).first()
    if account is not None:
        # Whoever can choose a name at the provider could become anybody here.
        if not policy.link or account.is_superuser or account.identities.filter(issuer=issuer).exists():
            raise NoEntry(f"There is an account {name!r} here already that is not yours")
    elif not policy.create:
        raise NoEntry(f"There is no account {name!r} here, and none is made at a sign-in")
    else:
        account = get_user_model().objects.create_user(username=name, email=email, password=None)
        account.acts_by = HOW
        audit(account, "post_user", username=name, role="")
    Identity.objects.create(user=account, issuer=issuer, subject=subject, created_at=now)
    return account


def _follow_groups(account: Any, groups: Collection[str], policy: Policy) -> None:
    changed: dict[str, Any] = {}
    if policy.of_groups and not account.is_superuser:
        given = {policy.of_groups[each] for each in (*groups, EVERYBODY) if each in policy.of_groups}
        role = next((each for each in reversed(policy.roles) if each in given), "")
        had = set(account.groups.filter(name__in=policy.roles).values_list("name", flat=True))
        if had != ({role} if role else set()):
            if "admin" in had and role != "admin" and is_last_local_admin(account):
                log.warning("last_local_admin_kept username=%s", account.get_username())
            else:
                accounts.put(account, role, policy.roles)
                changed["role"] = role
    if policy.teams_of_groups:
        wanted = [policy.teams_of_groups[each] for each in (*groups, EVERYBODY) if each in policy.teams_of_groups]
        changed |= teams.follow(account, wanted)
    if changed:
        audit(account, "patch_user", username=account.get_username(), **changed)


def is_last_local_admin(account: Any) -> bool:
    """Whether without this account nobody could come in as an administrator while the provider is away."""
    if not account.has_usable_password():
        return False
    admins = get_user_model().objects.filter(Q(is_superuser=True) | Q(groups__name="admin"), is_active=True)
    return not any(each.has_usable_password() for each in admins.exclude(pk=account.pk).distinct())


def _has_rights(account: Any) -> bool:
    named = Group.objects.filter(user=account).exists()
    return bool(account.is_superuser or named or TeamMember.objects.filter(user=account).exists())
