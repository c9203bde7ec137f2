"""``manage.py worker``: slots for task attempts."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from runs_app import first_start, roles


class Command(BaseCommand):
    """A Celery worker of some queues; each of its slots runs one task attempt at a time."""

    help = "Run tasks of some queues."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--queues", default="default", help="names, separated by commas (default)")
        parser.add_argument("--slots", type=int, help="attempts at once (ORCHESTRATOR_SLOTS)")

    def handle(self, *args: Any, queues: str, slots: int | None, **options: Any) -> None:
        names = [each.strip() for each in queues.split(",") if each.strip()]
        if not names or (slots is not None and slots < 1):
            raise CommandError("Name at least one queue (--queues default,reports) and at least one slot (--slots 2).")
        try:
            first_start.check_tables()
        except first_start.CannotStart as error:
            raise CommandError(str(error)) from error
        roles.worker(names, slots)
