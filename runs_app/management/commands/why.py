"""``manage.py why``: why a DAG, a run or a task instance does not run, and what to do."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from dags_app.models import Dag
from orchestrator.core.reasons import Reason
from runs_app import why
from runs_app.management.commands.runs import find_run
from runs_app.management.subcommands import Console, DatabaseCommand
from runs_app.models import TaskInstance

NOTHING = "Nothing holds it: it runs."


class Command(DatabaseCommand):
    """``why DAG_ID [RUN_ID [TASK_ID]] [--map-index N] [--json]``."""

    help = "Say why a DAG, a run or a task instance does not run, and what to do."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dag_id")
        parser.add_argument("run_id", nargs="?")
        parser.add_argument("task_id", nargs="?")
        parser.add_argument("--map-index", type=int, default=-1, help="which instance of a mapped task")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        console, now = Console(self, options["as_json"]), timezone.now()
        dag = Dag.objects.select_related("file__import_error").filter(pk=options["dag_id"]).first()
        if dag is None:
            raise CommandError(f"There is no DAG {options['dag_id']!r}: see `manage.py dags list`")
        if options["run_id"] is None:
            reasons = why.of_dag(dag, now)
            console.show({"dag_id": dag.dag_id, "reasons": _json(reasons)}, _lines(reasons))
            return
        run = find_run(dag.dag_id, options["run_id"])
        about = {"dag_id": dag.dag_id, "run_id": run.run_id}
        if options["task_id"] is not None:
            instance = _find(run, options["task_id"], options["map_index"])
            reasons = why.of_task(instance, now)
            about |= {"task_id": instance.task_id, "map_index": instance.map_index, "state": instance.state}
            console.show(about | {"reasons": _json(reasons)}, _lines(reasons))
            return
        reasons, waiting = why.of_run(run, now), why.of_tasks(run, now)
        told = [
            {"task_id": each.first.task_id, "map_index": each.first.map_index, "count": each.count}
            | {"reason": each.reason.to_json()}
            for each in waiting
        ]
        lines = [*_lines(reasons, nothing=""), *_of_tasks(waiting)] or [NOTHING]
        console.show(about | {"state": run.state, "reasons": _json(reasons), "waiting": told}, lines)


def _find(run: Any, task_id: str, map_index: int) -> TaskInstance:
    rows = TaskInstance.objects.select_related("run__dag").filter(run=run, task_id=task_id)
    instance = rows.filter(map_index=map_index).first()
    if instance is not None:
        return instance
    if map_index < 0 and rows.exists():
        raise CommandError(f"Task {task_id!r} is mapped: say which instance with --map-index 0 to {rows.count() - 1}")
    index = f"[{map_index}]" if map_index >= 0 else ""
    raise CommandError(f"Run {run.run_id!r} has no task instance {task_id}{index}")


def _json(reasons: Iterable[Reason]) -> list[Any]:
    return [each.to_json() for each in reasons]


def _lines(reasons: list[Reason], nothing: str = NOTHING) -> Iterator[str]:
    for each in reasons:
        yield each.text
        if each.until is not None:
            yield f"  changes by itself at {each.until:%Y-%m-%d %H:%M:%S %Z}"
        if each.remedy:
            yield f"  {each.remedy}"
    if not reasons and nothing:
        yield nothing


def _of_tasks(waiting: Iterable[why.Waiting]) -> Iterator[str]:
    for each in waiting:
        index = each.first.task_name.removeprefix(each.first.task_id)
        more = f" and {each.count - 1} more" if each.count > 1 else ""
        yield f"{each.first.task_id}{index}{more}: {each.reason.text}"
        if each.reason.remedy:
            yield f"  {each.reason.remedy}"
