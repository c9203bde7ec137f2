"""Airflow's masker of secrets, as far as packages name it: the masking itself is the log writer's here."""

from __future__ import annotations

from typing import Any

from .package_calls import redact, should_hide_value_for_key
from .shims import mask_secret

Redactable = Redacted = Any


class SecretsMasker:
    """Masks by name; what was said to be secret is masked where the log is written."""

    def __init__(self, **kwargs: Any) -> None:
        self.patterns: set[str] = set()

    def add_mask(self, secret: Any, name: str | None = None) -> None:
        mask_secret(secret, name)

    def redact(self, item: Any, name: str | None = None, max_depth: int | None = None, **ignored: Any) -> Any:
        return redact(item, name)

    def should_hide_value_for_key(self, name: Any) -> bool:
        return should_hide_value_for_key(name)


_masker = SecretsMasker()


def _secrets_masker() -> SecretsMasker:
    return _masker
