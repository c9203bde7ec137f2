"""Links by which one named person answers one question without signing in.

A link names its person, because an answer without a name is worth little and a link to nobody is everybody's. It is
signed, good for one week, one question of one attempt, and as long as the person's account and password stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import signing

from .answering import may_answer
from .exceptions import NotAsked
from .models import HITLDetail

SALT = "answer link"
GOOD_FOR_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Invited:
    """Who answers what by a link."""

    user: Any
    asked: HITLDetail


def link(asked: HITLDetail, user_name: str, query: Mapping[str, Any]) -> str:
    """Return the whole address; ``query`` fills in the form (``_options`` and params).

    Raises:
        ValueError: there is no such person, or the question is not put to them.
    """
    user = get_user_model().objects.filter(username=user_name, is_active=True).first()
    if user is None:
        raise ValueError(f"there is no active user {user_name!r} to send a link to")
    if not may_answer(asked, user):
        raise ValueError(f"the question is not put to {user_name!r}: name them in assigned_users")
    token = signing.dumps([asked.pk, asked.token, user.pk, _seal(user)], salt=SALT)
    filled = f"?{urlencode(query, doseq=True)}" if query else ""
    return f"{base_url()}/answer/{token}{filled}"


def read(token: str) -> Invited:
    """Return who answers what.

    Raises:
        NotAsked: the link is not ours, too old, or its person may not answer any more.
    """
    try:
        pk, fence, user_pk, seal = signing.loads(token, salt=SALT, max_age=GOOD_FOR_SECONDS)
    except signing.SignatureExpired as error:
        raise NotAsked("This link is older than a week: sign in to answer") from error
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise NotAsked("This link is not one of ours, or a part of it is missing") from error
    user = get_user_model().objects.filter(pk=user_pk, is_active=True).first()
    asked = HITLDetail.objects.select_related("task_instance__run__dag").filter(pk=pk, token=fence).first()
    if user is None or _seal(user) != seal:
        raise NotAsked("The account or the password that this link was made for has changed: sign in to answer")
    if asked is None:
        raise NotAsked("The question of this link is not asked any more: its task was cleared, or tried again")
    return Invited(user, asked)


def _seal(user: Any) -> str:
    """Changes with the password, so that a link ends where the sessions do."""
    return str(user.get_session_auth_hash())[:20]


def base_url() -> str:
    """Return the address of the pages as people reach them, without a slash at its end."""
    return str(settings.ORCH.base_url or f"http://localhost:{settings.ORCH.port}").rstrip("/")
