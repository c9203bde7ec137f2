"""``manage.py tasks``: read logs of task instances, and answer what they ask people."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from orchestrator.core.states import FINISHED
from runs_app import answering, logs
from runs_app.exceptions import OrchestratorError
from runs_app.management.subcommands import DatabaseCommand, read_json
from runs_app.models import Attempt, TaskInstance

CHUNK_BYTES = 256 * 1024


class Command(DatabaseCommand):
    """``tasks logs DAG_ID RUN_ID TASK_ID [--try N] [--map-index N] [--follow] [--json]``; ``tasks answer ...``."""

    help = "Print the log of a task instance, or answer what it asks."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        read = actions.add_parser("logs", help="print the log of a try, by default the last")
        answers = actions.add_parser("answer", help="answer what a task asks people; without --option say what it asks")
        for parser in (read, answers):
            for name in ("dag_id", "run_id", "task_id"):
                parser.add_argument(name)
            parser.add_argument("--map-index", type=int, default=-1, help="which instance of a mapped task")
        read.add_argument("--try", type=int, dest="try_number", help="its number (the last)")
        read.add_argument("--follow", action="store_true", help="go on until the task instance ends")
        read.add_argument("--json", action="store_true", dest="as_json", help="one JSON record a line")
        answers.add_argument("--option", action="append", help="what is chosen; again for more of them")
        answers.add_argument("--params", help="a JSON object: what is filled in")
        answers.add_argument("--json", action="store_true", dest="as_json", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        instance = _find(options["dag_id"], options["run_id"], options["task_id"], options["map_index"])
        if options["action"] == "answer":
            self._answer(instance, options)
        else:
            self._logs(instance, options)

    def _answer(self, instance: TaskInstance, options: dict[str, Any]) -> None:
        """Whoever has the machine may answer, whomever the question is put to."""
        detail = instance.hitl_details.order_by("-try_number").first()
        if detail is None:
            raise CommandError(f"Task {instance.task_id} asks nothing")
        if options["option"]:
            values = read_json(options["params"], "--params") if options["params"] else {}
            if not isinstance(values, dict):
                raise CommandError("--params must be a JSON object, e.g. '{\"amount\": 3}'")
            try:
                detail = answering.answer(detail.pk, options=options["option"], params=values, how="command")
            except OrchestratorError as error:
                raise CommandError(str(error)) from error
        names = ("subject", "body", "options", "defaults", "multiple", "params", "chosen_options", "params_input")
        found = {name: getattr(detail, name) for name in (*names, "responded_at", "responded_by_user_name")}
        if options["as_json"]:
            self.stdout.write(json.dumps(found, default=str))
            return
        for name, value in found.items():
            if value not in (None, {}, []):
                self.stdout.write(f"{name:<22} {value if isinstance(value, str) else json.dumps(value, default=str)}")

    def _logs(self, instance: TaskInstance, options: dict[str, Any]) -> None:
        number = options["try_number"] or instance.try_number
        place, offset = 0, 0
        while True:
            instance.refresh_from_db()
            ended = instance.state in FINISHED or instance.try_number > number
            tokens = list(
                Attempt.objects.filter(task_instance=instance, try_number=number)
                .order_by("token")
                .values_list("token", flat=True)
            )
            while place < len(tokens):
                lines, after = logs.read_lines(instance.run_id, instance.pk, tokens[place], offset, CHUNK_BYTES)
                self._print(lines, options["as_json"])
                if after == offset and place + 1 == len(tokens):
                    break
                place, offset = (place + 1, 0) if after == offset else (place, after)
            if ended or not options["follow"]:
                return
            time.sleep(0.2)

    def _print(self, lines: list[bytes], as_json: bool) -> None:
        for line in lines:
            if as_json:
                self.stdout.write(line.decode())
                continue
            record = json.loads(line)
            level = str(record.get("level") or "").upper()
            self.stdout.write(f"{record.get('timestamp') or ''} {level:<8} {record.get('event') or ''}")


def _find(dag_id: str, run_id: str, task_id: str, map_index: int) -> TaskInstance:
    found = TaskInstance.objects.filter(
        run__dag_id=dag_id, run__run_id=run_id, task_id=task_id, map_index=map_index
    ).first()
    if found is None:
        index = f"[{map_index}]" if map_index >= 0 else ""
        raise CommandError(f"Run {run_id!r} of DAG {dag_id!r} has no task instance {task_id}{index}")
    return found
