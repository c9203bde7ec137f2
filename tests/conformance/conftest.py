"""For tests that answer recorded cases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dags_app.models import Pool
from dags_app.versions import known_place, load_spec
from orchestrator import wake
from runs_app import assignment, notify

from .engine import ENGINE


@pytest.fixture
def engine(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Real commits, and nobody to be told of them."""
    Pool.objects.get_or_create(name="default_pool", defaults={"slots": 128})
    for module, name in ((wake, "_send"), (wake, "_publish"), (notify, "publish")):
        monkeypatch.setattr(module, name, lambda *_: None)
    load_spec.cache_clear()  # an emptied database gives its primary keys again
    known_place.cache_clear()
    assignment._runs.clear()
    yield
    ENGINE.close()
