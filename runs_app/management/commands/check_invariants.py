"""``manage.py check_invariants``: whether the database is as the engine promises."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from runs_app.invariants import RULES, Broken, check
from runs_app.locking import db_now
from runs_app.management.subcommands import DatabaseCommand


class Command(DatabaseCommand):
    """Exits with the number of rules that do not hold (125 at most); 126: the database cannot be asked."""

    unusable = 126

    help = "Check the rules that every state of the database keeps. The exit code is the number of broken rules."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object a check")
        parser.add_argument("--watch", type=float, metavar="SECONDS", help="check again every so often, until stopped")
        parser.add_argument(
            "--since", metavar="TIME", help="look only at task instances changed from then on (ISO 8601)"
        )
        parser.add_argument("--safety", action="store_true", help="leave out the rules that need running processes")

    def handle(self, *args: Any, **options: Any) -> None:
        since = self._since(options["since"])
        while True:
            started = time.monotonic()
            found = check(db_now(), since=since, liveness=not options["safety"])
            self._tell(found, time.monotonic() - started, as_json=options["json"])
            if not options["watch"]:
                break
            time.sleep(options["watch"])
        if found:
            sys.exit(min(len(found), 125))

    def _since(self, text: str | None) -> datetime | None:
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise CommandError(f"--since {text!r} is no time: write it like 2026-01-31T12:00:00+00:00") from error
        return moment if moment.tzinfo else timezone.make_aware(moment)

    def _tell(self, found: list[Broken], seconds: float, *, as_json: bool) -> None:
        if as_json:
            broken = [{"rule": each.rule, "says": each.says, "rows": each.rows} for each in found]
            self.stdout.write(json.dumps({"broken": broken, "rules": len(RULES), "seconds": round(seconds, 3)}))
            return
        for each in found:
            self.stdout.write(f"BROKEN {each.rule}: {each.says}")
            for row in each.rows:
                self.stdout.write(f"    {row}")
        if not found:
            self.stdout.write(f"{len(RULES)} rules hold ({seconds:.2f} s)")
