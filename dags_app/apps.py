from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

DEFAULT_POOL = "default_pool"
DEFAULT_POOL_SLOTS = 128


def make_default_pool(using: str, **_: Any) -> None:
    """Tasks that name no pool take their slots from this one, so it must be there before the first claim."""
    from .models import Pool

    Pool.objects.using(using).get_or_create(
        name=DEFAULT_POOL, defaults={"slots": DEFAULT_POOL_SLOTS, "description": "Default pool"}
    )


class DagsConfig(AppConfig):
    """What is defined: DAGs, their versions and sources, and what they share."""

    name = "dags_app"
    verbose_name = "Definitions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(make_default_pool, sender=self, dispatch_uid="default_pool")
