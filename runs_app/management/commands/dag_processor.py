"""``manage.py dag_processor``: keep the database's DAGs the same as the DAG folder's files."""

from __future__ import annotations

import json
import signal
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from threading import Event
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dags_app import processor
from dags_app.models import Dag
from orchestrator import wake
from runs_app import components, first_start, notify
from runs_app.plugin_answers import answered
from runs_app.processes import Lease


def run(should_stop: Callable[[], bool]) -> None:
    """Process the folder under a lease until told to stop."""
    lease = Lease("processor")
    lease.start()
    try:
        processor.run(should_stop, on_changed=tell, answered=answered, at_last=partial(components.stops, "processor"))
    finally:
        lease.stop()


def tell(dag_id: str) -> None:
    """Let open pages know that a DAG changed, and the clock when it is due."""
    notify.dag_changed(dag_id)
    due = Dag.objects.filter(pk=dag_id, is_paused=False).values_list("next_run_after", flat=True).first()
    if due is not None:
        wake.due(due)


class Command(BaseCommand):
    """``dag_processor [--once [--json]]``; any number may run on folders of the same content."""

    help = "Parse DAG files as they change, until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="parse all files, then end; fails on import errors")
        parser.add_argument("--json", action="store_true", dest="as_json", help="with --once: print what was done")

    def handle(self, *args: Any, once: bool, as_json: bool, **options: Any) -> None:
        try:
            first_start.check_tables()
        except first_start.CannotStart as error:
            raise CommandError(str(error)) from error
        if once:
            self._once(as_json)
            return
        stopping = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        run(stopping.is_set)

    def _once(self, as_json: bool) -> None:
        folder = settings.ORCH.dags_folder
        if not folder.is_dir():
            raise CommandError(f"There is no folder {folder}: make it, or set DAGS_FOLDER.")
        made = processor.Processor(str(folder), on_changed=tell)
        try:
            counts = made.settle(limit=3600)
        finally:
            made.close()
        if as_json:
            self.stdout.write(json.dumps(asdict(counts)))
        else:
            self.stdout.write(", ".join(f"{value} {name.replace('_', ' ')}" for name, value in asdict(counts).items()))
        if counts.errors:
            raise CommandError(f"{counts.errors} files cannot be imported: see `manage.py dags errors`")
