"""``manage.py dag_processor``: keep the database's DAGs the same as the DAG folder's files."""

from __future__ import annotations

import json
import os
import signal
from argparse import ArgumentParser
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from functools import partial
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dags_app import keeper
from dags_app.bundles.config import BundleConfig, BundleError
from dags_app.models import Dag
from orchestrator import wake
from runs_app import components, first_start, notify
from runs_app.plugin_answers import answered
from runs_app.processes import Lease


def run(should_stop: Callable[[], bool], bundles: Collection[str] | None = None) -> None:
    """Process all bundles, or those that are named, under a lease until told to stop.

    Raises:
        BundleError: the settings name none that can be processed.
    """
    configs = keeper.chosen(bundles)
    lease = Lease("processor")
    lease.start()
    try:
        at_last = partial(components.stops, "processor")
        keeper.run(should_stop, configs=configs, on_changed=tell, answered=answered, at_last=at_last)
    finally:
        lease.stop()


def tell(dag_id: str) -> None:
    """Let open pages know that a DAG changed, and the clock when it is due."""
    notify.dag_changed(dag_id)
    due = Dag.objects.filter(pk=dag_id, is_paused=False).values_list("next_run_after", flat=True).first()
    if due is not None:
        wake.due(due)


class Command(BaseCommand):
    """``dag_processor [--once [--json]]``; any number may run on bundles of the same content."""

    help = "Parse DAG files as they change, until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="parse all files, then end; fails on import errors")
        parser.add_argument("--json", action="store_true", dest="as_json", help="with --once: print what was done")
        parser.add_argument(
            "-B",
            "--bundle-name",
            action="append",
            dest="bundles",
            metavar="NAME",
            help="of no other bundles; repeatable",
        )

    def handle(self, *args: Any, once: bool, as_json: bool, bundles: list[str] | None, **options: Any) -> None:
        try:
            first_start.check_tables()
            if once:
                self._once(keeper.chosen(bundles), as_json)
                return
            stopping = Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stopping.set())
            run(stopping.is_set, bundles)
        except (first_start.CannotStart, BundleError) as error:
            raise CommandError(str(error)) from error

    def _once(self, configs: Sequence[BundleConfig], as_json: bool) -> None:
        for config in configs:
            if config.kind == "local" and not os.path.isdir(config.path):
                raise CommandError(f"There is no folder {config.path}: make it, or set DAGS_FOLDER.")
        made = keeper.Keeper(configs, on_changed=tell)
        try:
            counts = made.settle(limit=3600)
            stale = made.errors()
        finally:
            made.close()
        if as_json:
            self.stdout.write(json.dumps(asdict(counts)))
        else:
            self.stdout.write(", ".join(f"{value} {name.replace('_', ' ')}" for name, value in asdict(counts).items()))
        if stale:
            raise CommandError("; ".join(stale))
        if counts.errors:
            raise CommandError(f"{counts.errors} files cannot be imported: see `manage.py dags errors`")
