"""``manage.py dags``: look at DAGs and steer them."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from dags_app import schedule
from dags_app.bundles.config import BundleError, configured
from dags_app.keeper import Keeper
from dags_app.models import Dag, DagImportError, DagVersion
from dags_app.versions import load_spec, read_sources
from orchestrator.core.states import RUN_FINISHED, RunState
from runs_app import actions
from runs_app.exceptions import DagNotFound
from runs_app.management import checks, local_runs, plans
from runs_app.management.commands.dag_processor import tell
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
from runs_app.models import DagRun

Json = dict[str, Any]


def _find(dag_id: str) -> Dag:
    dag = Dag.objects.select_related("version", "file").filter(pk=dag_id).first()
    if dag is None:
        raise DagNotFound(dag_id)
    return dag


def _json(dag: Dag) -> Json:
    return {
        "dag_id": dag.dag_id,
        "is_paused": dag.is_paused,
        "is_frozen": dag.is_frozen,
        "is_stale": dag.is_stale,
        "schedule": dag.timetable_summary,
        "next_run_after": dag.next_run_after,
        "version": dag.version.version_number if dag.version else None,
        "owners": dag.owners,
        "tags": [tag.name for tag in dag.tags.all()],
        "fileloc": dag.fileloc,
    }


def list_dags(console: Console, options: Options) -> None:
    found = Dag.objects.select_related("version").prefetch_related("tags")
    if not options.all:
        found = found.filter(is_stale=False)
    if options.tag:
        found = found.filter(tags__name=options.tag)
    data = [_json(dag) for dag in found]
    console.show(data, rows(data, ("dag_id", "is_paused", "schedule", "next_run_after", "version", "owners")))
    errors = DagImportError.objects.count()
    if errors:
        console.note(f"{errors} files cannot be imported: see `manage.py dags errors`")


def list_errors(console: Console, options: Options) -> None:
    data = [
        {
            "file": each.file.relative_path,
            "line": each.line,
            "message": each.message,
            "timestamp": each.timestamp,
            "stack_trace": each.stack_trace,
        }
        for each in DagImportError.objects.select_related("file").order_by("file__relative_path")
    ]
    lines = [f"{each['file']}{':' + str(each['line']) if each['line'] else ''}  {each['message']}" for each in data]
    console.show(data, lines)


def show(console: Console, options: Options) -> None:
    dag = _find(options.dag_id)
    spec = load_spec(dag.version_id) if dag.version_id else None
    tasks = [
        {"task_id": task.task_id, "operator": task.operator, "upstream": list(task.upstream), "queue": task.queue}
        for task in (spec.tasks.values() if spec else ())
    ]
    data = {
        **_json(dag),
        "description": dag.description,
        "schedule_error": dag.schedule_error or None,
        "import_error": DagImportError.objects.filter(file=dag.file).values_list("message", flat=True).first(),
        "last_parsed_at": dag.last_parsed_at,
        "max_active_runs": dag.max_active_runs,
        "tasks": tasks,
    }
    top = {name: value for name, value in data.items() if name != "tasks"}
    console.show(data, [*fields(top), "", *rows(tasks, ("task_id", "operator", "upstream"))])


def pause(console: Console, options: Options) -> None:
    _pause(console, options, True)


def unpause(console: Console, options: Options) -> None:
    _pause(console, options, False)


def _pause(console: Console, options: Options, paused: bool) -> None:
    freeze = paused and options.freeze
    for dag_id in options.dag_ids:
        _find(dag_id)
    for dag_id in options.dag_ids:
        actions.pause(dag_id, paused, freeze=freeze, user=None)
    data = [{"dag_id": dag_id, "is_paused": paused, "is_frozen": freeze} for dag_id in options.dag_ids]
    word = "frozen" if freeze else "paused" if paused else "unpaused"
    console.show(data, [f"{dag_id} is {word}" for dag_id in options.dag_ids])


def next_runs(console: Console, options: Options) -> None:
    if not 1 <= options.count <= schedule.MOST_UPCOMING:
        raise CommandError(f"--count must be 1 to {schedule.MOST_UPCOMING}, not {options.count}")
    dag = _find(options.dag_id)
    found = schedule.preview(dag, options.count, timezone.now())
    data = [
        {
            "run_after": each.run.run_after,
            "local_time": each.local,
            "timezone": found.timezone,
            "logical_date": each.run.logical_date,
            "data_interval_start": each.run.interval.start,
            "data_interval_end": each.run.interval.end,
            "notes": list(each.notes),
        }
        for each in found.runs
    ]
    lines = [{**each, "notes": "; ".join(each["notes"])} for each in data]
    console.show(data, rows(lines, ("local_time", "run_after", "data_interval_start", "data_interval_end", "notes")))
    if found.ending:
        console.note(f"No {'more' if data else 'scheduled'} runs of {dag.dag_id}: {found.ending}")
    if dag.is_paused and data:
        console.note(f"{dag.dag_id} is paused: no run is made before it is unpaused")


def trigger(console: Console, options: Options) -> None:
    conf = read_json(options.conf, "--conf") if options.conf else {}
    if not isinstance(conf, dict):
        raise CommandError('--conf must be a JSON object, e.g. \'{"day": "2026-03-01"}\'')
    date: Json = {}
    if options.logical_date:
        date["logical_date"] = read_time(options.logical_date, "--logical-date")
    run = actions.trigger_dag(options.dag_id, conf=conf, run_id=options.run_id, triggered_by="cli", **date)
    if options.wait:
        run = _wait(run, options.timeout)
    data = {
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "state": run.state,
        "logical_date": run.logical_date,
        "conf": run.conf,
        "is_paused": Dag.objects.values_list("is_paused", flat=True).get(pk=run.dag_id),
    }
    console.show(data, [f"{run.dag_id} {run.run_id} {run.state}"])
    if data["is_paused"] and run.state not in RUN_FINISHED:
        console.note(f"{run.dag_id} is paused: the run waits until `manage.py dags unpause {run.dag_id}`")
    if options.wait and run.state != RunState.SUCCESS:
        raise CommandError(f"The run {run.run_id} of {run.dag_id} ended as {run.state}")


def _wait(run: DagRun, limit: float) -> DagRun:
    deadline = time.monotonic() + limit
    while run.state not in RUN_FINISHED:
        if time.monotonic() > deadline:
            raise CommandError(f"The run {run.run_id} of {run.dag_id} is still {run.state} after {limit:g} s")
        time.sleep(0.1)
        run.refresh_from_db()
    return run


def delete(console: Console, options: Options) -> None:
    dag = _find(options.dag_id)
    if not options.yes:
        raise CommandError(f"This deletes {dag.dag_id} with all its runs and versions: say so with --yes")
    actions.delete_dag(dag.dag_id, user=None)
    lines = [f"{dag.dag_id} is deleted"]
    if not dag.is_stale:
        lines.append(f"It comes back without its runs unless {dag.fileloc} goes, too")
    console.show({"dag_id": dag.dag_id, "deleted": True}, lines)


def source(console: Console, options: Options) -> None:
    dag = _find(options.dag_id)
    version = dag.version
    if options.version is not None:
        version = DagVersion.objects.filter(dag=dag, version_number=options.version).first()
    if version is None:
        numbers = DagVersion.objects.filter(dag=dag).values_list("version_number", flat=True)
        raise CommandError(f"{dag.dag_id} has no version {options.version}: it has {', '.join(map(str, numbers))}")
    name = options.file or version.relative_path
    if name not in version.tree.manifest:
        raise CommandError(
            f"Version {version.version_number} has no file {name}: see {', '.join(version.tree.manifest)}"
        )
    text = read_sources(version, [name])[name].decode("utf-8", "replace")
    data = {
        "dag_id": dag.dag_id,
        "version": version.version_number,
        "file": name,
        "files": sorted(version.tree.manifest),
        "content": text,
    }
    console.show(data, [text.rstrip("\n")])


def reparse(console: Console, options: Options) -> None:
    paths = None
    if options.dag_ids:
        files = {dag_id: _find(dag_id).file for dag_id in options.dag_ids}
        lost = [dag_id for dag_id, file in files.items() if file is None or file.gone_at is not None]
        if lost:
            raise CommandError(f"No file defines {lost[0]} any more")
        paths = {(file.bundle_name, file.relative_path) for file in files.values() if file is not None}
    try:
        made = Keeper(configured(), on_changed=tell)
    except BundleError as error:
        raise CommandError(str(error)) from error
    try:
        counts = made.settle(limit=3600, only=paths)
    finally:
        made.close()
    there = {(place.config.name, path) for place in made.places for path in place.processor.dag_files}
    missing = sorted((paths or set()) - there)
    if missing:
        raise CommandError(f"{missing[0][1]} is no DAG file in bundle {missing[0][0]}")
    data = {"parsed": counts.parsed, "errors": counts.errors, "new_versions": counts.new_versions, "gone": counts.gone}
    console.show(data, [f"{counts.parsed} files parsed, {counts.new_versions} new versions, {counts.errors} errors"])
    if counts.errors:
        raise CommandError("Not every file can be imported: see `manage.py dags errors`")


def _one(parser: ArgumentParser) -> None:
    parser.add_argument("dag_id")


def _some(parser: ArgumentParser) -> None:
    parser.add_argument("dag_ids", nargs="+", metavar="dag_id")


def _pause_arguments(parser: ArgumentParser) -> None:
    _some(parser)
    parser.add_argument("--freeze", action="store_true", help="runs under way start no more tasks, either")


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="those whose file is gone, too")
    parser.add_argument("--tag", help="only those with this tag")


def _next_arguments(parser: ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--count", type=int, default=1, help="how many runs to come (1)")


def _trigger_arguments(parser: ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--conf", help="a JSON object: the run's configuration")
    parser.add_argument("--run-id", help="by default made from the time")
    parser.add_argument("--logical-date", help="by default now")
    parser.add_argument("--wait", action="store_true", help="until the run ends; fails unless it succeeds")
    parser.add_argument("--timeout", type=float, default=3600.0, help="with --wait: seconds at most (3600)")


def _delete_arguments(parser: ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--yes", action="store_true", help="really")


def _source_arguments(parser: ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--version-number", type=int, dest="version", help="by default the current one")
    parser.add_argument("--file", help="another file of the version")


def _reparse_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("dag_ids", nargs="*", metavar="dag_id", help="by default every file")


class Command(GroupCommand):
    """``dags ACTION ...``; each action takes ``--json``."""

    help = "List, show, pause, trigger and delete DAGs."
    subcommands = {
        "list": Subcommand("those that a file defines", list_dags, _list_arguments),
        "errors": Subcommand("files that cannot be imported, and why", list_errors),
        "show": Subcommand("one DAG and its tasks", show, _one),
        "pause": Subcommand("start no runs; those under way finish", pause, _pause_arguments),
        "unpause": Subcommand("go on", unpause, _some),
        "next": Subcommand("scheduled runs to come", next_runs, _next_arguments),
        "trigger": Subcommand("make a run now", trigger, _trigger_arguments),
        "test": Subcommand("run it here and now, without servers", local_runs.test, local_runs.arguments),
        "check": Subcommand("whether DAG files can be deployed, for CI", checks.check, checks.arguments),
        "plan": Subcommand("what changes if DAG files are deployed", plans.plan, plans.arguments),
        "delete": Subcommand("a DAG with its runs and versions", delete, _delete_arguments),
        "source": Subcommand("the code of a version", source, _source_arguments),
        "reparse": Subcommand("read files again, now and here", reparse, _reparse_arguments),
    }
