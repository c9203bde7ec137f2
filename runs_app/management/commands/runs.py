"""``manage.py runs``: list and show runs."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from runs_app.management.subcommands import DatabaseCommand
from runs_app.models import DagRun, TaskInstance


class Command(DatabaseCommand):
    """``runs list [DAG_ID] [--state S] [--limit N]``, ``runs show DAG_ID RUN_ID``; both with ``--json``."""

    help = "List runs, or show one with its task instances."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="newest first")
        listing.add_argument("dag_id", nargs="?")
        listing.add_argument("--state", help="only those in this state")
        listing.add_argument("--limit", type=int, default=20, help="how many at most (20)")
        show = actions.add_parser("show", help="one run and its task instances")
        show.add_argument("dag_id")
        show.add_argument("run_id")
        for each in (listing, show):
            each.add_argument("--json", action="store_true", dest="as_json", help="print JSON")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        if action == "list":
            self._list(**options)
        else:
            self._show(**options)

    def _list(self, *, dag_id: str | None, state: str | None, limit: int, as_json: bool, **_: Any) -> None:
        rows = DagRun.objects.order_by("-run_after", "-pk")
        if dag_id:
            rows = rows.filter(dag_id=dag_id)
        if state:
            rows = rows.filter(state=state)
        found = [_run(run) for run in rows[:limit]]
        if as_json:
            self.stdout.write(json.dumps(found, indent=2))
            return
        for run in found:
            self.stdout.write(f"{run['state']:<8} {run['dag_id']:<30} {run['run_id']:<48} {run['run_after']}")

    def _show(self, *, dag_id: str, run_id: str, as_json: bool, **_: Any) -> None:
        run = DagRun.objects.filter(dag_id=dag_id, run_id=run_id).first()
        if run is None:
            raise CommandError(f"DAG {dag_id!r} has no run {run_id!r}: see `manage.py runs list {dag_id}`")
        instances = [_instance(each) for each in TaskInstance.objects.filter(run=run).order_by("pk")]
        if as_json:
            self.stdout.write(json.dumps({**_run(run), "task_instances": instances}, indent=2))
            return
        self.stdout.write(f"{run.state:<8} {run.dag_id} {run.run_id}  conf={json.dumps(run.conf)}")
        for each in instances:
            index = f"[{each['map_index']}]" if each["map_index"] >= 0 else ""
            took = f"{each['duration']:.2f} s" if each["duration"] is not None else ""
            self.stdout.write(f"  {each['state']:<18} {each['task_id']}{index}  try {each['try_number']}  {took}")


def _run(run: DagRun) -> dict[str, Any]:
    return {
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "state": run.state,
        "run_type": run.run_type,
        "logical_date": run.logical_date.isoformat() if run.logical_date else None,
        "run_after": run.run_after.isoformat(),
        "start_date": run.started_at.isoformat() if run.started_at else None,
        "end_date": run.ended_at.isoformat() if run.ended_at else None,
        "conf": run.conf,
    }


def _instance(instance: TaskInstance) -> dict[str, Any]:
    start, end = instance.started_at, instance.ended_at
    return {
        "task_id": instance.task_id,
        "map_index": instance.map_index,
        "state": instance.state,
        "try_number": instance.try_number,
        "start_date": start.isoformat() if start else None,
        "end_date": end.isoformat() if end else None,
        "duration": (end - start).total_seconds() if start and end else None,
    }
