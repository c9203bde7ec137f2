"""``manage.py demo_data``: a reference installation to look at and to measure on."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from runs_app import first_start
from runs_app.demo.build import build, check
from runs_app.demo.sizes import Sizes
from runs_app.exceptions import OrchestratorError
from runs_app.management.subcommands import DatabaseCommand, read_time

USUAL = Sizes(until=datetime.min)


class Command(DatabaseCommand):
    """Writes DAG files into DAGS_FOLDER and their history into the database, which it makes if need be."""

    help = "Fill an empty installation with DAGs and a year of history. The same sizes and seed give the same."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--anyway", action="store_true", help="although there are other DAGs here")
        parser.add_argument("--seed", type=int, default=USUAL.seed, help=f"({USUAL.seed})")
        parser.add_argument("--until", metavar="TIME", help="when the history ends (now)")
        parser.add_argument("--dags", type=int, default=USUAL.dags, help=f"DAGs in all ({USUAL.dags})")
        parser.add_argument("--grid-tasks", type=int, default=USUAL.grid_tasks, help="of warehouse_nightly (100)")
        parser.add_argument("--lake-tasks", type=int, default=USUAL.lake_tasks, help="of lake_refresh (1000)")
        parser.add_argument("--runs", type=int, default=USUAL.runs, help=f"of each of these two ({USUAL.runs})")
        parser.add_argument("--few-runs", type=int, default=USUAL.few_runs, help=f"of the others ({USUAL.few_runs})")
        parser.add_argument("--mapped", type=int, default=USUAL.mapped, help="instances in thumbnails' run (10000)")
        parser.add_argument("--log-mb", type=float, default=1000, help="log of export_ledger (1000)")

    def handle(self, *args: Any, anyway: bool, until: str | None, log_mb: float, **options: Any) -> None:
        wanted = {name: options[name] for name in Sizes.__slots__ if name in options}
        least = {"grid_tasks": 20, "lake_tasks": 20, "seed": 0}
        for name, value in wanted.items():
            if value < least.get(name, 1):
                raise CommandError(f"--{name.replace('_', '-')} must be {least.get(name, 1)} or more")
        moment = read_time(until, "--until") if until else timezone.now().replace(microsecond=0)
        sizes = Sizes(until=moment, log_bytes=int(log_mb * 1_000_000), **wanted)
        began = time.monotonic()
        settings.ORCH.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        first_start.migrate()
        try:
            check(sizes, anyway=anyway)
            made = build(sizes, lambda text: self._say(began, text))
        except OrchestratorError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(", ".join(f"{count} {name}" for name, count in made.items()))
        self.stdout.write(f"made in {time.monotonic() - began:.0f} s in {settings.ORCH.home}")
        self.stdout.write(
            f"Look at it: ORCHESTRATOR_HOME={settings.ORCH.home} DAGS_FOLDER={settings.ORCH.dags_folder} make run"
        )

    def _say(self, began: float, text: str) -> None:
        self.stdout.write(f"{time.monotonic() - began:5.0f} s  {text}")
