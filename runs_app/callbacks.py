"""Callbacks that no attempt runs: how each ended, and what there is to see of a run's."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from . import notify
from .locking import retrying
from .models import Callback


@retrying(attempts=20)
def callback_done(callback: Callback, outcome: str, now: datetime) -> None:
    """Write how a callback ended; the pages of its run are told."""
    with transaction.atomic():
        Callback.objects.filter(pk=callback.pk).update(done_at=now, outcome=outcome)
        notify.run_changed(callback.run_id, callback.run.dag_id)
