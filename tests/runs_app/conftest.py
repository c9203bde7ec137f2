"""For tests of the engine by itself."""

from __future__ import annotations

import pytest

from dags_app.models import Pool
from orchestrator import wake


@pytest.fixture
def invitations(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, int]]:
    """What would have been sent to Celery: (name, queue, count)."""
    sent: list[tuple[str, str, int]] = []
    monkeypatch.setattr(wake, "_send", lambda name, queue, count, args: sent.append((name, queue, count)))
    monkeypatch.setattr(wake, "due", lambda at: None)
    return sent


@pytest.fixture
def emptied(transactional_db: None) -> None:
    """A database whose commits are real. Emptied tables have lost what the migrations put in."""
    Pool.objects.get_or_create(name="default_pool", defaults={"slots": 128})
