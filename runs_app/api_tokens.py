"""Personal API tokens: made, found again by their digest, and revoked; and web tokens that are ended early."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from dags_app.models import ApiToken, RevokedToken

from .actions import audit
from .exceptions import OrchestratorError

PREFIX = "orc_"
"""How every one begins, so that scanners for leaked secrets know it, and no web token is taken for one."""
LONGEST_DAYS = 3650
USED_EVERY = timedelta(minutes=1)
MOST_OF_A_USER = 50
MOST_DAGS = 100
SCOPES = ("read", "trigger", "edit")
"""What a token may be for, least first; "trigger" is reading and starting runs, and nothing else."""


class InvalidToken(OrchestratorError):
    """A token cannot be made as it was asked for."""


def make(
    owner: Any,
    name: str,
    *,
    days: int | None,
    role: str = "",
    scope: str = "",
    dags: Sequence[str] | None = None,
    user: Any,
    now: datetime,
) -> tuple[ApiToken, str]:
    """Make a token for ``owner``; return its row and the token itself, which nobody can get again.

    Raises:
        InvalidToken: no name, a life that is none, or too many.
    """
    if not name.strip():
        raise InvalidToken("A token needs a name that says what it is for")
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise InvalidToken(f"A token lives 1 to {LONGEST_DAYS} days, or without end")
    if usable(now).filter(user=owner).count() >= MOST_OF_A_USER:
        raise InvalidToken(f"{owner.get_username()} has {MOST_OF_A_USER} tokens already: revoke one first")
    if scope and scope not in SCOPES:
        raise InvalidToken(f"A token's scope is one of {', '.join(SCOPES)}")
    only = checked_dags(dags)
    text = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        row = ApiToken.objects.create(
            user=owner,
            name=name.strip()[:100],
            digest=digest_of(text),
            begins=text[:10],
            role=role,
            scope=scope,
            dags=only,
            mark=mark_of(owner),
            created_at=now,
            expires_at=now + timedelta(days=days) if days is not None else None,
        )
        limits = {"role": role, "scope": scope, "dags": only}
        limits = {name: value for name, value in limits.items() if value}
        # Not as "token": what stands under that name is masked.
        audit(user, "create_token", name=row.name, owner=owner.get_username(), **limits)
    return row, text


def checked_dags(dags: Sequence[str] | None) -> list[str] | None:
    """Return the DAGs of a token as they are kept; None, which is all of them, where none is named.

    Raises:
        InvalidToken: one of them can be no id.
    """
    found = list(dict.fromkeys(filter(None, (each.strip() for each in dags or ()))))
    for each in found:
        if len(each) > 250 or "*" in each[:-1] or "\0" in each:
            raise InvalidToken(f"A token opens DAGs by their ids, or by how they begin (sales_*), not by {each[:50]!r}")
    if len(found) > MOST_DAGS:
        raise InvalidToken(f"A token names {MOST_DAGS} DAGs at most: one with * stands for many")
    return found or None


def usable(now: datetime) -> Any:
    """Return the tokens that are neither revoked nor expired."""
    return ApiToken.objects.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), revoked_at__isnull=True)


def find(text: str, now: datetime) -> ApiToken | None:
    """Return the token, with its owner, if it is good; notes once a minute that it was used."""
    row = usable(now).filter(digest=digest_of(text), user__is_active=True).select_related("user").first()
    if row is None or not hmac.compare_digest(row.mark, mark_of(row.user)):
        return None
    if row.last_used_at is None or now - row.last_used_at >= USED_EVERY:
        ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return row


def revoke(pk: int, *, user: Any, now: datetime) -> bool:
    """End a token at once; False where it is none, or had ended."""
    with transaction.atomic():
        row = ApiToken.objects.filter(pk=pk, revoked_at__isnull=True).select_related("user").first()
        if row is None:
            return False
        ApiToken.objects.filter(pk=pk).update(revoked_at=now)
        audit(user, "revoke_token", name=row.name, owner=row.user.get_username())
    return True


def end(jti: str, expires_at: datetime, *, user: Any, now: datetime) -> None:
    """End a bearer token before its time; those that have expired meanwhile are forgotten."""
    with transaction.atomic():
        RevokedToken.objects.filter(expires_at__lt=now).delete()
        if RevokedToken.objects.get_or_create(jti=jti, defaults={"expires_at": expires_at})[1]:
            audit(user, "logout", owner=user.get_username())


def digest_of(text: str) -> str:
    # Not salted: 256 random bits cannot be guessed, and it is found by its digest.
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def mark_of(user: Any) -> str:
    return str(user.get_session_auth_hash()[:24])
