"""``manage.py triggerer``: run a triggerer until it is told to stop."""

from __future__ import annotations

import signal
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand

from runs_app.triggerer import run


class Command(BaseCommand):
    """``triggerer``; any number of them may run, on any machine that sees the database."""

    help = "Run the triggers of deferred tasks, until SIGTERM or Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        stopping = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        run(stopping.is_set)
