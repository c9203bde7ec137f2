"""``manage.py triggerer``: run a triggerer until it is told to stop."""

from __future__ import annotations

import signal
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from runs_app import first_start
from runs_app.triggerer import run


class Command(BaseCommand):
    """``triggerer``; any number of them may run, on any machine that sees the database."""

    help = "Run the triggers of deferred tasks, until SIGTERM or Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            first_start.check_tables()
        except first_start.CannotStart as error:
            raise CommandError(str(error)) from error
        stopping = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        run(stopping.is_set)
