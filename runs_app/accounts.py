"""Accounts and their roles, as administrators change them; each change is audited, no password ever."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import transaction

from .actions import audit
from .exceptions import OrchestratorError


class InvalidAccount(OrchestratorError):
    """An account cannot be made or changed as it was asked for."""


def make(name: str, role: str, *, email: str = "", roles: tuple[str, ...], user: Any) -> tuple[Any, str]:
    """Make an account; return it and its one-time password, which its owner replaces when signing in.

    Raises:
        InvalidAccount: the name is none or taken, or the role is none.
    """
    accounts = get_user_model().objects
    check_name(name)
    if accounts.filter(username__iexact=name).exists():
        raise InvalidAccount(f"There is a user {name!r} already")
    password = secrets.token_urlsafe(12)
    with transaction.atomic():
        account = accounts.create_user(username=name, email=email, password=password)
        put(account, role, roles)
        audit(user, "post_user", username=name, role=role)
    return account, password


def change(account: Any, role: str, is_active: bool, *, roles: tuple[str, ...], user: Any) -> None:
    """Give an account another role ("" = none), or switch it off or on. A role counts from the next request on.

    Raises:
        InvalidAccount: nobody takes her own rights away, or those of a superuser on a page.
    """
    if account.pk == getattr(user, "pk", None):
        raise InvalidAccount("Your own rights are for another administrator to change")
    if account.is_superuser:
        raise InvalidAccount("A superuser is changed in the Django admin, or by manage.py")
    with transaction.atomic():
        put(account, role, roles)
        get_user_model().objects.filter(pk=account.pk).update(is_active=is_active)
        audit(user, "patch_user", username=account.get_username(), role=role, is_active=is_active)


def reset_password(account: Any, *, user: Any) -> str:
    """Return a one-time password that stands for the account's own from now on; its sessions and tokens end.

    Raises:
        InvalidAccount: the account signs in elsewhere, and has no password.
    """
    if not account.has_usable_password():
        raise InvalidAccount(f"{account.get_username()} signs in without a password of ours")
    password = secrets.token_urlsafe(12)
    with transaction.atomic():
        account.set_password(password)
        account.last_login = None
        account.save(update_fields=["password", "last_login"])
        audit(user, "reset_password", username=account.get_username())
    return password


def role_of(account: Any, roles: tuple[str, ...]) -> str:
    """The role ("" = none) of an account, also of one that is switched off; ``roles`` from the least to the most."""
    if account.is_superuser:
        return roles[-1]
    names = {group.name for group in account.groups.all()}
    return next((role for role in reversed(roles) if role in names), "")


def check_name(name: str) -> None:
    """Refuse what cannot be a user's name."""
    try:
        UnicodeUsernameValidator()(name)
    except ValidationError as error:
        raise InvalidAccount("A user name has letters, digits and @ . + - _ only") from error
    if not name or len(name) > 150:
        raise InvalidAccount("A user name has 1 to 150 characters")


def put(account: Any, role: str, roles: tuple[str, ...]) -> None:
    """Put an account into the group of a role ("" = none), and out of those of the others."""
    if role and role not in roles:
        raise InvalidAccount(f"There is no role {role!r}: there are {', '.join(roles)}")
    account.groups.remove(*Group.objects.filter(name__in=roles))
    if role:
        account.groups.add(Group.objects.get_or_create(name=role)[0])
