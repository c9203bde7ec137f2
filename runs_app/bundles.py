"""Asking the DAG processor to refresh a bundle."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from dags_app.models import Bundle

from .actions import audit
from .exceptions import OrchestratorError


class NoSuchBundle(OrchestratorError):
    """There is no such bundle, or the settings no longer have it."""

    status = 404


def refresh(name: str, *, user: Any) -> None:
    """Have a bundle refreshed within seconds, and an environment that could not be made tried again.

    Raises:
        NoSuchBundle: nothing was changed.
    """
    with transaction.atomic():
        if not Bundle.objects.filter(pk=name, is_active=True).update(refresh_asked=True):
            raise NoSuchBundle(f"There is no bundle {name!r} among the settings")
        audit(user, "refresh_bundle", bundle=name)
