"""Bearer tokens: JSON web tokens, signed with the installation's key, that end with the password they were made by."""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import jwt
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from orchestrator import access, rights
from runs_app import api_tokens
from runs_app.locking import fetch

AUDIENCE = "apache-airflow"
SKEW = timedelta(seconds=60)
"""Clocks of machines of one fleet may differ so much, and no more."""
TOKEN_LIFE = timedelta(days=1)
CLI_TOKEN_LIFE = timedelta(hours=1)


def issue_token(user: Any, life: timedelta = TOKEN_LIFE) -> str:
    """Return a token by which ``user`` may call the API until ``life`` is over or the password changes."""
    now = timezone.now()
    claims = {
        "sub": str(user.pk),
        "role": access.role_of(user),
        "teams": sorted(user.team_memberships.values_list("team__name", flat=True)),
        "jti": uuid4().hex,
        "aud": AUDIENCE,
        "iat": now,
        "nbf": now,
        "exp": now + life,
        "key": _password_mark(user),
    }
    return jwt.encode(claims, settings.SECRET_KEY, algorithm="HS256")


def user_of(token: str) -> Any:
    """Return the active user a token stands for.

    Raises:
        AuthenticationFailed: not ours, expired, ended by its owner, or its user is gone, inactive or has a new password.
    """
    claims = _claims(token)
    try:
        key = int(claims["sub"])
    except (ValueError, TypeError) as error:
        raise AuthenticationFailed("Invalid JWT token") from error
    user = _active(key, str(claims["jti"])) if 0 <= key < 2**63 else None
    if user is None or not hmac.compare_digest(str(claims["key"]), _password_mark(user)):
        raise AuthenticationFailed("Invalid JWT token")
    user.acts_by = "sign-in token"
    return user


def _active(key: int, jti: str) -> Any:
    """Return the active user, with the groups that make her role, unless this token was ended; one statement for all.

    Each request asks it: put together by the ORM it took longer than the database needed for the whole request.
    """
    found = fetch(_ACTIVE, [key, True, jti])
    if not found:
        return None
    values = [bool(value) if name.startswith("is_") else value for name, value in zip(_COLUMNS, found[0], strict=False)]
    user = get_user_model().from_db(DEFAULT_DB_ALIAS, _COLUMNS, values)
    rights.know_groups(user, found[0][-1])
    return user


_COLUMNS = (
    *("id", "password", "is_superuser", "username"),
    *("first_name", "last_name", "email", "is_staff", "is_active"),
)
"""What a request may ask of its user; when she was made, and came last, is read when somebody wants to know."""
_ACTIVE = (
    f"SELECT {', '.join(f'u.{name}' for name in _COLUMNS)}, ({rights.GROUPS}) FROM auth_user u WHERE u.id = %s "
    "AND u.is_active = %s AND NOT EXISTS (SELECT 1 FROM dags_app_revokedtoken WHERE jti = %s)"
)


def revoke(token: str) -> None:
    """End a token of either kind at once; one that is none has ended already.

    Raises:
        AuthenticationFailed: it is no token of ours.
    """
    now = timezone.now()
    if token.startswith(api_tokens.PREFIX):
        found = api_tokens.find(token, now)
        if found is None:
            raise AuthenticationFailed("Invalid API token")
        api_tokens.revoke(found.pk, user=found.user, now=now)
        return
    user, claims = user_of(token), _claims(token)
    api_tokens.end(claims["jti"], datetime.fromtimestamp(claims["exp"], UTC), user=user, now=now)


def _claims(token: str) -> Mapping[str, Any]:
    try:
        claims = _signed(token, settings.SECRET_KEY)
        if int(claims["exp"]) <= time.time() - SKEW.total_seconds():  # it may have been good when it was looked at
            raise jwt.ExpiredSignatureError
    except jwt.ExpiredSignatureError as error:
        raise AuthenticationFailed("Token Expired") from error
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError) as error:
        raise AuthenticationFailed("Invalid JWT token") from error
    return claims


@lru_cache(maxsize=1024)
def _signed(token: str, key: str) -> Mapping[str, Any]:
    """Return what a token says that was signed with ``key``. What is signed stays so: each request of a program brings the
    same token, and to look at it anew took as long as to read its user. An error is not remembered."""
    return MappingProxyType(
        jwt.decode(
            token,
            key,
            algorithms=["HS256"],
            audience=AUDIENCE,
            leeway=SKEW,
            options={"require": ["exp", "sub", "jti", "key"]},
        )
    )


def owner_of(token: str) -> Any:
    """Return the owner of a personal token, with no more rights than the token has.

    Raises:
        AuthenticationFailed: there is none, or it was revoked, has expired, or its owner is off or has a new password.
    """
    found = api_tokens.find(token, timezone.now())
    if found is None:
        raise AuthenticationFailed("Invalid API token")
    found.user.acts_by = f"token: {found.name}"
    return access.limited(found.user, found.role, found.scope, found.dags)


def _password_mark(user: Any) -> str:
    return user.get_session_auth_hash()[:24]


class BearerAuthentication(BaseAuthentication):
    """``Authorization: Bearer TOKEN``; requests with it need no CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, str] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"bearer":
            return None
        if len(parts) != 2:
            raise AuthenticationFailed("Invalid JWT token")
        try:
            token = parts[1].decode("ascii")
        except UnicodeDecodeError as error:
            raise AuthenticationFailed("Invalid JWT token") from error
        user = owner_of(token) if token.startswith(api_tokens.PREFIX) else user_of(token)
        return user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
