"""``manage.py undo``: take back what the last command did."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from runs_app.exceptions import OrchestratorError
from runs_app.management.subcommands import DatabaseCommand
from runs_app.undo.taking_back import newest, take_back


class Command(DatabaseCommand):
    """``undo [--json]``: all of what a command did within the last two minutes, or nothing of it."""

    help = "Take back what the last command did, as long as nothing has begun because of it; for two minutes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON")

    def handle(self, *args: Any, as_json: bool, **options: Any) -> None:
        found = newest(None)
        if found is None:
            raise CommandError(
                "There is nothing to undo: no command did anything within two minutes that can be undone"
            )
        try:
            undone = take_back(found.pk, user=None)
        except OrchestratorError as error:
            raise CommandError(f"{found.text} cannot be undone: {error}") from error
        self.stdout.write(json.dumps({"undone": undone.text}) if as_json else f"undone: {undone.text}")
