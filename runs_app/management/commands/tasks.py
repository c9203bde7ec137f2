"""``manage.py tasks``: read logs of task instances, steer them, and answer what they ask people."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from dags_app.versions import load_spec, reruns_with_latest
from orchestrator.core.states import FINISHED, TaskState
from runs_app import actions, answering, holds, logs
from runs_app.exceptions import TaskNotFound
from runs_app.management.commands.runs import find_run
from runs_app.management.subcommands import (
    Console,
    GroupCommand,
    Options,
    Subcommand,
    fields,
    read_json,
    read_time,
    rows,
)
from runs_app.models import Attempt, DagRun, Hold, TaskInstance

CHUNK_BYTES = 256 * 1024
Json = dict[str, Any]


def _find(options: Options) -> TaskInstance:
    found = TaskInstance.objects.filter(
        run__dag_id=options.dag_id,
        run__run_id=options.run_id,
        task_id=options.task_id,
        map_index=options.map_index,
    ).first()
    if found is None:
        index = f"[{options.map_index}]" if options.map_index >= 0 else ""
        raise CommandError(
            f"Run {options.run_id!r} of DAG {options.dag_id!r} has no task instance {options.task_id}{index}"
        )
    return found


def answer(console: Console, options: Options) -> None:
    """Whoever has the machine may answer, whomever the question is put to."""
    detail = _find(options).hitl_details.order_by("-try_number").first()
    if detail is None:
        raise CommandError(f"Task {options.task_id} asks nothing")
    if options.option:
        values = read_json(options.params, "--params") if options.params else {}
        if not isinstance(values, dict):
            raise CommandError("--params must be a JSON object, e.g. '{\"amount\": 3}'")
        detail = answering.answer(detail.pk, options=options.option, params=values, how="command")
    names = ("subject", "body", "options", "defaults", "multiple", "params", "chosen_options", "params_input")
    found = {name: getattr(detail, name) for name in (*names, "responded_at", "responded_by_user_name")}
    console.show(found, fields({name: value for name, value in found.items() if value not in (None, {}, [])}))


def show_log(console: Console, options: Options) -> None:
    instance = _find(options)
    number = options.try_number or instance.try_number
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
            _print(console, lines)
            if after == offset and place + 1 == len(tokens):
                break
            place, offset = (place + 1, 0) if after == offset else (place, after)
        if ended or not options.follow:
            return
        time.sleep(0.2)


def _print(console: Console, lines: list[bytes]) -> None:
    for line in lines:
        if console.as_json:
            console.command.stdout.write(line.decode())
            continue
        record = json.loads(line)
        level = str(record.get("level") or "").upper()
        console.command.stdout.write(f"{record.get('timestamp') or ''} {level:<8} {record.get('event') or ''}")


def _known(options: Options) -> DagRun:
    """Return the run, once it is known that it has the task."""
    run = find_run(options.dag_id, options.run_id)
    if options.task_id not in load_spec(run.version_id).tasks:
        raise TaskNotFound(options.task_id, options.dag_id)
    return run


def clear(console: Console, options: Options) -> None:
    run = _known(options)
    found = actions.clear(
        run.pk,
        task_ids=[options.task_id],
        map_index=options.map_index if options.map_index != -1 else None,
        downstream=options.downstream,
        upstream=options.upstream,
        only_failed=options.only_failed,
        latest=reruns_with_latest(run.dag),
        dry_run=options.dry_run,
    )
    _changed(console, found, "would be cleared" if options.dry_run else "cleared")


def mark(console: Console, options: Options) -> None:
    run = _known(options)
    index = options.map_index if options.map_index != -1 else None
    scope = {"downstream": options.downstream, "upstream": options.upstream}
    moved = actions.mark(run, [run], [options.task_id], options.state, map_index=index, **scope)
    _changed(console, list(TaskInstance.objects.filter(pk__in=moved).order_by("pk")), f"marked {options.state}")


def _changed(console: Console, found: list[TaskInstance], what: str) -> None:
    data = [{"task_id": each.task_id, "map_index": each.map_index} for each in found]
    console.show(data, [f"{len(data)} task instances {what}", *rows(data, ("task_id", "map_index"))])


def note(console: Console, options: Options) -> None:
    instance = _find(options)
    actions.set_task_note([instance.pk], options.text, user=None)
    data = {"task_id": instance.task_id, "map_index": instance.map_index, "note": options.text or None}
    console.show(data, [f"note of {instance.task_id}: {options.text or '-'}"])


def hold(console: Console, options: Options) -> None:
    until = read_time(options.until, "--until") if options.until else None
    run = find_run(options.dag_id, options.run_id) if options.run_id else None
    made = holds.hold(
        options.dag_id,
        options.task_id,
        run_pk=run.pk if run else None,
        map_index=options.map_index,
        reason=options.reason,
        until=until,
    )
    where = f"in run {run.run_id}" if run else "in every run"
    console.show(_held(made), [f"{made.task_id} of {made.dag_id} is held {where}"])


def release(console: Console, options: Options) -> None:
    run = find_run(options.dag_id, options.run_id) if options.run_id else None
    holds.release_task(options.dag_id, options.task_id, run_pk=run.pk if run else None, map_index=options.map_index)
    data = {"dag_id": options.dag_id, "task_id": options.task_id, "released": True}
    console.show(data, [f"{options.task_id} of {options.dag_id} is released"])


def list_held(console: Console, options: Options) -> None:
    found = Hold.objects.select_related("run").order_by("pk")
    if options.dag_id:
        found = found.filter(dag_id=options.dag_id)
    data = [_held(each) for each in found]
    console.show(data, rows(data, ("dag_id", "task_id", "map_index", "run_id", "held_by", "until", "reason")))


def _held(each: Hold) -> Json:
    return {
        "dag_id": each.dag_id,
        "task_id": each.task_id,
        "map_index": each.map_index,
        "run_id": each.run.run_id if each.run else None,
        "held_by": each.held_by,
        "reason": each.reason or None,
        "until": each.until,
    }


def _one(parser: ArgumentParser) -> None:
    for name in ("dag_id", "run_id", "task_id"):
        parser.add_argument(name)
    parser.add_argument("--map-index", type=int, default=-1, help="which instance of a mapped task")


def _log_arguments(parser: ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--try", type=int, dest="try_number", help="its number (the last)")
    parser.add_argument("--follow", action="store_true", help="go on until the task instance ends")


def _answer_arguments(parser: ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--option", action="append", help="what is chosen; again for more of them")
    parser.add_argument("--params", help="a JSON object: what is filled in")


def _around(parser: ArgumentParser) -> None:
    parser.add_argument("--downstream", action="store_true", help="with all below it")
    parser.add_argument("--upstream", action="store_true", help="with all above it")


def _clear_arguments(parser: ArgumentParser) -> None:
    _one(parser)
    _around(parser)
    parser.add_argument("--only-failed", action="store_true", help="only what failed, or was cancelled")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be cleared")


def _mark_arguments(parser: ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("state", choices=[TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED])
    _around(parser)


def _note_arguments(parser: ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("text", help="an empty one takes the note away")


def _release_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("dag_id")
    parser.add_argument("task_id")
    parser.add_argument("--run-id", help="in this run only; without it in every run from now on")
    parser.add_argument("--map-index", type=int, default=-1, help="with --run-id: one instance of a mapped task")


def _hold_arguments(parser: ArgumentParser) -> None:
    _release_arguments(parser)
    parser.add_argument("--reason", default="", help="why")
    parser.add_argument("--until", help="a time; it is released by itself then")


def _held_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("dag_id", nargs="?")


class Command(GroupCommand):
    """``tasks ACTION ...``; each action takes ``--json``."""

    help = "Print the log of a task instance, clear, mark and hold tasks, or answer what they ask."
    subcommands = {
        "logs": Subcommand("print the log of a try, by default the last", show_log, _log_arguments),
        "answer": Subcommand(
            "answer what a task asks people; without --option say what it asks", answer, _answer_arguments
        ),
        "clear": Subcommand("run it again; from here on with --downstream", clear, _clear_arguments),
        "mark": Subcommand("set it to success, failed or skipped", mark, _mark_arguments),
        "note": Subcommand("write a note on it", note, _note_arguments),
        "hold": Subcommand("keep a task from starting", hold, _hold_arguments),
        "release": Subcommand("let a held task start", release, _release_arguments),
        "held": Subcommand("what is held", list_held, _held_arguments),
    }
